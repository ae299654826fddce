"""One-to-one assignment over sparse candidate pairs."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.engine.pairs import Indices, Numbers, Pairs

SLACK = 1e-9
"""Rounding must not decide whether a pair that lies on a threshold is a match."""

HINT = 1e-10
"""What a preference weighs beside similarity: it decides between equals only."""


MOST_SQUARE = 2_000
"""Drawings of one side, all connected by overlaps, up to which a dense matrix is fast and small (32 MB)."""


def assign(
    pairs: Pairs,
    similarity: Numbers,
    truth_order: Indices,
    label_order: Indices,
    *,
    preference: Callable[[Indices], Numbers] | None = None,
) -> NDArray[np.bool_]:
    """Choose pairs so that no index is used twice: as many as possible, then the greatest total similarity.

    Args:
        pairs: the pairs that may match, k of them.
        similarity: of each pair (k,), in [0, 1].
        truth_order: rank of each truth index, unique among those that contest each other; decides between equals, so
            that the order of input does not.
        label_order: the same for the labels.
        preference: of contested pairs, by their positions, in [0, 1]; which of two equal pairings is better.

    Returns:
        Which pairs are chosen (k,).
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
        spread = spread[spread]  # long chains shrink by half at every round
        if np.array_equal(spread, mark):
            break
        mark = spread
    order = np.argsort(mark, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(mark[order])) + 1)


def _best(component: Indices, pairs: Pairs, similarity: Numbers, truth_order: Indices, label_order: Indices) -> Indices:
    """The chosen pairs of one component: the cost of leaving a pair out exceeds any gain in similarity."""
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
    """Positions of the chosen pairs, in memory by their number.

    Every row and column also has a partner of its own that stands for "left out", so that an assignment of all of them
    exists; these partners may pair up with each other wherever their owners might.
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
