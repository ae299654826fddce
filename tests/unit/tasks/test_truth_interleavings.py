"""Two instances score while the truth changes: no score against an older truth ever counts."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark_qa.store.promotion import TruthVersions
from benchmark_qa.tasks.errors import TruthChanging
from benchmark_qa.tasks.events import handle_event
from benchmark_qa.tasks.score import Scorer
from tests.unit.tasks.fake_encord import (
    BENCHMARK,
    COMPLETE,
    OTHER,
    PRODUCTION,
    RIGHT,
    FakeEncord,
    Row,
    platform,
    scorer_on,
    unit,
    uuid,
)

UNITS = 1


class Interleaved:
    """Two instances on one store and one platform; each answer of the platform's may let the other one work first."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.fake = platform(UNITS)
        url = f"sqlite:///{folder}/scores.sqlite"
        self.instances = [scorer_on(self.fake, url) for _ in range(2)]
        for instance in self.instances:
            instance.truth.rows([])  # the first look holds a lock, and here nobody else could give way
        self.depth = 0
        self.store = self.instances[0].store

    def begin(self, number: int) -> None:
        """Other data units, on the same store."""
        hashes = [uuid(f"unit {n} of {number}") for n in range(UNITS)]
        self.fake.work = {h: Row(h, RIGHT, COMPLETE, self.fake.now) for h in hashes}
        self.fake.truth = {h: Row(h, RIGHT, COMPLETE, self.fake.now) for h in hashes}
        self.hashes = hashes
        for instance in self.instances:
            instance.truth.forget(hashes)

    def run(self, steps: int) -> None:
        self.fake.meanwhile = self._meanwhile
        for _ in range(steps):
            self._something(self.random.randrange(2))
        self.fake.meanwhile = lambda _: None

    def _meanwhile(self, _: str) -> None:
        if self.depth < 2 and self.random.random() < 0.35:
            self.depth += 1
            self._something(self.random.randrange(2))
            self.depth -= 1

    def _something(self, who: int) -> None:
        data_hash = self.random.choice(self.hashes)
        work = self.random.choice((self._correct_truth, self._save_again, self._score, self._score))
        work(self.instances[who], data_hash)

    def _correct_truth(self, instance: Scorer, data_hash: str) -> None:
        row = self.fake.truth[data_hash]
        self.fake.edit(row, OTHER if row.boxes == RIGHT else RIGHT)
        _patiently(lambda: handle_event(instance, BENCHMARK, [data_hash]))

    def _save_again(self, instance: Scorer, data_hash: str) -> None:
        row = self.fake.work[data_hash]
        self.fake.edit(row, row.boxes)
        self._score(instance, data_hash)

    def _score(self, instance: Scorer, data_hash: str) -> None:
        _patiently(lambda: list(instance.score_in_bundles([data_hash])))

    def check(self) -> None:
        counting = {r.identity.data_hash: r for r in self.store.latest(PRODUCTION)}
        for data_hash in self.hashes:
            record = counting.get(data_hash)
            if record is None:
                continue
            known = TruthVersions(self.store.database).newest(PRODUCTION, [data_hash])[data_hash]
            assert record.identity.truth_edited_at == known.edited_at == self.fake.truth[data_hash].edited_at
            right = self.fake.truth[data_hash].boxes == self.fake.work[data_hash].boxes
            assert record.score == (1.0 if right else 0.0), "judged by another content than the record names"


def _patiently(work: Callable[[], object]) -> None:
    """As Encord, or the next `evaluate`, does it again."""
    try:
        work()
    except TruthChanging:
        return


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("rounds", "seed"), [(60, 14), pytest.param(1000, 15, marks=pytest.mark.slow)])
def test_no_current_record_of_an_older_truth_however_two_instances_interleave(
    tmp_path: Path, rounds: int, seed: int
) -> None:
    both = Interleaved(tmp_path, seed)
    for number in range(rounds):
        both.begin(number)
        both.run(3)
        both.check()


def test_an_instance_that_was_told_of_nothing_notices_before_it_saves(tmp_path: Path) -> None:
    fake = platform(1)
    told, untold = (scorer_on(fake, tmp_path / "scores.sqlite") for _ in range(2))
    for each in (told, untold):
        list(each.score_in_bundles([unit(0)]))
    fake.edit(fake.truth[unit(0)], OTHER)
    handle_event(told, BENCHMARK, [unit(0)])
    fake.edit(fake.work[unit(0)], RIGHT)
    ((scores,),) = untold.score_in_bundles([unit(0)])
    assert [record.score for record in scores.records] == [0.0]
    assert [record.score for record in untold.store.latest(PRODUCTION)] == [0.0]


def test_the_truth_is_told_even_where_nothing_is_scored_yet(tmp_path: Path) -> None:
    fake = platform(1)
    told, untold = (scorer_on(fake, tmp_path / "scores.sqlite") for _ in range(2))
    untold.truth.rows([unit(0)])
    work = fake.work.pop(unit(0))
    fake.edit(fake.truth[unit(0)], OTHER)
    assert handle_event(told, BENCHMARK, [unit(0)]).scored == 0
    fake.work[unit(0)] = work
    list(untold.score_in_bundles([unit(0)]))
    assert [record.score for record in untold.store.latest(PRODUCTION)] == [0.0]


@pytest.mark.parametrize("what", ["labels", "truth"])
def test_what_is_edited_while_it_is_read_is_recorded_under_its_own_time(tmp_path: Path, what: str) -> None:
    fake = platform(1)
    scorer = scorer_on(fake, tmp_path / "scores.sqlite")
    row = fake.truth[unit(0)] if what == "truth" else fake.work[unit(0)]
    metadata_read = []

    def edit_between(asked: str) -> None:
        metadata_read.append(asked)
        if metadata_read == ["metadata", "metadata"]:  # of labels and truth; the labels come next
            fake.edit(row, OTHER)

    fake.meanwhile = edit_between
    ((scores,),) = scorer.score_in_bundles([unit(0)])
    (record,) = scores.records
    edited = record.identity.truth_edited_at if what == "truth" else record.identity.labels_edited_at
    assert (edited, record.score) == (row.edited_at, 0.0)
    assert len(scorer.store.history(PRODUCTION, unit(0))) == 1


def test_another_row_may_become_the_truth_however_old_it_is(tmp_path: Path) -> None:
    fake: FakeEncord = platform(1)
    scorer = scorer_on(fake, tmp_path / "scores.sqlite")
    fake.edit(fake.truth[unit(0)], OTHER)
    list(scorer.score_in_bundles([unit(0)]))
    fake.truth[unit(0)] = Row(unit(0), RIGHT, COMPLETE)
    fake.__dict__["_label_hash"] = lambda project, data_hash: FakeEncord._label_hash(f"another {project}", data_hash)
    again = scorer_on(fake, tmp_path / "scores.sqlite")
    list(again.score_in_bundles([unit(0)]))
    assert [record.score for record in again.store.latest(PRODUCTION)] == [1.0]
