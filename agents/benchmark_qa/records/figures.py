"""The figures that are published of an annotator, each a ratio of two sums over tasks.

This is the only definition of the sums: the store keeps them for every annotator's current records, and reports compute
them from any selection of records.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, get_args

from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.stats.intervals import RatioTotals

Figure = Literal[
    "tasks", "precision", "recall", "f1", "mean_similarity", "accuracy", "attribute_accuracy", "score", "passed"
]
FIGURES: tuple[Figure, ...] = get_args(Figure)
Totals = Mapping[Figure, RatioTotals]
"""Sums of each figure, without figures that no task contributes to."""

_ALMOST = 1.0 - 1e-12


Share = tuple[Figure, float, float]
"""Figure, numerator, denominator."""


def shares_of(record: ScoreRecord) -> Iterator[Share]:
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


def object_shares(tp: int, fp: int, fn: int, similarity_sum: float) -> Iterator[Share]:
    """The figures of objects."""
    if tp + fp:
        yield "precision", tp, tp + fp
    if tp + fn:
        yield "recall", tp, tp + fn
    if tp + fp + fn:
        yield "f1", 2 * tp, 2 * tp + fp + fn
    if tp:
        yield "mean_similarity", similarity_sum, tp


def totals_of(records: Iterable[ScoreRecord]) -> Totals:
    """The sums of every figure over some records."""
    return totals_of_shares(shares_of(record) for record in records)


def totals_of_shares(tasks: Iterable[Iterable[Share]]) -> Totals:
    """The sums of every figure over some tasks."""
    sums: dict[Figure, list[float]] = {}
    for shares in tasks:
        add_shares(sums, shares)
    return {figure: ratio_totals(values) for figure, values in sums.items()}


def join_totals(groups: Iterable[Totals]) -> Totals:
    """The sums of every figure over several groups of tasks."""
    joined: dict[Figure, RatioTotals] = {}
    for totals in groups:
        for figure, sums in totals.items():
            joined[figure] = joined[figure] + sums if figure in joined else sums
    return joined


def add_shares(sums: dict[Figure, list[float]], shares: Iterable[Share], sign: float = 1.0) -> None:
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


def ratio_totals(sums: list[float]) -> RatioTotals:
    """Running sums as `RatioTotals`, which give an interval."""
    tasks, numerator, denominator, squared, product, denominator_squared, shortfall, success = sums
    return RatioTotals(
        round(tasks), numerator, denominator, squared, product, denominator_squared, round(shortfall), round(success)
    )
