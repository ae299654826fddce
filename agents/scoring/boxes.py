"""Axis-parallel boxes: which of them overlap, and by how much. Arrays in, arrays out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Numbers = NDArray[np.float64]


def box_iou(first: Numbers, second: Numbers) -> Numbers:
    """Intersection over union of boxes, pair by pair: (n, 4) and (n, 4) as left, top, width, height, to (n,).

    Two equal boxes without area have 1, other pairs without area 0.

    >>> box_iou(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[1.0, 0.0, 2.0, 2.0]])).round(4)
    array([0.3333])
    """
    across = _overlap(first[:, 0], first[:, 2], second[:, 0], second[:, 2])
    down = _overlap(first[:, 1], first[:, 3], second[:, 1], second[:, 3])
    shared = across * down
    union = first[:, 2] * first[:, 3] + second[:, 2] * second[:, 3] - shared
    flat = union <= 0
    if not flat.any():
        return shared / union
    ratio = shared / np.where(flat, 1.0, union)
    return np.where(flat, (first == second).all(axis=1), ratio)


def _overlap(start: Numbers, length: Numbers, other: Numbers, other_length: Numbers) -> Numbers:
    shared = np.minimum(start + length, other + other_length)
    shared -= np.maximum(start, other)
    return np.maximum(shared, 0.0, out=shared)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Index pairs (k,), (k,) into truth and labels."""

    truth: Indices
    label: Indices

    def __len__(self) -> int:
        return len(self.truth)


def touching(truth: Numbers, truth_group: Indices, label: Numbers, label_group: Indices) -> Pairs:
    """Pairs of boxes (left, top, width, height) of the same group that touch or overlap.

    A sweep over the left edges, all groups at once: cost follows the number of boxes whose horizontal extents meet,
    not the number of all pairs.
    """
    if not len(truth) or not len(label):
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int64))
    groups, dense = np.unique(np.concatenate((truth_group, label_group)), return_inverse=True)
    of_truth, of_label = dense[: len(truth)], dense[len(truth) :]
    left, widest = truth[:, 0], np.zeros(len(groups))
    np.maximum.at(widest, of_truth, truth[:, 2])
    low = min(left.min(), label[:, 0].min()) - widest.max()
    high = max((truth[:, 0] + truth[:, 2]).max(), (label[:, 0] + label[:, 2]).max())
    stride = 2 * (high - low) + 1.0
    slack = 1e-12 * stride * (len(groups) + 1)  # rounding of the combined key
    key = of_truth * stride + (left - low)
    order = np.argsort(key, kind="stable")
    base = of_label * stride - low
    first = np.searchsorted(key[order], base + label[:, 0] - widest[of_label] - slack, side="left")
    last = np.searchsorted(key[order], base + label[:, 0] + label[:, 2] + slack, side="right")
    counts = last - first
    labels = np.repeat(np.arange(len(label)), counts)
    offsets = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    truths = order[np.repeat(first, counts) + offsets]
    meet = _meet(truth, label, truths, labels) & (of_truth[truths] == of_label[labels])
    return Pairs(truths[meet], labels[meet])


def _meet(truth: Numbers, label: Numbers, truths: Indices, labels: Indices) -> NDArray[np.bool_]:
    meets = np.ones(len(truths), np.bool_)
    for axis in (0, 1):
        start, other = truth[:, axis], label[:, axis]
        end, other_end = start + truth[:, axis + 2], other + label[:, axis + 2]
        meets &= (start[truths] <= other_end[labels]) & (other[labels] <= end[truths])
    return meets
