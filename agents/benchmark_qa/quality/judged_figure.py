"""The one figure that a verdict about a person is made of: what each task adds to it, and what each task says."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

import numpy as np

from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.stats.evidence import OBJECTS_OF_A_TASK, Gains, object_gains, value_gains
from benchmark_qa.stats.intervals import RatioTotals

JudgedFigure = Literal[
    "f1", "precision", "recall", "mean_similarity", "accuracy", "attribute_accuracy", "score", "passed"
]
Part = tuple[float, float]
"""What a task adds above and below the line; nothing below: there was nothing to judge"""
_NOTHING: Part = (0.0, 0.0)
_NEAREST_BAR = 0.001
"""A bar of 0 or 1 is one that nobody can be below, or above; evidence needs both sides"""


def figure_of(records: Iterable[ScoreRecord]) -> JudgedFigure:
    """F1 where the project has objects, else the accuracy of answers where it has questions, else the score."""
    found: JudgedFigure = "score"
    for record in records:
        if _drawn(record):
            return "f1"
        if record.classifications_total:
            found = "accuracy"
    return found


def part_of(record: ScoreRecord, figure: JudgedFigure) -> Part:
    """What one task adds to the figure: F1 with capped weights, of any other figure the task's own value.

    A task weighs c = min(1, 3 / objects of the truth), and at most 3 of its spurious objects count: one task can
    neither save nor sink a person, and boxes on empty images have a price.
    """
    if figure == "f1":
        matches, missing = record.true_positives, record.false_negatives
        spurious = min(record.false_positives, OBJECTS_OF_A_TASK)
        weight = min(1.0, OBJECTS_OF_A_TASK / max(matches + missing, 1))
        return weight * 2 * matches, weight * (2 * matches + spurious + missing)
    value = _VALUES[figure](record)
    return _NOTHING if value is None else (min(max(value, 0.0), 1.0), 1.0)


def totals_of_figure(records: Iterable[ScoreRecord], figure: JudgedFigure) -> RatioTotals:
    """The sums of the figure over some tasks."""
    parts = np.array([part_of(record, figure) for record in records]).reshape(-1, 2)
    return RatioTotals.of(parts[:, 0], parts[:, 1])


def gains_of(records: Sequence[ScoreRecord], figure: JudgedFigure, bar: float) -> Gains:
    """What each task says for and against the person, in the order given."""
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


def _share(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if denominator else None


_VALUES: Mapping[JudgedFigure, Callable[[ScoreRecord], float | None]] = {
    "precision": lambda each: _share(each.true_positives, each.true_positives + each.false_positives),
    "recall": lambda each: _share(each.true_positives, each.true_positives + each.false_negatives),
    "mean_similarity": lambda each: _share(each.similarity_sum, each.true_positives),
    "accuracy": lambda each: _share(each.classifications_correct, each.classifications_total),
    "attribute_accuracy": lambda each: _share(each.attributes_correct, each.attributes_total),
    "score": lambda each: each.score,
    "passed": lambda each: None if each.passed is None else float(each.passed),
}
