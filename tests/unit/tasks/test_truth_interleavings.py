"""Two instances score while the truth changes: no score against an older truth ever counts."""

from pathlib import Path

import pytest

from benchmark_qa.tasks.drain import handle_event
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
)


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
