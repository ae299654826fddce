"""Pairs of a truth drawing and a label drawing that may overlap, and their best one-to-one assignment."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.engine.errors import TooManyPairsError
from benchmark_qa.labels.annotations import Indices, Numbers

Flags = NDArray[np.bool_]


def ratio_or_same(shared: Numbers, union: Numbers, same: Callable[[Indices], Flags]) -> Numbers:
    """shared / union (k,). Where the union is empty: 1 if `same` says that the drawings are equal, else 0.

    A ratio within 1e-12 of 1 becomes 1, so that rounding does not make equal drawings differ.
    """
    empty = union <= 0
    if not empty.any():
        return _snapped(shared / union)
    ratio = _snapped(shared / np.where(empty, 1.0, union))
    flat = np.flatnonzero(empty)
    ratio[flat] = same(flat)
    return ratio


def _snapped(ratio: Numbers) -> Numbers:
    return np.where(ratio > 1 - 1e-12, 1.0, ratio)


MOST_LOOKED_AT = 100_000_000
"""Pairs of one shape that overlap from left to right; checking this many takes a few seconds."""


MOST_PAIRS = 3_000_000
"""Overlapping pairs of one call."""


MOST_PAIRS_OF_A_ROW = 1_500_000
"""Overlapping pairs of one shape of a label row; the next steps need about 200 bytes per pair."""


MOST_CONNECTED = 300_000
"""Pairs of one connected component of a label row; its best assignment takes a few seconds."""


PAIRS_AT_ONCE = 1_000_000
"""Pairs that are checked in one batch; limits memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Index pairs (k,), (k,) into the truth's and the labels' drawings."""

    truth: Indices
    label: Indices

    def __len__(self) -> int:
        return len(self.truth)

    @classmethod
    def none(cls) -> "Pairs":
        """No pair."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64))

    def where(self, chosen: Flags) -> "Pairs":
        """The pairs for which `chosen` (k,) is true."""
        return Pairs(self.truth[chosen], self.label[chosen])


def touching(
    truth: Numbers, truth_group: Indices, label: Numbers, label_group: Indices, *, most: int = MOST_PAIRS
) -> Pairs:
    """Pairs of extents (left, top, width, height) of the same group that touch or overlap.

    Extents are (n, 4) and (m, 4), groups (n,) and (m,). A sweep over the left edges handles all groups at once. Cost
    grows with the number of extents that overlap from left to right, not with the number of all pairs.

    Raises:
        TooManyPairsError: more than `most` pairs overlap, or more than `MOST_LOOKED_AT` have to be checked.
    """
    if not len(truth) or not len(label):
        return Pairs.none()
    of_truth, of_label, groups = _dense(truth_group, label_group)
    widest = np.zeros(groups)
    np.maximum.at(widest, of_truth, truth[:, 2])
    low = min(truth[:, 0].min(), label[:, 0].min()) - widest.max()
    high = max((truth[:, 0] + truth[:, 2]).max(), (label[:, 0] + label[:, 2]).max())
    stride = 2 * (high - low) + 1.0
    slack = 1e-12 * stride * (groups + 1)  # rounding of the combined key
    key = of_truth * stride + (truth[:, 0] - low)
    order = np.argsort(key, kind="stable")
    key, base = key[order], of_label * stride + (label[:, 0] - low)
    first = np.searchsorted(key, base - widest[of_label] - slack, side="left")
    last = np.searchsorted(key, base + label[:, 2] + slack, side="right")
    counts = last - first
    total = int(counts.sum())
    if total > MOST_LOOKED_AT:
        raise TooManyPairsError(f"{total:,} pairs of drawings lie on top of each other, more than {MOST_LOOKED_AT:,}")
    found, number = [], 0
    for some in _portions(counts):
        labels = np.repeat(np.arange(some.start, some.stop), counts[some])
        offsets = np.arange(len(labels)) - np.repeat(np.cumsum(counts[some]) - counts[some], counts[some])
        truths = order[np.repeat(first[some], counts[some]) + offsets]
        meet = _meet(truth, label, truths, labels) & (of_truth[truths] == of_label[labels])
        found.append(Pairs(truths[meet], labels[meet]))
        number += len(found[-1])
        if number > most:
            raise TooManyPairsError(f"more than {most:,} pairs of drawings lie on top of each other")
    if len(found) == 1:
        return found[0]
    return Pairs(np.concatenate([part.truth for part in found]), np.concatenate([part.label for part in found]))


def _portions(counts: Indices) -> Iterator[slice]:
    """Slices of labels with about `PAIRS_AT_ONCE` pairs each; `counts` is the pairs per label."""
    before = np.cumsum(counts) - counts
    cuts = np.flatnonzero(np.diff(before // PAIRS_AT_ONCE)) + 1
    bounds = [0, *cuts.tolist(), len(counts)]
    return (slice(start, end) for start, end in pairwise(bounds))


def _dense(truth: Indices, label: Indices) -> tuple[Indices, Indices, int]:
    """The groups as small numbers, and an upper limit of their count."""
    most = int(max(truth.max(), label.max())) + 1
    if most <= 4 * (len(truth) + len(label)):
        return truth, label, most
    groups, dense = np.unique(np.concatenate((truth, label)), return_inverse=True)
    return dense[: len(truth)], dense[len(truth) :], len(groups)


def _meet(truth: Numbers, label: Numbers, truths: Indices, labels: Indices) -> Flags:
    meets = np.ones(len(truths), np.bool_)
    for axis in (0, 1):
        start, other = truth[:, axis], label[:, axis]
        end, other_end = start + truth[:, axis + 2], other + label[:, axis + 2]
        meets &= (start[truths] <= other_end[labels]) & (other[labels] <= end[truths])
    return meets


__all__ = ["Indices", "Numbers", "Pairs", "box_iou", "touching"]


def box_iou(first: Numbers, second: Numbers) -> Numbers:
    """Intersection over union of k pairs of boxes, each (k, 4) as left, top, width, height; returns (k,).

    Two equal boxes without area have IoU 1; other pairs without area have 0.

    >>> box_iou(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[1.0, 0.0, 2.0, 2.0]])).round(4)
    array([0.3333])
    """
    shared = _overlap(first[:, 0], first[:, 2], second[:, 0], second[:, 2])
    shared *= _overlap(first[:, 1], first[:, 3], second[:, 1], second[:, 3])
    union = first[:, 2] * first[:, 3] + second[:, 2] * second[:, 3] - shared
    return ratio_or_same(shared, union, lambda flat: (first[flat] == second[flat]).all(axis=1))


def _overlap(start: Numbers, length: Numbers, other: Numbers, other_length: Numbers) -> Numbers:
    shared = np.minimum(start + length, other + other_length)
    shared -= np.maximum(start, other)
    return np.maximum(shared, 0.0, out=shared)


def padded_extents(points: Numbers, offsets: Indices, margin: Numbers) -> Numbers:
    """Left, top, width, height (n, 4) around each drawing's points, `margin` (n,) wider on every side."""
    if len(offsets) < 2:
        return np.empty((0, 4))
    low = np.minimum.reduceat(points, offsets[:-1], axis=0) - margin[:, None]
    high = np.maximum.reduceat(points, offsets[:-1], axis=0) + margin[:, None]
    return np.concatenate((low, high - low), axis=1)


SLACK = 1e-9
"""Tolerance of a threshold comparison, so that rounding does not decide whether a pair matches."""


HINT = 1e-10
"""Weight of a preference beside similarity: so small that it only decides between equal pairings."""


MOST_SQUARE = 2_000
"""Most connected drawings of one side for a dense matrix, which is fast and takes 32 MB."""


def best_pairs(
    pairs: Pairs,
    similarity: Numbers,
    truth_order: Indices,
    label_order: Indices,
    *,
    preference: Callable[[Indices], Numbers] | None = None,
    most_connected: int | None = None,
) -> NDArray[np.bool_]:
    """Choose pairs one to one: as many as possible, then the greatest total similarity.

    Args:
        pairs: the k pairs that may match.
        similarity: of each pair (k,), in [0, 1].
        truth_order: rank of each truth index, unique among contested ones. It decides between equal pairings, so the
            result does not depend on the order of the input.
        label_order: the same for the labels.
        preference: maps positions of contested pairs to numbers in [0, 1]; of equal pairings the greatest sum wins.
        most_connected: most pairs that depend on each other; None: no limit.

    Returns:
        Whether each pair is chosen (k,).

    Raises:
        TooManyPairsError: more than `most_connected` pairs depend on each other.
    """
    chosen = np.zeros(len(pairs), np.bool_)
    if not len(pairs):
        return chosen
    alone = (np.bincount(pairs.truth)[pairs.truth] == 1) & (np.bincount(pairs.label)[pairs.label] == 1)
    chosen[alone] = True
    contested = np.flatnonzero(~alone)
    if preference is not None and len(contested):
        similarity = similarity.copy()
        similarity[contested] += HINT * preference(contested)
    for members in _components(pairs.truth[contested], pairs.label[contested]):
        if most_connected is not None and len(members) > most_connected:
            said = f"{len(members):,} pairs of drawings lie on top of each other"
            raise TooManyPairsError(f"{said}, more than {most_connected:,} together")
        component = contested[members]
        chosen[_best(component, pairs, similarity, truth_order, label_order)] = True
    return chosen


def _components(truth: Indices, label: Indices) -> Iterator[Indices]:
    """Positions of the pairs of each connected component."""
    if not len(truth):
        return
    _, rows = np.unique(truth, return_inverse=True)
    _, columns = np.unique(label, return_inverse=True)
    mark = np.arange(len(rows))
    while True:
        lowest_row = np.full(rows.max() + 1, len(rows))
        np.minimum.at(lowest_row, rows, mark)
        lowest_column = np.full(columns.max() + 1, len(rows))
        np.minimum.at(lowest_column, columns, lowest_row[rows])
        spread = np.minimum(lowest_row[rows], lowest_column[columns])
        spread = spread[spread]  # halves long chains in every round
        if np.array_equal(spread, mark):
            break
        mark = spread
    order = np.argsort(mark, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(mark[order])) + 1)


def _best(component: Indices, pairs: Pairs, similarity: Numbers, truth_order: Indices, label_order: Indices) -> Indices:
    """The chosen pairs of one component; leaving a pair out costs more than any gain in similarity."""
    from lap import lapjv  # type: ignore[import-untyped]  # noqa: PLC0415 - most data units need no solver

    rows, row = np.unique(truth_order[pairs.truth[component]], return_inverse=True)
    columns, column = np.unique(label_order[pairs.label[component]], return_inverse=True)
    if max(len(rows), len(columns)) > MOST_SQUARE:
        return component[_best_of_many(row, column, similarity[component])]
    cost = np.full((len(rows), len(columns)), min(len(rows), len(columns)) + 1.0)
    cost[row, column] = 1.0 - similarity[component]
    pair = np.full(cost.shape, -1)
    pair[row, column] = component
    _, column_of_row, _ = lapjv(cost, extend_cost=True)
    taken = np.flatnonzero(column_of_row >= 0)
    picked: Indices = pair[taken, column_of_row[taken]]
    return picked[picked >= 0]


def _best_of_many(row: Indices, column: Indices, similarity: Numbers) -> Indices:
    """Positions of the chosen pairs, with memory proportional to the number of pairs.

    Every row and every column also gets an extra partner that stands for "left out", so a complete assignment always
    exists. Two extra partners may pair up where their row and column form a pair.
    """
    from lap import lapmod  # noqa: PLC0415 - most data units need no solver

    rows, columns, count = int(row.max()) + 1, int(column.max()) + 1, len(row)
    left_out = (min(rows, columns) + 1.0) / 2
    starts = np.concatenate((row, np.arange(rows), rows + np.arange(columns), rows + column))
    ends = np.concatenate((column, columns + np.arange(rows), np.arange(columns), columns + row))
    weights = np.concatenate((1.0 - similarity, np.full(rows + columns, left_out), np.zeros(count)))
    order = np.lexsort((ends, starts))
    first = np.searchsorted(starts[order], np.arange(rows + columns + 1)).astype(np.int32)
    _, partner, _ = lapmod(rows + columns, weights[order], first, ends[order].astype(np.int32))
    return np.flatnonzero(partner[row] == column)
