"""The heaviest one-to-one matching of a sparse bipartite graph, over a whole video at once.

Video labels make graphs that are almost everywhere trivial: an object overlaps one label and perhaps, by a
little, a second one. So what is plain is settled with array operations over all frames together, and only
what is left, component by component, goes to an assignment solver.
"""

import lap
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def heaviest_matching(rows: Ints, cols: Ints, weights: Floats) -> Bools:
    """Choose edges so that no row and no column is used twice and the total weight is greatest.

    `rows`, `cols` and `weights` have shape (e,): edge i joins `rows[i]` >= 0 and `cols[i]` >= 0. The result,
    shape (e,), marks the chosen edges; edges of weight <= 0 never are. Among matchings of equal weight the
    choice depends on the order of the edges only, so the caller sorts them.
    """
    chosen = np.zeros(weights.size, dtype=bool)
    left = np.flatnonzero(weights > 0)
    while left.size:
        plain = _settled(rows[left], cols[left], weights[left])
        settled = left[plain]
        chosen[settled] = True
        before = left.size
        left = left[~_touches(rows[left], rows[settled]) & ~_touches(cols[left], cols[settled])]
        if 4 * left.size > 3 * before:
            break  # the rounds must shrink the graph geometrically, or a long chain would cost n rounds
    for component in _components(rows[left], cols[left]):
        edges = left[component]
        chosen[edges[solve(rows[edges], cols[edges], weights[edges])]] = True
    return chosen


def solve(rows: Ints, cols: Ints, weights: Floats) -> Bools:
    """The same as `heaviest_matching` through one dense assignment, for a few rows and columns."""
    row_ids, row = np.unique(rows, return_inverse=True)
    col_ids, col = np.unique(cols, return_inverse=True)
    gain = np.zeros((row_ids.size, col_ids.size))
    gain[row, col] = np.maximum(weights, 0)
    _, col_of_row, _ = lap.lapjv(-gain, extend_cost=True)
    marked: Bools = (col_of_row[row] == col) & (weights > 0)
    return marked


def _settled(rows: Ints, cols: Ints, weights: Floats) -> Bools:
    """Edges that weigh at least as much as the two best edges they exclude: some heaviest matching has them.

    Whoever leaves such an edge out uses at most one other edge at its row and one at its column, and can
    exchange the two for it without losing weight.
    """
    leads_row, other_in_row = _leaders(rows, weights)
    leads_col, other_in_col = _leaders(cols, weights)
    # Leading on both sides keeps two edges of equal weight at one node from being settled together.
    settled: Bools = leads_row & leads_col & (weights >= other_in_row[rows] + other_in_col[cols])
    return settled


def _leaders(nodes: Ints, weights: Floats) -> tuple[Bools, Floats]:
    """The heaviest edge of every node (the first of equals), and by node the weight of the second heaviest."""
    order = np.lexsort((-weights, nodes))
    starts = np.ones(order.size, dtype=bool)
    starts[1:] = np.diff(nodes[order]) != 0
    leads = np.zeros(order.size, dtype=bool)
    leads[order[starts]] = True
    second = np.zeros(int(nodes.max()) + 1)
    follows = np.zeros(order.size, dtype=bool)
    follows[1:] = starts[:-1] & ~starts[1:]
    second[nodes[order[follows]]] = weights[order[follows]]
    return leads, second


def _touches(nodes: Ints, taken: Ints) -> Bools:
    used = np.zeros(int(nodes.max()) + 1, dtype=bool)
    used[taken] = True
    return used[nodes]


def _components(rows: Ints, cols: Ints) -> list[Ints]:
    """The edges of every connected component: a list of arrays of edge numbers, each ascending."""
    if not rows.size:
        return []
    _, row = np.unique(rows, return_inverse=True)
    _, col = np.unique(cols, return_inverse=True)
    col = col + row.max() + 1
    # Every node takes the smallest number among its neighbours, then jumps to that node's own number.
    lowest = np.arange(col.max() + 1)
    while True:
        smaller = np.minimum(lowest[row], lowest[col])
        if np.array_equal(lowest[row], smaller) and np.array_equal(lowest[col], smaller):
            break
        np.minimum.at(lowest, row, smaller)
        np.minimum.at(lowest, col, smaller)
        lowest = lowest[lowest]
    order = np.argsort(lowest[row], kind="stable")
    borders = np.flatnonzero(np.diff(lowest[row][order])) + 1
    return np.split(order, borders)
