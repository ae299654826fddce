"""Which record counts: by truth, then submission, never by the clock of scoring; and after `db rebuild` the same."""

import itertools
from datetime import timedelta
from pathlib import Path

import pytest

from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.store.promotion import SeenTruth, TruthVersions
from benchmark_qa.store.score_store import SqlScoreStore
from tests.records import NOON, PROJECT, data_hash, record


def at(minutes: int) -> timedelta:
    return timedelta(minutes=minutes)


def version(truth: int, submitted: int, scored: int, **fields: object) -> ScoreRecord:
    return record(
        0,
        edited=NOON + at(submitted),
        scored=NOON + at(scored),
        truth_label_hash="1abe1000-0000-4000-8000-00000000beef",
        truth_edited_at=NOON + at(truth),
        score=truth / 10 + submitted / 100,
        **fields,
    )


VERSIONS = [version(1, 1, 9), version(1, 2, 8), version(2, 1, 7), version(2, 2, 1)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_newest_truth_and_submission_count_in_whatever_order_they_are_saved(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    store = SqlScoreStore(f"sqlite:///{tmp_path}/scores.sqlite")
    for number in order:
        store.save([VERSIONS[number]])
    assert store.latest(PROJECT) == [VERSIONS[3]]
    store.database.rebuild()
    assert store.latest(PROJECT) == [VERSIONS[3]]
    assert store.as_of(PROJECT, NOON + at(60)) == [VERSIONS[3]]


def test_who_saves_against_older_truth_is_told(tmp_path: Path) -> None:
    store = SqlScoreStore(f"sqlite:///{tmp_path}/scores.sqlite")
    TruthVersions(store.database).note(PROJECT, {data_hash(0): SeenTruth("label", NOON + at(2))})
    assert store.save([VERSIONS[0], VERSIONS[1]]) == {data_hash(0)}
    assert store.latest(PROJECT) == []
    assert store.save([VERSIONS[2]]) == frozenset()
    assert store.latest(PROJECT) == [VERSIONS[2]]


def test_an_affirmed_score_of_older_truth_stays_out_of_date(tmp_path: Path) -> None:
    store = SqlScoreStore(f"sqlite:///{tmp_path}/scores.sqlite")
    store.save([VERSIONS[0]])
    TruthVersions(store.database).note(PROJECT, {data_hash(0): SeenTruth("label", NOON + at(2))})
    store.mark_stale(PROJECT, [data_hash(0)], "the ground truth has changed")
    store.affirm([VERSIONS[0].identity.key], as_of=NOON + at(99))
    marked = store.stale(PROJECT, config_fingerprint="0123456789abcdef", engine_version="1")
    assert marked == {VERSIONS[0].identity.key: "the ground truth has changed"}


def test_a_late_score_is_kept_and_counts_nowhere(tmp_path: Path) -> None:
    store = SqlScoreStore(f"sqlite:///{tmp_path}/scores.sqlite")
    late = version(5, 5, 5, late=True)
    store.save([late])
    assert store.latest(PROJECT) == []
    assert store.totals(PROJECT) == {}
    store.save([VERSIONS[0]])
    store.database.rebuild()
    assert store.latest(PROJECT) == [VERSIONS[0]]
    assert late in store.history(PROJECT, data_hash(0))
    assert version(5, 5, 5).identity.key != late.identity.key
