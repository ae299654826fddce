"""The score record: one annotator's labels of one data unit, scored, with everything the figure depends on."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from benchmark_qa.records.sketch import Sketch


@dataclass(frozen=True)
class ScoreIdentity:
    """What was compared with what, under which rules. Two deliveries of the same work have the same identity."""

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
    """The labels were edited after the task had left the annotators: the score is kept, and counts nowhere"""

    @cached_property
    def key(self) -> str:
        """Deterministic primary key, 32 hex digits: an upsert under it makes repetition harmless."""
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
    """E-mail; None where the branch has no known author (reported as such, never guessed)"""
    data_title: str
    scored_at: datetime
    score: float | None
    passed: bool | None
    true_positives: int
    false_positives: int
    false_negatives: int
    similarity_sum: float
    """Sum of the similarities of the matches"""
    classifications_correct: float
    classifications_total: int
    details: Mapping[str, Any] = field(repr=False)
    """`TaskScore.to_dict()`: every component, and conflicts as `benchmark_qa.records.conflicts` keeps them"""
    attributes_correct: float = 0.0
    attributes_total: int = 0
    dataset_hash: str | None = None
    sketch: Sketch | None = field(default=None, repr=False)
    """What both sides look like; None for records from before it was kept"""
    submitted_at: datetime | None = None
    """When the work was handed in, by its label row's last edit; None where there is no row, or from before it was
    kept"""


@dataclass(frozen=True, slots=True)
class PersonsWork:
    """One annotator's tasks at the annotation stages of the production project, benchmark items among them."""

    done: int
    """Data units submitted, and not in hand again"""
    assigned: int | None
    """Those, and what is in hand; None where it is not known"""
    reviewed: int
    """Data units that a reviewer has approved or rejected"""
    accepted_at_once: int
    """Those of them that were never rejected"""
    rejections: int


@dataclass(frozen=True)
class WorkReading:
    """What was read of one project, and when."""

    since: datetime
    """Work before that is not in it"""
    read_at: datetime
    people: Mapping[str, PersonsWork] = field(default_factory=dict)
    """By e-mail"""
    seconds: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """Time at annotation stages by e-mail and data hash, of data units that have a score"""


@dataclass(frozen=True)
class Judged:
    """One annotator's score of one data unit, as far as words about it need to know."""

    annotator: str | None
    score: float | None
    passed: bool
    conflicts: Mapping[tuple[str, str, str | None], int] = field(default_factory=dict)
    """How many there are of each kind, class, and what the labels have instead (`ConflictKey`)"""


def passed(record: ScoreRecord, threshold: float) -> bool | None:
    """Whether one task is good enough: its requirements where some are configured, else its score.

    None: it could not be judged (neither is known), which never counts as a failure.
    """
    if record.passed is not None:
        return record.passed
    return None if record.score is None else record.score >= threshold
