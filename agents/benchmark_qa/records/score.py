"""The score record: one annotator's score of one data unit, and everything it depends on."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from benchmark_qa.records.sketch import Sketch


@dataclass(frozen=True)
class ScoreIdentity:
    """The two sides and the rules of a score. Two deliveries of the same work have the same identity."""

    production_project: str
    benchmark_project: str
    data_hash: str
    branch_name: str
    label_hash: str | None
    labels_edited_at: datetime | None
    truth_label_hash: str | None
    truth_edited_at: datetime | None
    config_fingerprint: str
    engine_version: str
    late: bool = False
    """The labels were edited after the task left the annotators; the score is stored but never counted."""

    @cached_property
    def key(self) -> str:
        """Deterministic primary key, 32 hex digits; an upsert under it can be repeated safely."""
        parts = (
            self.production_project,
            self.benchmark_project,
            self.data_hash,
            self.branch_name,
            self.label_hash or "",
            self.labels_edited_at.isoformat() if self.labels_edited_at else "",
            self.truth_label_hash or "",
            self.truth_edited_at.isoformat() if self.truth_edited_at else "",
            self.config_fingerprint,
            self.engine_version,
            *(("late",) if self.late else ()),
        )
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class ScoreRecord:
    """One score as the store keeps it."""

    identity: ScoreIdentity
    annotator: str | None
    """E-mail; None if the branch has no known author (reported as unknown, never guessed)."""
    data_title: str
    scored_at: datetime
    score: float | None
    passed: bool | None
    true_positives: int
    false_positives: int
    false_negatives: int
    similarity_sum: float
    """Sum of the similarities of the matches."""
    classifications_correct: float
    classifications_total: int
    details: Mapping[str, Any] = field(repr=False)
    """`TaskScore.to_dict()`, with conflicts as `benchmark_qa.records.conflicts` keeps them."""
    attributes_correct: float = 0.0
    attributes_total: int = 0
    dataset_hash: str | None = None
    sketch: Sketch | None = field(default=None, repr=False)
    """Drawings and answers of both sides; None for records older than sketches."""
    submitted_at: datetime | None = None
    """Time of submission, from the label row's last edit; None without a row, or for older records."""


@dataclass(frozen=True, slots=True)
class PersonsWork:
    """One annotator's tasks at the annotation stages of the production project, including benchmark items."""

    done: int
    """Data units that are submitted and not in progress again."""
    assigned: int | None
    """`done` plus data units in progress; None if unknown."""
    reviewed: int
    """Data units that a reviewer has approved or rejected."""
    accepted_at_once: int
    """Reviewed data units that were never rejected."""
    rejections: int


@dataclass(frozen=True)
class WorkReading:
    """The annotator work that was read from one project, and the time of reading."""

    since: datetime
    """Work before this time is left out."""
    read_at: datetime
    people: Mapping[str, PersonsWork] = field(default_factory=dict)
    """Annotator work by e-mail."""
    seconds: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """Seconds at annotation stages by e-mail and data hash, for data units with a score."""


@dataclass(frozen=True)
class Judged:
    """Input of the message functions: one annotator's score of one data unit."""

    annotator: str | None
    score: float | None
    passed: bool
    conflicts: Mapping[tuple[str, str, str | None], int] = field(default_factory=dict)
    """Number of conflicts by kind, class, and what the labels have instead (`ConflictKey`)."""


def passed(record: ScoreRecord, threshold: float) -> bool | None:
    """Whether one task passes: by its requirements if any are configured, otherwise by its score.

    None if neither is known; such a task never counts as failed.
    """
    if record.passed is not None:
        return record.passed
    return None if record.score is None else record.score >= threshold
