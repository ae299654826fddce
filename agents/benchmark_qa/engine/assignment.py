"""One-to-one assignment over sparse candidate pairs."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.engine.pairs import Indices, Numbers, Pairs

SLACK = 1e-9
"""Tolerance of a threshold comparison, so that rounding does not decide whether a pair matches."""

HINT = 1e-10
"""Weight of a preference beside similarity: so small that it only decides between equal pairings."""


MOST_SQUARE = 2_000
"""Most connected drawings of one side for a dense matrix, which is fast and takes 32 MB."""


def assign(
    pairs: Pairs,
    similarity: Numbers,
    truth_order: Indices,
    label_order: Indices,
    *,
    preference: Callable[[Indices], Numbers] | None = None,
) -> NDArray[np.bool_]:
    """Choose pairs one to one: as many as possible, then the greatest total similarity.

    Args:
        pairs: the k pairs that may match.
        similarity: of each pair (k,), in [0, 1].
        truth_order: rank of each truth index, unique among contested ones. It decides between equal pairings, so the
            result does not depend on the order of the input.
        label_order: the same for the labels.
        preference: maps positions of contested pairs to numbers in [0, 1]; of equal pairings the greatest sum wins.

    Returns:
        Whether each pair is chosen (k,).
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
