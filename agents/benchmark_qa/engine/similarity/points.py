"""Similarity of points and skeletons by COCO's object keypoint similarity (OKS), a Gaussian.

OKS: the mean over the visible points of exp(-d^2 / (2 s^2 k^2)), with k = 2 sigma of the point and s^2 the object's
area (https://cocodataset.org/#keypoints-eval).
"""

import numpy as np

from benchmark_qa.engine.pairs import Flags, Pairs
from benchmark_qa.labels.annotations import INVISIBLE, Indices, Numbers, Skeletons, segments

FAINT = 0.01
"""A Gaussian below this counts as 0 when candidate pairs are searched."""


def reach_of_points(scale: Numbers) -> Numbers:
    """Distance at which exp(-d^2 / (2 scale^2)) falls to `FAINT`."""
    return np.asarray(scale * np.sqrt(-2 * np.log(FAINT)))


def scaled(points: Numbers, media: Numbers) -> Numbers:
    """Points (n, 3) in pixels; those in space stay in scene units."""
    flat = np.isnan(points[:, 2])[:, None]
    return np.concatenate((np.where(flat, points[:, :2] * media, points[:, :2]), points[:, 2:]), axis=1)


def point_similarity(truth: Numbers, label: Numbers, scale: Numbers, pairs: Pairs) -> Numbers:
    """exp(-d^2 / (2 scale^2)) of each pair (k,).

    Points (n, 3) and (m, 3) are in pixels, or in scene units where z is not NaN; `scale` (n,) has the same unit. A
    point in the plane and a point in space have similarity 0.
    """
    first, second = truth[pairs.truth], label[pairs.label]
    mixed = np.isnan(first[:, 2]) != np.isnan(second[:, 2])
    square = (np.nan_to_num(first - second) ** 2).sum(axis=1)
    return np.where(mixed, 0.0, np.exp(-square / (2 * scale[pairs.truth] ** 2)))


def oks(truth: Skeletons, label: Skeletons, points: tuple[Numbers, Numbers], sigmas: Numbers, pairs: Pairs) -> Numbers:
    """Object keypoint similarity of each pair (k,), over the points that are visible in the truth.

    Args:
        truth: skeletons of the ground truth.
        label: skeletons of the labels; a node that is missing there counts 0.
        points: their points in pixels (p, 2), (q, 2).
        sigmas: of each node of the truth, by index into `truth.names`.
        pairs: k pairs of skeletons.
    """
    counted = _counted(truth)
    areas = oks_areas(truth, points[0])
    items, offsets = segments(truth.offsets, pairs.truth)
    owner = np.repeat(np.arange(len(pairs)), np.diff(offsets))
    items, owner = items[counted[items]], owner[counted[items]]
    partner = _same_node(truth, label, items, pairs.label[owner])
    found = partner >= 0
    square = ((points[0][items] - points[1][np.maximum(partner, 0)]) ** 2).sum(axis=1)
    spread = 2 * (2 * sigmas[truth.node[items]]) ** 2 * areas[pairs.truth[owner]]
    value = np.where(found, np.exp(-square / spread), 0.0)
    total = np.bincount(owner, value, minlength=len(pairs))
    return np.asarray(total / np.maximum(np.bincount(owner, minlength=len(pairs)), 1))


def oks_areas(skeletons: Skeletons, points: Numbers) -> Numbers:
    """Area (n,) of the box around each skeleton's visible points.

    A flat box counts as the square over its longer side; a skeleton in one spot has one pixel.
    """
    if not len(skeletons):
        return np.empty(0)
    counted = _counted(skeletons)
    low = np.minimum.reduceat(np.where(counted[:, None], points, np.inf), skeletons.offsets[:-1], axis=0)
    high = np.maximum.reduceat(np.where(counted[:, None], points, -np.inf), skeletons.offsets[:-1], axis=0)
    size = high - low
    area = size.prod(axis=1)
    return np.asarray(np.where(area > 0, area + np.spacing(1), np.maximum(size.max(axis=1) ** 2, 1.0)))


def visibility_agreement(truth: Skeletons, label: Skeletons, pairs: Pairs) -> Numbers:
    """Share of the truth's points that have the same visibility in the label (k,)."""
    items, offsets = segments(truth.offsets, pairs.truth)
    owner = np.repeat(np.arange(len(pairs)), np.diff(offsets))
    partner = _same_node(truth, label, items, pairs.label[owner])
    same = (partner >= 0) & (truth.visibility[items] == label.visibility[np.maximum(partner, 0)])
    return np.asarray(np.bincount(owner, same, minlength=len(pairs)) / np.diff(offsets))


def _counted(skeletons: Skeletons) -> Flags:
    """Which points count: the visible ones, or all if a skeleton has no visible point."""
    visible = skeletons.visibility != INVISIBLE
    if not len(skeletons):
        return np.asarray(visible)
    some = np.logical_or.reduceat(visible, skeletons.offsets[:-1])
    return np.asarray(visible | ~np.repeat(some, np.diff(skeletons.offsets)))


def _same_node(truth: Skeletons, label: Skeletons, items: Indices, drawing: Indices) -> Indices:
    """For each truth point, the position of the label drawing's point of the same node, or -1."""
    number = {name: i for i, name in enumerate(dict.fromkeys((*label.names, *truth.names)))}
    own = np.array([number[name] for name in truth.names], np.int64)
    key = np.repeat(np.arange(len(label)), np.diff(label.offsets)) * len(number) + label.node
    order = np.argsort(key, kind="stable")
    wanted = drawing * len(number) + own[truth.node[items]]
    at = np.minimum(np.searchsorted(key[order], wanted), len(key) - 1)
    return np.where(key[order][at] == wanted, order[at], -1)
