"""Whether an annotator gives other labels than the group does: a distance, and a test that minds clusters and looks.

Labels of one task come in clusters (a crowded image has many pedestrians), so a plain chi-square over labels calls
too many different. Here Pearson's statistic is divided by the mean design effect of the label shares over tasks
and referred to F (Rao & Scott 1984, first order; Thomas & Rao 1987 for F). The variance between tasks is pooled over
the annotator and the group, as a variance per squared number of labels in a task: ten tasks alone do not tell it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.scoring.quantiles import incomplete_beta

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


def drift(own: ArrayLike, group: ArrayLike) -> Drift:
    """Compare one annotator's labels with those of the others.

    Args:
        own: (tasks, labels) how often the annotator gave each label in each task.
        group: (tasks of the others, labels) the same for everybody else; comparable tasks, not the same ones.
    """
    mine, others = _counts(own), _counts(group)
    if mine.shape[1] != others.shape[1]:
        raise ValueError(f"{mine.shape[1]} labels cannot be compared with {others.shape[1]}")
    used = (mine.sum(axis=0) + others.sum(axis=0)) > 0
    n, rest = int((mine.sum(axis=1) > 0).sum()), int((others.sum(axis=1) > 0).sum())
    if min(n, rest) < _FEWEST_TASKS:
        return Drift(None, None, None, None, n, f"fewer than {_FEWEST_TASKS} tasks with labels on a side")
    if used.sum() < 2:
        return Drift(None, None, None, None, n, "only one label is in use")
    shares, group_shares = _shares(mine), _shares(others)
    apart = shares - group_shares
    label = int(np.abs(apart).argmax())
    return Drift(
        distance=jensen_shannon(shares, group_shares),
        p_value=_p_value(mine[:, used], others[:, used]),
        label=label,
        difference=float(apart[label]),
        n=n,
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


def _p_value(mine: Floats, others: Floats) -> float:
    sizes = mine.sum(axis=1), others.sum(axis=1)
    totals = mine.sum(), others.sum()
    both = (mine.sum(axis=0) + others.sum(axis=0)) / sum(totals)
    apart = _shares(mine) - _shares(others)
    freedom = mine.shape[1] - 1
    spread = _residual_squares(mine) + _residual_squares(others)
    tasks = len(mine) + len(others) - 2
    per_square = spread / sum((size**2).sum() for size in sizes) * (tasks + 2) / tasks
    variances = per_square * sum((size**2).sum() / total**2 for size, total in zip(sizes, totals, strict=True))
    expected = float((variances / both).sum()) / freedom
    statistic = float((apart**2 / both).sum()) / freedom
    return _f_tail(statistic / max(expected, 1e-12), freedom, freedom * tasks)


def _residual_squares(counts: Floats) -> Floats:
    """Sum over tasks (labels,) of how far each task's counts are from its size times the shares of all, squared."""
    residuals = counts - counts.sum(axis=1, keepdims=True) * _shares(counts)
    squares: Floats = (residuals**2).sum(axis=0)
    return squares


def _f_tail(value: float, above: float, below: float) -> float:
    """P(F > value) with the two degrees of freedom (Abramowitz & Stegun 26.6.2)."""
    return incomplete_beta(0.5 * below, 0.5 * above, below / (below + above * value))


def _shares(counts: Floats) -> Floats:
    shares: Floats = counts.sum(axis=0) / counts.sum()
    return shares


def _kullback_leibler(first: Floats, second: Floats) -> float:
    held = first > 0
    return float((first[held] * np.log2(first[held] / second[held])).sum())


def _counts(labels: ArrayLike) -> Floats:
    counts = np.asarray(labels, dtype=float)
    if counts.ndim != 2 or not np.isfinite(counts).all() or (counts < 0).any():
        raise ValueError(f"label counts are (tasks, labels) of zero or more, not {counts.shape}")
    return counts
