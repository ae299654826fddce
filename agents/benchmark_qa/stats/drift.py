"""Whether an annotator gives other labels than the group does: a distance, and a test that minds clusters and looks.

Labels of one task come in clusters (a crowded image has many pedestrians), so a plain chi-square over labels calls
too many different. Here Pearson's statistic is divided by the mean design effect of the label shares over tasks
and referred to F (Rao & Scott 1984, first order; Thomas & Rao 1987 for F). The variance between tasks is pooled over
the annotator and the group, as a variance per squared number of labels in a task: ten tasks alone do not tell it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import pi
from operator import add
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark_qa.stats.quantiles import incomplete_beta

Floats = NDArray[np.float64]

_FEWEST_TASKS = 5


@dataclass(frozen=True, slots=True)
class Drift:
    """How far an annotator's labels are from the group's.

    ``distance`` is the Jensen-Shannon divergence in bits, 0 (same shares) to 1 (no label in common); ``p_value`` is
    the probability of a difference like this, or larger, between people who label alike. ``label`` is the index
    whose share differs most and ``difference`` by how much (positive: given more often). All are None, with the
    ``reason``, where there is too little to say.
    """

    distance: float | None
    p_value: float | None
    label: int | None
    difference: float | None
    n: int
    reason: str | None = None

    @classmethod
    def unknown(cls, reason: str, n: int) -> Self:
        """Nothing to say, because ``reason``."""
        return cls(None, None, None, None, n, reason)


@dataclass(frozen=True, slots=True, eq=False)
class LabelTotals:
    """All that the test needs to know about any number of tasks: sums over tasks, which add up and can be taken off.

    With c (labels,) the counts of one task and m their sum: ``counts`` = sum c, ``squares`` = sum c^2,
    ``products`` = sum c m, ``size_squares`` = sum m^2. Tasks without labels say nothing and are not counted.
    """

    tasks: int
    counts: Floats
    squares: Floats
    products: Floats
    size_squares: float

    @classmethod
    def of(cls, labels: ArrayLike) -> Self:
        """From counts (tasks, labels): how often each label was given in each task."""
        counts = np.asarray(labels, dtype=float)
        if counts.ndim != 2 or not np.isfinite(counts).all() or (counts < 0).any():
            raise ValueError(f"label counts are (tasks, labels) of zero or more, not {counts.shape}")
        sizes = counts.sum(axis=1)
        return cls(
            tasks=int((sizes > 0).sum()),
            counts=counts.sum(axis=0),
            squares=(counts**2).sum(axis=0),
            products=sizes @ counts,
            size_squares=float(sizes @ sizes),
        )

    def __add__(self, other: "LabelTotals") -> "LabelTotals":
        return self._joined(other, 1)

    def __sub__(self, other: "LabelTotals") -> "LabelTotals":
        return self._joined(other, -1)

    def _joined(self, other: "LabelTotals", sign: int) -> "LabelTotals":
        if self.counts.shape != other.counts.shape:
            raise ValueError(f"{len(self.counts)} labels cannot be compared with {len(other.counts)}")
        return LabelTotals(
            self.tasks + sign * other.tasks,
            self.counts + sign * other.counts,
            self.squares + sign * other.squares,
            self.products + sign * other.products,
            self.size_squares + sign * other.size_squares,
        )

    @property
    def shares(self) -> Floats:
        """(labels,) of all labels given, the share of each."""
        shares: Floats = self.counts / self.counts.sum()
        return shares

    def residual_squares(self) -> Floats:
        """Sum over tasks (labels,) of (c - m x share)^2."""
        shares = self.shares
        squares = self.squares - 2 * shares * self.products + shares**2 * self.size_squares
        positive: Floats = np.maximum(squares, 0.0)
        return positive


def drift(own: ArrayLike, group: ArrayLike) -> Drift:
    """Compare one annotator's labels with those of the others.

    Args:
        own: (tasks, labels) how often the annotator gave each label in each task.
        group: (tasks of the others, labels) the same for everybody else; comparable tasks, not the same ones.
    """
    return _compare(LabelTotals.of(own), LabelTotals.of(group))


def drift_of_each(people: Mapping[str, LabelTotals]) -> dict[str, Drift]:
    """Compare everybody with all the others; the p-values are corrected for their number (Holm).

    Cost grows with the number of people, not with its square.
    """
    if len(people) < 2:
        return {name: Drift.unknown("nobody to compare with", own.tasks) for name, own in people.items()}
    everybody = reduce(add, people.values())
    found = {name: _compare(own, everybody - own) for name, own in people.items()}
    tested = {name: each.p_value for name, each in found.items() if each.p_value is not None}
    corrected = dict(zip(tested, holm(list(tested.values())), strict=True))
    return {name: replace(each, p_value=corrected.get(name)) for name, each in found.items()}


def _compare(own: LabelTotals, group: LabelTotals) -> Drift:
    both = own + group
    if min(own.tasks, group.tasks) < _FEWEST_TASKS:
        return Drift.unknown(f"fewer than {_FEWEST_TASKS} tasks with labels on a side", own.tasks)
    if np.count_nonzero(both.counts > 0) < 2:
        return Drift.unknown("only one label is in use", own.tasks)
    apart = own.shares - group.shares
    label = int(np.abs(apart).argmax())
    return Drift(
        distance=jensen_shannon(own.shares, group.shares),
        p_value=_p_value(own, group),
        label=label,
        difference=float(apart[label]),
        n=own.tasks,
    )


def jensen_shannon(first: Floats, second: Floats) -> float:
    """The divergence between two distributions (labels,), in bits, symmetric and in [0, 1] (Lin 1991)."""
    middle = 0.5 * (first + second)
    return float(np.clip(0.5 * (_kullback_leibler(first, middle) + _kullback_leibler(second, middle)), 0.0, 1.0))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for as many annotators as were tested at once (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    stepped = np.minimum(np.maximum.accumulate(np.asarray(p_values, float)[order] * factors), 1.0)
    corrected = np.empty(len(p_values))
    corrected[order] = stepped
    return [float(value) for value in corrected]


def level_at_look(look: int, level: float = 0.05) -> float:
    """The level for the k-th look at the same people, so that all looks for ever stay within ``level`` together.

    level x 6 / (pi k)^2, whose sum over k is the level.
    """
    if look < 1:
        raise ValueError(f"the first look is number 1, not {look}")
    return level * 6.0 / (pi * look) ** 2


def _p_value(own: LabelTotals, group: LabelTotals) -> float:
    both = own + group
    used = both.counts > 0
    shares, freedom = both.shares[used], int(used.sum()) - 1
    apart = (own.shares - group.shares)[used]
    tasks = both.tasks - 2
    spread = (own.residual_squares() + group.residual_squares())[used] / both.size_squares * both.tasks / tasks
    variances = spread * sum(side.size_squares / side.counts.sum() ** 2 for side in (own, group))
    expected = float((variances / shares).sum()) / freedom
    statistic = float((apart**2 / shares).sum()) / freedom
    return _f_tail(statistic / max(expected, 1e-12), freedom, freedom * tasks)


def _f_tail(value: float, above: float, below: float) -> float:
    """P(F > value) with the two degrees of freedom (Abramowitz & Stegun 26.6.2)."""
    return incomplete_beta(0.5 * below, 0.5 * above, below / (below + above * value))


def _kullback_leibler(first: Floats, second: Floats) -> float:
    held = first > 0
    return float((first[held] * np.log2(first[held] / second[held])).sum())
