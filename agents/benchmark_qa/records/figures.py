"""The figures that are published of an annotator, each a ratio of two sums over tasks.

This is the only definition of the sums: the store keeps them for every annotator's current records, and reports compute
them from any selection of records.
"""

from collections.abc import Iterable, Mapping

from benchmark_qa.records.score import Figure, FigureShare, ScoreRecord, add_shares, shares_of
from benchmark_qa.stats.intervals import RatioTotals

Totals = Mapping[Figure, RatioTotals]
"""Sums of each figure, without figures that no task contributes to."""


def totals_of(records: Iterable[ScoreRecord]) -> Totals:
    """The sums of every figure over some records."""
    return totals_of_shares(shares_of(record) for record in records)


def totals_of_shares(tasks: Iterable[Iterable[FigureShare]]) -> Totals:
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


def ratio_totals(sums: list[float]) -> RatioTotals:
    """Running sums as `RatioTotals`, which give an interval."""
    tasks, numerator, denominator, squared, product, denominator_squared, shortfall, success = sums
    return RatioTotals(
        round(tasks), numerator, denominator, squared, product, denominator_squared, round(shortfall), round(success)
    )
