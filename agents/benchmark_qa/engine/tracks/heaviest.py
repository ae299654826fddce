"""The heaviest one-to-one matching of a sparse bipartite graph, over a whole video at once.

Graphs of video labels are mostly trivial: an object overlaps one label and perhaps, by a little, a second
one. Array operations decide the clear edges of all frames together. An assignment solver gets the rest,
component by component.
"""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def heaviest_matching(rows: Ints, cols: Ints, weights: Floats) -> Bools:
    """Choose edges so that no row and no column is used twice and the total weight is greatest.

    `rows`, `cols` and `weights` have shape (e,): edge i joins `rows[i]` >= 0 and `cols[i]` >= 0. The result,
    shape (e,), marks the chosen edges; edges of weight <= 0 are never chosen. Between matchings of equal weight
    the order of the edges decides, so the caller sorts them.
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
    """The result of `heaviest_matching` from one dense assignment; for few rows and columns."""
    from lap import lapjv  # type: ignore[import-untyped]  # noqa: PLC0415 - most videos need no solver

    row, col = _numbered(rows), _numbered(cols)
    gain = np.zeros((row.max() + 1, col.max() + 1))
    gain[row, col] = np.maximum(weights, 0)
    _, col_of_row, _ = lapjv(-gain, extend_cost=True)
    marked: Bools = (col_of_row[row] == col) & (weights > 0)
    return marked


def _numbered(nodes: Ints) -> Ints:
    """Numbers from 0 in order of appearance; faster than `np.unique` for few nodes."""
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(node, len(numbers)) for node in nodes.tolist()])


def _settled(rows: Ints, cols: Ints, weights: Floats) -> Bools:
    """Edges that some heaviest matching contains: they outweigh the two best edges they exclude.

    A matching without such an edge uses at most one other edge at its row and one at its column. Exchanging
    these two for it loses no weight.
    """
    leads_row, other_in_row = _leaders(rows, weights)
    leads_col, other_in_col = _leaders(cols, weights)
    # An edge must lead on both sides, so two edges of equal weight at one node are not both settled.
    settled: Bools = leads_row & leads_col & (weights >= other_in_row[rows] + other_in_col[cols])
    return settled


def _leaders(nodes: Ints, weights: Floats) -> tuple[Bools, Floats]:
    """Whether each edge is the heaviest of its node (first of equals), and each node's second weight."""
    size = int(nodes.max()) + 1
    best = np.zeros(size)
    np.maximum.at(best, nodes, weights)
    candidates = np.flatnonzero(weights == best[nodes])[::-1]
    leader = np.zeros(size, dtype=np.int64)
    leader[nodes[candidates]] = candidates  # the last write wins: the first of equal edges
    leads = np.zeros(nodes.size, dtype=bool)
    leads[leader[nodes]] = True
    second = np.zeros(size)
    np.maximum.at(second, nodes, np.where(leads, 0, weights))
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
    # Every node takes the smallest number of its neighbours, then that node's own number.
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
