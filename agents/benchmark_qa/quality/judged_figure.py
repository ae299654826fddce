"""The figure that a verdict about a person uses: the share of each task in it, and its evidence."""

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
"""What a task adds to numerator and denominator; the denominator is 0 if there was nothing to judge"""
_NOTHING: Part = (0.0, 0.0)
_NEAREST_BAR = 0.001
"""Least distance of the bar from 0 and 1: nobody can be below 0 or above 1; evidence needs both"""


def figure_of(records: Iterable[ScoreRecord]) -> JudgedFigure:
    """F1 if the project has objects, else the accuracy of answers if it has questions, else the score."""
    found: JudgedFigure = "score"
    for record in records:
        if _drawn(record):
            return "f1"
        if record.classifications_total:
            found = "accuracy"
    return found


def part_of(record: ScoreRecord, figure: JudgedFigure) -> Part:
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
