"""Score records: upserts under deterministic keys, the newest of each task."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agents.records import ScoreIdentity, ScoreRecord
from agents.store import SqlScoreStore, StoreError

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROJECT = "7a000000-0000-4000-8000-000000000001"


def record(number: int = 0, *, edited: datetime = NOON, scored: datetime = NOON, score: float = 0.5) -> ScoreRecord:
    return ScoreRecord(
        identity=ScoreIdentity(
            production_project=PROJECT,
            benchmark_project="7a000000-0000-4000-8000-000000000002",
            data_hash=f"5e0b3a44-0000-4000-8000-{number:012d}",
            branch_name="encord-1",
            label_hash=f"1abe1000-0000-4000-8000-{number:012d}",
            labels_edited_at=edited,
            truth_label_hash=None,
            truth_edited_at=None,
            config_fingerprint="0123456789abcdef",
            engine_version="1",
        ),
        annotator="zoë@example.com",
        data_title="Straße 12.jpg",
        scored_at=scored,
        score=score,
        passed=None,
        true_positives=3,
        false_positives=1,
        false_negatives=0,
        similarity_sum=2.4,
        classifications_correct=0.0,
        classifications_total=0,
        details={"conflicts": [{"kind": "spurious"}]},
    )


@pytest.fixture
def store(tmp_path: Path) -> SqlScoreStore:
    return SqlScoreStore(f"sqlite:///{tmp_path / 'scores.sqlite'}")


def test_what_is_saved_is_found_again_field_by_field(store: SqlScoreStore) -> None:
    store.save([record()])
    assert store.find([record().identity.key]) == {record().identity.key: record()}


def test_the_same_delivery_twice_changes_nothing(store: SqlScoreStore) -> None:
    store.save([record()])
    store.save([replace(record(), scored_at=NOON + timedelta(hours=1), score=0.9)])
    assert store.latest(PROJECT) == [record()]


def test_a_score_of_changed_labels_is_a_new_version_and_the_newest_counts(store: SqlScoreStore) -> None:
    later = NOON + timedelta(days=1)
    store.save([record(), record(edited=later, scored=later, score=0.8)])
    assert [each.score for each in store.latest(PROJECT)] == [0.8]
    assert len(store.find([record().identity.key, record(edited=later).identity.key])) == 2


def test_writers_at_the_same_time_lose_and_double_nothing(store: SqlScoreStore) -> None:
    def write() -> None:
        for start in range(0, 200, 20):
            store.save([record(number) for number in range(start, start + 20)])

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert store.latest(PROJECT) == [record(number) for number in range(200)]


def test_an_unreachable_database_says_so_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as refused:
        SqlScoreStore(f"sqlite:///{tmp_path}/no/such/folder/scores.sqlite").latest(PROJECT)
    assert "score store" in str(refused.value)
    with pytest.raises(StoreError) as refused:
        SqlScoreStore("oracle+nothing://user:hunter2@host/db")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "field", ["production_project", "data_hash", "branch_name", "label_hash", "config_fingerprint", "engine_version"]
)
def test_every_part_of_the_identity_changes_the_key(field: str) -> None:
    changed = replace(record().identity, **{field: "something else"})
    assert changed.key != record().identity.key
