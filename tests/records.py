"""Score records for tests of the store and the reports."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from benchmark_qa.records.score import ScoreIdentity, ScoreRecord

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROJECT = "7a000000-0000-4000-8000-000000000001"


def data_hash(number: int) -> str:
    return f"5e0b3a44-0000-4000-8000-{number:012d}"


def record(number: int = 0, *, edited: datetime = NOON, scored: datetime = NOON, **fields: Any) -> ScoreRecord:
    """One annotator's score of the data unit with this number; `fields` of the record or of its identity."""
    identity = ScoreIdentity(
        production_project=PROJECT,
        benchmark_project="7a000000-0000-4000-8000-000000000002",
        data_hash=data_hash(number),
        branch_name="encord-1",
        label_hash=f"1abe1000-0000-4000-8000-{number:012d}",
        labels_edited_at=edited,
        truth_label_hash=None,
        truth_edited_at=None,
        config_fingerprint="0123456789abcdef",
        engine_version="1",
    )
    of_identity = {name: fields.pop(name) for name in list(fields) if name in ScoreIdentity.__dataclass_fields__}
    whole = ScoreRecord(
        identity=replace(identity, **of_identity),
        annotator="zoë@example.com",
        data_title="Straße 12.jpg",
        scored_at=scored,
        score=0.5,
        passed=None,
        true_positives=3,
        false_positives=1,
        false_negatives=0,
        similarity_sum=2.4,
        classifications_correct=0.0,
        classifications_total=0,
        details={"conflicts": [{"kind": "spurious"}]},
    )
    return replace(whole, **fields)
