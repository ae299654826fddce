"""Which work counts, and when it was submitted: the first attempt of each person at each item.

The order is that of submission, not of scoring: a score that is made again keeps its place.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import numpy as np

from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.stats.evidence import OBJECTS_OF_A_TASK, Gains, object_gains, value_gains
from benchmark_qa.stats.intervals import RatioTotals


@dataclass(frozen=True, slots=True)
class Submission:
    """One attempt of one person at one item."""

    record: ScoreRecord
    at: datetime
    """When the first version was submitted; if that is not known, when it was scored"""
    is_moment_known: bool = True

    @property
    def order(self) -> tuple[datetime, str, str]:
        """Sort key: time, then data unit, so that the order of the input has no effect."""
        identity = self.record.identity
        return self.at, identity.data_hash, identity.branch_name


def in_order(records: Iterable[ScoreRecord], first_versions: Iterable[ScoreRecord] = ()) -> list[Submission]:
    """The submissions of these records that count, in order of submission.

    Only the first attempt at an item counts: in a second one the person has seen the item before. Work of unknown
    annotators counts as it is.

    Args:
        records: the current score of every branch of every data unit.
        first_versions: the first score of each of them. Without it, the record's own time is used.
    """
    first = {_task(record): record for record in first_versions}
    submissions = sorted(
        _among_the_known([_submission(record, first.get(_task(record), record)) for record in records]),
        key=lambda each: each.order,
    )
    met: set[tuple[str, str]] = set()
    counted = []
    for each in submissions:
        annotator, data_hash = each.record.annotator, each.record.identity.data_hash
        if annotator is not None:
            if (annotator, data_hash) in met:
                continue
            met.add((annotator, data_hash))
        counted.append(each)
    return counted


def _among_the_known(submissions: list[Submission]) -> list[Submission]:
    """Place work of unknown moment, which was scored after all other work of its person, among that other work.

    An empty answer may have no label row and so no moment. Where a whole project is scored at once, all empty answers
    would come last, and the evidence would take them for a decline. The place follows from the data hash alone.
    """
    moments: defaultdict[str | None, list[datetime]] = defaultdict(list)
    for each in submissions:
        if each.is_moment_known:
            moments[each.record.annotator].append(each.at)
    for known in moments.values():
        known.sort()

    def placed(each: Submission) -> Submission:
        known = moments.get(each.record.annotator)
        if each.is_moment_known or not known or each.at <= known[-1]:
            return each
        digest = hashlib.sha256(each.record.identity.data_hash.encode()).digest()
        return replace(each, at=known[int.from_bytes(digest[:8], "big") % len(known)])

    return [placed(each) for each in submissions]


def _submission(record: ScoreRecord, first: ScoreRecord) -> Submission:
    known = submitted_at(first)
    return Submission(record, known or first.scored_at, known is not None)


def submitted_at(record: ScoreRecord) -> datetime | None:
    """When the work was submitted according to Encord, else when the labels were last edited.

    None if neither is known: an empty answer may have no label row.
    """
    return record.submitted_at or record.identity.labels_edited_at


def replaced_by_another_attempt(record: ScoreRecord, first: ScoreRecord) -> bool:
    """Whether the record has another label row than the first version of its branch.

    This happens when a dataset is detached from the project and attached again: its items become new tasks.
    """
    hashes = (first.identity.label_hash, record.identity.label_hash)
    return record.annotator == first.annotator and None not in hashes and hashes[0] != hashes[1]


def newest_of_attempt(history: Sequence[ScoreRecord], first: ScoreRecord, until: datetime | None) -> ScoreRecord:
    """The newest score of the first attempt until a moment; `first` is the score of its first version."""
    own = [
        record
        for record in history
        if record.identity.branch_name == first.identity.branch_name
        and record.identity.label_hash == first.identity.label_hash
        and not record.identity.late
        and (until is None or record.scored_at <= until)
    ]
    return max(own, key=_newest, default=first)


def _newest(record: ScoreRecord) -> tuple[float, datetime, str]:
    """Sort key: the time of the truth, then of the score."""
    truth = record.identity.truth_edited_at
    return truth.timestamp() if truth else 0.0, record.scored_at, record.identity.key


def _task(record: ScoreRecord) -> tuple[str, str]:
    return record.identity.data_hash, record.identity.branch_name


def without_items(submissions: Iterable[Submission], data_hashes: Iterable[str]) -> list[Submission]:
    """The submissions of all other items."""
    left_out = frozenset(data_hashes)
    return [each for each in submissions if each.record.identity.data_hash not in left_out]


JudgedFigure = Literal[
    "f1", "precision", "recall", "mean_similarity", "accuracy", "attribute_accuracy", "score", "passed"
]


FigurePart = tuple[float, float]
"""What a task adds to numerator and denominator; the denominator is 0 if there was nothing to judge"""


_NEAREST_BAR = 0.001
"""Least distance of the bar from 0 and 1: nobody can be below 0 or above 1; evidence needs both"""


def figure_of(records: Iterable[ScoreRecord]) -> JudgedFigure:
    """F1 if the project has objects, else the accuracy of answers if it has questions, else the score."""
    return figure_among(
        "f1" if _drawn(each) else "accuracy" if each.classifications_total else "score" for each in records
    )


def figure_among(figures: Iterable[JudgedFigure]) -> JudgedFigure:
    """The figure of a project from those of its parts."""
    found: JudgedFigure = "score"
    for figure in figures:
        if figure == "f1":
            return "f1"
        if figure == "accuracy":
            found = "accuracy"
    return found


def part_of(record: ScoreRecord, figure: JudgedFigure) -> FigurePart:
    """What one task adds to the figure: weighted parts of F1, or the task's own value of another figure.

    The weight of a task is c = min(1, 3 / objects of the truth), and at most 3 of its spurious objects count: one task
    can neither save nor fail a person, and boxes on empty images lower the figure.
    """
    if figure == "f1":
        matches, missing = record.true_positives, record.false_negatives
        spurious = min(record.false_positives, OBJECTS_OF_A_TASK)
        weight = min(1.0, OBJECTS_OF_A_TASK / max(matches + missing, 1))
        return weight * 2 * matches, weight * (2 * matches + spurious + missing)
    value = _VALUES[figure](record)
    return _NOTHING if value is None else (min(max(value, 0.0), 1.0), 1.0)


def totals_of_figure(records: Iterable[ScoreRecord], figure: JudgedFigure) -> RatioTotals:
    """The sums of the figure over these tasks."""
    parts = np.array([part_of(record, figure) for record in records]).reshape(-1, 2)
    return RatioTotals.of(parts[:, 0], parts[:, 1])


def gains_of(records: Sequence[ScoreRecord], figure: JudgedFigure, bar: float) -> Gains:
    """The evidence of each task for and against the person, in the order given."""
    held = min(max(bar, _NEAREST_BAR), 1.0 - _NEAREST_BAR)
    if figure == "f1":
        counts = np.array(
            [(each.true_positives, each.false_positives, each.false_negatives) for each in records], float
        ).reshape(-1, 3)
        matches, spurious, missing = counts.T
        return object_gains(matches, spurious, missing, matches + missing, held)
    parts = [part_of(record, figure) for record in records]
    return value_gains([above if below else np.nan for above, below in parts], held)


def _drawn(record: ScoreRecord) -> int:
    return record.true_positives + record.false_positives + record.false_negatives


def _is_judged(record: ScoreRecord) -> bool:
    """Whether the truth or the labels hold anything; an empty answer to an empty image says nothing of a person."""
    return bool(_drawn(record) or record.classifications_total or record.score != 1)


def _share(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if denominator else None


_NOTHING: FigurePart = (0.0, 0.0)


_VALUES: Mapping[JudgedFigure, Callable[[ScoreRecord], float | None]] = {
    "precision": lambda each: _share(each.true_positives, each.true_positives + each.false_positives),
    "recall": lambda each: _share(each.true_positives, each.true_positives + each.false_negatives),
    "mean_similarity": lambda each: _share(each.similarity_sum, each.true_positives),
    "accuracy": lambda each: _share(each.classifications_correct, each.classifications_total),
    "attribute_accuracy": lambda each: _share(each.attributes_correct, each.attributes_total),
    "score": lambda each: each.score if _is_judged(each) else None,
    "passed": lambda each: None if each.passed is None or not _is_judged(each) else float(each.passed),
}
