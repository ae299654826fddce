"""Axis-parallel boxes."""

import numpy as np

from benchmark_qa.engine.pairs import Indices, Numbers, Pairs, touching
from benchmark_qa.engine.ratio import ratio_or_same

__all__ = ["Indices", "Numbers", "Pairs", "box_iou", "touching"]


def box_iou(first: Numbers, second: Numbers) -> Numbers:
    """Intersection over union of boxes, pair by pair: (k, 4) and (k, 4) as left, top, width, height, to (k,).

    Two equal boxes without area have 1, other pairs without area 0.

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
