"""The score record: one annotator's score of one data unit, all it depends on, its conflicts and its shares."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, Self, get_args

from benchmark_qa.engine.result import Conflict, TaskScore
from benchmark_qa.records.sketch import PackedSketch, Sketch, packed_json, unpacked_json


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
    """`TaskScore.to_dict()`, with conflicts as `benchmark_qa.records.score` keeps them."""
    attributes_correct: float = 0.0
    attributes_total: int = 0
    dataset_hash: str | None = None
    sketch: Sketch | PackedSketch | None = field(default=None, repr=False)
    """Drawings and answers of both sides; None for records older than sketches."""
    submitted_at: datetime | None = None
    """Time of submission, from the label row's last edit; None without a row, or for older records."""

    def open_sketch(self) -> Sketch | None:
        """The sketch, unpacked if the store gave it packed."""
        return self.sketch.unpack() if isinstance(self.sketch, PackedSketch) else self.sketch


class PackedDetails(Mapping[str, Any]):
    """A record's details as compressed JSON: a report holds those of a whole project. Each access decodes them."""

    __slots__ = ("_content",)

    def __init__(self, content: bytes) -> None:
        self._content = content

    @classmethod
    def of(cls, text: str) -> Self:
        """Pack the JSON text of a record's details."""
        return cls(packed_json(text))

    def __getitem__(self, key: str) -> Any:
        """The value of one key; raises KeyError."""
        return unpacked_json(self._content)[key]

    def __iter__(self) -> Iterator[str]:
        """The keys."""
        return iter(unpacked_json(self._content))

    def __len__(self) -> int:
        """The number of keys."""
        return len(unpacked_json(self._content))


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


CONFLICTS_KEPT = 1_000
"""Conflicts that a record keeps in full; about 0.3 MB of JSON."""


UNMATCHED = ("missing", "spurious", "mislabelled", "low_overlap")
"""Conflict kinds of drawings that match no drawing on the other side."""


ConflictKey = tuple[str, str, str | None]
"""Kind, class, and what the labels have instead: a class, or the question with the wrong answer."""


def details_of(score: TaskScore, sketch: Sketch) -> dict[str, Any]:
    """`TaskScore.to_dict()` with at most `CONFLICTS_KEPT` conflicts, and counts of all by kind.

    Args:
        score: the score with all its conflicts.
        sketch: the sketch of the same record; conflicts of its drawings are kept before the others.
    """
    counts = Counter(_key(each.kind, each.feature, each.other) for each in score.conflicts)
    kept = tuple(_without_text(conflict) for conflict in _kept(score.conflicts, sketch))
    return replace(score, conflicts=kept).to_dict() | {
        "conflicts_total": len(score.conflicts),
        "conflict_counts": [[*key, count] for key, count in counts.items()],
    }


def _without_text(conflict: Conflict) -> Conflict:
    """The conflict without free text; records keep chosen options and numbers only."""
    return replace(conflict, expected=None, given=None) if conflict.is_text else conflict


def conflict_counts(details: Mapping[str, Any]) -> Counter[ConflictKey]:
    """Number of conflicts of each kind in a record's score, in the order of their first occurrence."""
    counted = details.get("conflict_counts")
    if counted is not None:
        return Counter({(kind, feature, other): count for kind, feature, other, count in counted})
    # Records from before the counts hold every conflict.
    return Counter(
        _key(each["kind"], each.get("feature", ""), each.get("other")) for each in details.get("conflicts", ())
    )


def _key(kind: str, feature: str, other: str | None) -> ConflictKey:
    """The key for counting; without `other` for an identity switch, where it is a single object."""
    return kind, feature, None if kind == "identity_switch" else other


def _kept(conflicts: Sequence[Conflict], sketch: Sketch) -> tuple[Conflict, ...]:
    """At most `CONFLICTS_KEPT` conflicts in their order; those of the sketch's drawings are preferred."""
    if len(conflicts) <= CONFLICTS_KEPT:
        return tuple(conflicts)
    drawn = {mark.instance for mark in (*sketch.truth, *sketch.labels)}
    shown = [place for place, each in enumerate(conflicts) if _is_shown(each, sketch.frame, drawn)]
    chosen = sorted(list(dict.fromkeys((*shown, *range(len(conflicts)))))[:CONFLICTS_KEPT])
    return tuple(conflicts[place] for place in chosen)


def _is_shown(conflict: Conflict, frame: int, drawn: set[str]) -> bool:
    first = conflict.frame
    last = first if conflict.last_frame is None else conflict.last_frame
    if conflict.kind not in UNMATCHED or first is None or last is None:
        return False
    return first <= frame <= last and (conflict.truth_object in drawn or conflict.label_object in drawn)


Figure = Literal[
    "tasks", "precision", "recall", "f1", "mean_similarity", "accuracy", "attribute_accuracy", "score", "passed"
]


FIGURES: tuple[Figure, ...] = get_args(Figure)


_ALMOST = 1.0 - 1e-12


FigureShare = tuple[Figure, float, float]
"""Figure, numerator, denominator."""


def shares_of(record: ScoreRecord) -> Iterator[FigureShare]:
    """Every figure that one record contributes to.

    precision = tp / (tp + fp), recall = tp / (tp + fn), F1 = 2 tp / (2 tp + fp + fn), mean similarity = sum over the
    matches / tp, accuracies = agreement / answers that were compared (`AnswerScore.accuracy`), score = score / 1,
    passed = 1 or 0 / 1, and tasks = 1 / 1.
    """
    yield "tasks", 1.0, 1.0
    yield from object_shares(
        record.true_positives, record.false_positives, record.false_negatives, record.similarity_sum
    )
    if record.classifications_total:
        yield "accuracy", record.classifications_correct, record.classifications_total
    if record.attributes_total:
        yield "attribute_accuracy", record.attributes_correct, record.attributes_total
    if record.score is not None:
        yield "score", record.score, 1.0
    if record.passed is not None:
        yield "passed", float(record.passed), 1.0


def object_shares(tp: int, fp: int, fn: int, similarity_sum: float) -> Iterator[FigureShare]:
    """The figures of objects."""
    if tp + fp:
        yield "precision", tp, tp + fp
    if tp + fn:
        yield "recall", tp, tp + fn
    if tp + fp + fn:
        yield "f1", 2 * tp, 2 * tp + fp + fn
    if tp:
        yield "mean_similarity", similarity_sum, tp


def add_shares(sums: dict[Figure, list[float]], shares: Iterable[FigureShare], sign: float = 1.0) -> None:
    """Add one task's figures to running sums in the order of `RatioTotals`; a `sign` of -1 subtracts them."""
    for figure, numerator, denominator in shares:
        some = sums.get(figure)
        if some is None:
            some = sums[figure] = [0.0] * 8
        some[0] += sign
        some[1] += sign * numerator
        some[2] += sign * denominator
        some[3] += sign * numerator * numerator
        some[4] += sign * numerator * denominator
        some[5] += sign * denominator * denominator
        some[6] += sign * (numerator < denominator * _ALMOST)
        some[7] += sign * (numerator > 0.0)
