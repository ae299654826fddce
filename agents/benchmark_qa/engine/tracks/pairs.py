"""The tracks of one video: the frames of each track, and the similarity of tracks in each frame."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark_qa.engine.pairs import SLACK
from benchmark_qa.labels.annotations import Numbers

Ints = NDArray[np.int64]


Bools = NDArray[np.bool_]


LIMIT = 2**31
"""Upper limit of frame and track numbers; two of them fit into one sortable 64-bit number."""


class InvalidTracksError(ValueError):
    """The arrays do not describe tracks; the message names the array and the first offending entry."""


@dataclass(frozen=True, eq=False)
class TrackPairs:
    """Truth tracks, label tracks and the pairs of them that overlap in a frame, as sparse arrays.

    Frames and tracks are any integers from 0 to 2^31 - 1; only equality and (for frames) order count. The order of the
    entries does not: every figure is the same after a shuffle.

    - `truth_frame`, `truth_track`: shape (n,), one entry for each frame in which a truth track is present.
    - `label_frame`, `label_track`: shape (m,), the same for the label tracks.
    - `pair_frame`, `pair_truth`, `pair_label`, `similarity`: shape (p,), similarity in [0, 1] of a truth
      track and a label track in a frame. A pair that is not listed has similarity 0. HOTA needs *every*
      overlapping pair, also those far below the match threshold.

    Use `TrackPairs.of` to build one: it converts, sorts and checks.
    """

    truth_frame: Ints
    truth_track: Ints
    label_frame: Ints
    label_track: Ints
    pair_frame: Ints
    pair_truth: Ints
    pair_label: Ints
    similarity: Numbers
    pair_truth_entry: Ints
    """Shape (p,): position of the pair's truth track in `truth_frame` / `truth_track`."""
    pair_label_entry: Ints
    """Shape (p,): position of the pair's label track in `label_frame` / `label_track`."""

    @classmethod
    def of(
        cls,
        *,
        truth_frame: ArrayLike,
        truth_track: ArrayLike,
        label_frame: ArrayLike,
        label_track: ArrayLike,
        pair_frame: ArrayLike,
        pair_truth: ArrayLike,
        pair_label: ArrayLike,
        similarity: ArrayLike,
    ) -> "TrackPairs":
        """Convert, sort by frame and check the arrays of one video.

        Raises `InvalidTracksError` for negative, fractional or huge numbers, arrays of different length, a track that
        is present twice in a frame, a pair of an absent track, a pair listed twice, and a similarity that
        is NaN or outside [0, 1].
        """
        truth = _Presence.of("truth", truth_frame, truth_track)
        label = _Presence.of("label", label_frame, label_track)
        frames = _whole_numbers("pair_frame", pair_frame)
        truths = _whole_numbers("pair_truth", pair_truth)
        labels = _whole_numbers("pair_label", pair_label)
        similar = np.asarray(similarity, dtype=np.float64)
        if not frames.shape == truths.shape == labels.shape == similar.shape:
            raise InvalidTracksError(
                f"pair_frame, pair_truth, pair_label and similarity differ in length: "
                f"{frames.shape}, {truths.shape}, {labels.shape}, {similar.shape}"
            )
        _refuse(~((similar >= 0) & (similar <= 1)), "similarity is not in [0, 1]", similar)

        truth_entry = truth.entries_of(frames, truths)
        label_entry = label.entries_of(frames, labels)
        order = _sorted_pairs(truth_entry, label_entry, frames)
        return cls(
            truth_frame=truth.frame,
            truth_track=truth.track,
            label_frame=label.frame,
            label_track=label.track,
            pair_frame=frames[order],
            pair_truth=truths[order],
            pair_label=labels[order],
            similarity=similar[order],
            pair_truth_entry=truth_entry[order],
            pair_label_entry=label_entry[order],
        )

    @cached_property
    def partners(self) -> "Partners":
        """The distinct (truth track, label track) pairs of the video that overlap in any frame."""
        return Partners.of(self)

    def matching(self, threshold: float) -> NDArray[np.bool_]:
        """Which pairs are similar enough to match, shape (p,)."""
        if not 0 < threshold <= 1:
            raise InvalidTracksError(f"the match threshold must be in (0, 1], not {threshold}")
        return self.similarity >= threshold - SLACK


@dataclass(frozen=True, eq=False)
class Partners:
    """Distinct (truth track, label track) pairs, k of them, with the lengths of both tracks in frames."""

    truth: Ints
    label: Ints
    truth_length: Ints
    label_length: Ints
    of_pair: Ints
    """Shape (p,): the partner pair to which each pair of a frame belongs, in [0, k)."""

    @classmethod
    def of(cls, tracks: TrackPairs) -> "Partners":
        """Group the pairs of `tracks` by their two tracks."""
        truth_ids, truth_lengths = np.unique(tracks.truth_track, return_counts=True)
        label_ids, label_lengths = np.unique(tracks.label_track, return_counts=True)
        width = int(tracks.label_track.max(initial=0)) + 1
        keys, of_pair = _distinct(tracks.pair_truth * width + tracks.pair_label)
        truth, label = np.divmod(keys, width)
        return cls(
            truth=truth,
            label=label,
            truth_length=truth_lengths[np.searchsorted(truth_ids, truth)],
            label_length=label_lengths[np.searchsorted(label_ids, label)],
            of_pair=of_pair,
        )


@dataclass(frozen=True, eq=False)
class _Presence:
    """One side's tracks, sorted by frame and then by track."""

    side: str
    frame: Ints
    track: Ints
    keys: Ints
    """`frame` and `track` as one ascending number."""

    @classmethod
    def of(cls, side: str, frame: ArrayLike, track: ArrayLike) -> "_Presence":
        frames = _whole_numbers(f"{side}_frame", frame)
        tracks = _whole_numbers(f"{side}_track", track)
        if frames.shape != tracks.shape:
            raise InvalidTracksError(f"{side}_frame and {side}_track differ in length: {frames.size} and {tracks.size}")
        keys = frames * LIMIT + tracks
        order = np.argsort(keys, kind="stable")  # stable sort is fast for sorted input
        frames, tracks, keys = frames[order], tracks[order], keys[order]
        _refuse(_repeats(keys), f"a {side} track is present twice in a frame; (frame, track)", frames, tracks)
        return cls(side, frames, tracks, keys)

    def entries_of(self, frames: Ints, tracks: Ints) -> Ints:
        """The position of each (frame, track) among the entries of this side."""
        wanted = frames * LIMIT + tracks
        entries = np.searchsorted(self.keys, wanted)
        present = np.append(self.keys, -1)[entries] == wanted
        _refuse(~present, f"a pair names a {self.side} track absent from its frame; (frame, track)", frames, tracks)
        return entries


def _whole_numbers(name: str, values: ArrayLike) -> Ints:
    array = np.asarray(values)
    if array.ndim != 1:
        raise InvalidTracksError(f"{name} must have one dimension, not {array.ndim}")
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise InvalidTracksError(f"{name} must hold whole numbers, not {array.dtype}")
    whole = array.astype(np.int64)
    _refuse(whole < 0, f"{name} is negative", whole)
    _refuse(whole >= LIMIT, f"{name} is too large", whole)
    return whole


def _sorted_pairs(truth_entry: Ints, label_entry: Ints, frames: Ints) -> Ints:
    """The order of the pairs by frame, truth and label; makes ties deterministic."""
    keys = truth_entry * LIMIT + label_entry
    order = np.argsort(keys, kind="stable")
    _refuse(_repeats(keys[order]), "a pair is listed twice; frame", frames[order])
    return order


def _distinct(keys: Ints) -> tuple[Ints, Ints]:
    """Distinct keys and the inverse, like `np.unique`; linear time for small keys."""
    bound = int(keys.max(initial=-1)) + 1
    if bound > 8 * keys.size:
        return np.unique(keys, return_inverse=True)
    present = np.zeros(bound, dtype=bool)
    present[keys] = True
    return np.flatnonzero(present), np.cumsum(present)[keys] - 1


def _repeats(ascending: Ints) -> Bools:
    """Which values equal the previous one."""
    repeats = np.zeros(ascending.size, dtype=bool)
    repeats[1:] = ascending[1:] == ascending[:-1]
    return repeats


def _refuse(wrong: NDArray[np.bool_], message: str, *columns: NDArray[np.generic]) -> None:
    if wrong.any():
        first = int(np.argmax(wrong))
        facts = ", ".join(str(column[first]) for column in columns)
        raise InvalidTracksError(f"{message}: {facts} (entry {first})")


def heaviest_matching(rows: Ints, cols: Ints, weights: Numbers) -> Bools:
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


def solve(rows: Ints, cols: Ints, weights: Numbers) -> Bools:
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


def _settled(rows: Ints, cols: Ints, weights: Numbers) -> Bools:
    """Edges that some heaviest matching contains: they outweigh the two best edges they exclude.

    A matching without such an edge uses at most one other edge at its row and one at its column. Exchanging
    these two for it loses no weight.
    """
    leads_row, other_in_row = _leaders(rows, weights)
    leads_col, other_in_col = _leaders(cols, weights)
    # An edge must lead on both sides, so two edges of equal weight at one node are not both settled.
    settled: Bools = leads_row & leads_col & (weights >= other_in_row[rows] + other_in_col[cols])
    return settled


def _leaders(nodes: Ints, weights: Numbers) -> tuple[Bools, Numbers]:
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
