"""Jaccard index of covered runs: bitmasks, point clouds, time, text. All pairs are computed at once."""

import numpy as np

from benchmark_qa.engine.errors import MasksDifferInSizeError
from benchmark_qa.engine.pairs import Flags, Indices, Numbers, Pairs, ratio_or_same
from benchmark_qa.labels.annotations import Runs, segments


def run_iou(truth: Runs, label: Runs, pairs: Pairs) -> Numbers:
    """Shared length over covered length of each pair (k,).

    Raises:
        MasksDifferInSizeError: bitmasks of different size are paired.
    """
    masks = truth.size is not None and label.size is not None
    if masks and (truth.size[pairs.truth] != label.size[pairs.label]).any():  # type: ignore[index]
        raise MasksDifferInSizeError("bitmasks of one frame differ in height or width")
    shared = _shared(truth, _on_lines_of(label, truth), pairs)
    union = run_lengths(truth)[pairs.truth] + run_lengths(label)[pairs.label] - shared
    return ratio_or_same(shared, union, lambda flat: _same_place(truth, label, pairs, flat))


def run_extents(runs: Runs) -> Numbers:
    """Left, top, width, height (n, 4) of each drawing: in pixels for bitmasks, else first to last end."""
    extents = np.zeros((len(runs), 4))
    some = np.flatnonzero(np.diff(runs.offsets))
    if not len(some):
        return extents
    first = runs.offsets[some]
    start, end = runs.starts, runs.ends
    if runs.size is None:
        extents[some, 0] = np.minimum.reduceat(start, first)
        extents[some, 2] = np.maximum.reduceat(end, first) - extents[some, 0]
        return extents
    width = runs.size[:, 1].repeat(np.diff(runs.offsets))
    top, bottom = start // width, (end - 1) // width
    several = top != bottom
    left = np.where(several, 0, start % width)
    right = np.where(several, width, (end - 1) % width + 1)
    extents[some, 0] = np.minimum.reduceat(left, first)
    extents[some, 1] = np.minimum.reduceat(top, first)
    extents[some, 2] = np.maximum.reduceat(right, first) - extents[some, 0]
    extents[some, 3] = np.maximum.reduceat(bottom, first) + 1 - extents[some, 1]
    return extents


def run_lengths(runs: Runs) -> Numbers:
    """Covered length of each drawing (n,): pixels, points, milliseconds, characters."""
    total = np.concatenate((np.zeros(1), np.cumsum(runs.ends - runs.starts)))
    return np.asarray(total[runs.offsets[1:]] - total[runs.offsets[:-1]])


def _on_lines_of(runs: Runs, other: Runs) -> Runs:
    """The same runs with their lines numbered as in `other`.

    Lines that `other` does not have come after its own.
    """
    if runs.names == other.names:
        return runs
    number = {name: i for i, name in enumerate(dict.fromkeys((*other.names, *runs.names)))}
    line = np.array([number[name] for name in runs.names], np.int32)[runs.line]
    return Runs(runs.starts, runs.ends, line, runs.offsets, tuple(number), runs.size)


def _shared(truth: Runs, label: Runs, pairs: Pairs) -> Numbers:
    """Shared length (k,): over the runs of the label, the truth's covered length up to their ends."""
    items, offsets = segments(label.offsets, pairs.label)
    owner = np.repeat(pairs.truth, np.diff(offsets))
    if not len(items) or not len(truth.starts):
        return np.zeros(len(pairs))
    edges, rank = np.unique(np.concatenate((truth.starts, label.starts, label.ends)), return_inverse=True)
    starts, froms, tos = np.split(rank, (len(truth.starts), len(truth.starts) + len(label.starts)))
    lines = max(len(truth.names), len(label.names))
    drawing = np.repeat(np.arange(len(truth)), np.diff(truth.offsets))
    key = (drawing * lines + truth.line) * len(edges) + starts
    total = np.concatenate((np.zeros(1), np.cumsum(truth.ends - truth.starts)))
    group = (owner * lines + label.line[items]) * len(edges)

    def covered(at: Indices, position: Numbers) -> Numbers:
        run = np.searchsorted(key, group + at[items], side="right") - 1
        inside = np.maximum(run, 0)
        reach = np.clip(position[items] - truth.starts[inside], 0, (truth.ends - truth.starts)[inside])
        own = (run >= 0) & (key[inside] >= group)
        return np.asarray(total[run + 1] - np.where(own, (truth.ends - truth.starts)[inside] - reach, 0))

    shared = covered(tos, label.ends) - covered(froms, label.starts)
    total_of_pair = np.bincount(np.repeat(np.arange(len(pairs)), np.diff(offsets)), shared, minlength=len(pairs))
    return total_of_pair.astype(np.float64)


def _same_place(truth: Runs, label: Runs, pairs: Pairs, flat: Indices) -> Flags:
    """For pairs without length: whether both are empty, or are the same instants."""
    same = np.zeros(len(flat), np.bool_)
    for position, pair in enumerate(flat):
        first, second = pairs.truth[pair], pairs.label[pair]
        left = slice(truth.offsets[first], truth.offsets[first + 1])
        right = slice(label.offsets[second], label.offsets[second + 1])
        same[position] = np.array_equal(truth.starts[left], label.starts[right])
    return same
