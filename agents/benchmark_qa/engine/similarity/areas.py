"""Similarity of shapes with an area: polygons, rotated boxes, circles, ellipses, cuboids, masks.

The results are exact (GEOS), except for ellipses: each is a polygon of `CURVE_POINTS` corners with the ellipse's area,
which keeps its IoU within 2e-4 of the true one. The IoU of two circles has a formula and is exact.
"""

import numpy as np
import shapely

from benchmark_qa.engine.errors import TooMuchWorkError
from benchmark_qa.engine.pairs import Flags, Pairs, ratio_or_same
from benchmark_qa.labels.annotations import Drawings, Numbers
from benchmark_qa.labels.outlines import (
    MANY_EDGES,
    MOST_NEAR,
    Areas,
    crossings,
    edges_of,
    mended_faces,
    outlines,
    reach,
    silhouettes,
    sizes,
    within_image,
)

MOST_CORNERS_COMPARED = 20_000_000
"""Corners of both outlines, summed over all compared pairs: a few seconds of work."""


MOST_MEETINGS = 100_000
"""Crossings of two outlines, summed over all pairs with very many corners: about two seconds of work."""


MANY_CORNERS = 4_000_000
"""Product of the corners of two outlines; from here on their crossings are counted first."""


def area_iou(truth: Areas, label: Areas, pairs: Pairs) -> Numbers:
    """Shared area over covered area of each pair (k,).

    Two outlines without area have IoU 1 if they span the same box.
    """
    _refuse_too_many_corners(truth, label, pairs)
    first, second = truth[pairs.truth], label[pairs.label]
    shared = sizes(np.asarray(shapely.intersection(first, second)))
    covered = sizes(truth)[pairs.truth] + sizes(label)[pairs.label] - shared
    return ratio_or_same(shared, covered, lambda flat: (_bounds(first[flat]) == _bounds(second[flat])).all(axis=1))


def _bounds(areas: Areas) -> Numbers:
    """Bounds (k, 4); 0 for empty geometries, so that two of them are equal."""
    return np.asarray(np.nan_to_num(shapely.bounds(areas)))


def _refuse_too_many_corners(truth: Areas, label: Areas, pairs: Pairs) -> None:
    corners = [shapely.get_num_coordinates(side).astype(np.int64) for side in (truth, label)]
    of_truth, of_label = corners[0][pairs.truth], corners[1][pairs.label]
    total = int((of_truth + of_label).sum())
    if total > MOST_CORNERS_COMPARED:
        raise TooMuchWorkError(f"outlines that overlap have {total:,} corners, more than {MOST_CORNERS_COMPARED:,}")
    _refuse_combs(truth, label, pairs.where(of_truth * of_label > MANY_EDGES**2))
    left = MOST_MEETINGS
    for pair in np.flatnonzero(of_truth * of_label > MANY_CORNERS):
        left -= crossings(edges_of(truth[pairs.truth[pair]]), edges_of(label[pairs.label[pair]]), left)
        if left < 0:
            raise TooMuchWorkError(f"two outlines cut each other more than {MOST_MEETINGS:,} times")


def _refuse_combs(truth: Areas, label: Areas, pairs: Pairs) -> None:
    """Raise TooMuchWorkError if too many edges of the pairs come near each other: intersecting looks at each two."""
    left, last, tree = float(MOST_NEAR), -1, None
    samples: dict[int, tuple[Areas, int]] = {}
    for first, second in sorted(zip(pairs.truth.tolist(), pairs.label.tolist(), strict=True)):
        if tree is None or first != last:
            tree, last = shapely.STRtree(np.asarray(shapely.linestrings(edges_of(truth[first])))), first
        if second not in samples:
            own = edges_of(label[second])
            number = len(own) // 64 + 1
            samples[second] = np.asarray(shapely.linestrings(own[::number])), number
        sample, number = samples[second]
        left -= float(tree.query(sample).shape[1]) * number
        if left < 0:
            raise TooMuchWorkError("two outlines have too many edges that come near each other")


def boundary_iou(truth: Areas, label: Areas, media: Numbers, width: float, pairs: Pairs) -> Numbers:
    """Boundary IoU (Cheng et al. 2021, arXiv 2103.16562) of each pair (k,).

    Only the parts within `width` x the image's diagonal of each outline count; `media` (n, 2) is the truth's.
    """
    reach = width * np.hypot(*media[pairs.truth].T)
    each = np.arange(len(pairs))
    return area_iou(_rims(truth[pairs.truth], reach), _rims(label[pairs.label], reach), Pairs(each, each))


def _rims(areas: Areas, reach: Numbers) -> Areas:
    return np.asarray(shapely.difference(areas, shapely.buffer(areas, -reach, join_style="mitre")))


def cuboid_iou(truth: Drawings, label: Drawings, media: tuple[Numbers, Numbers], pairs: Pairs) -> Numbers:
    """Flat cuboids (k,): 1/2 IoU of silhouettes + 1/4 IoU of front faces + 1/4 IoU of back faces."""
    first, second = (
        drawings.geometry.reshape(-1, 8, 2) * scale[:, None, :]
        for drawings, scale in zip((truth, label), media, strict=True)
    )
    whole, front, back = (
        area_iou(within_image(outline(first), media[0]), within_image(outline(second), media[1]), pairs)
        for outline in (
            silhouettes,
            lambda corners: mended_faces(corners[:, :4]),
            lambda corners: mended_faces(corners[:, 4:]),
        )
    )
    return whole / 2 + front / 4 + back / 4


def circle_iou(truth: Drawings, label: Drawings, media: tuple[Numbers, Numbers], pairs: Pairs) -> Numbers:
    """IoU of circles (k,), from their lens; stretched circles and those over the edge use outlines."""
    values = np.empty(len(pairs))
    cut = [_over_the_edge(drawings, scale) for drawings, scale in zip((truth, label), media, strict=True)]
    stretched = (truth.geometry[pairs.truth, 3] != 1) | (label.geometry[pairs.label, 3] != 1)
    stretched |= cut[0][pairs.truth] | cut[1][pairs.label]
    if stretched.any():
        values[stretched] = area_iou(outlines(truth, media[0]), outlines(label, media[1]), pairs.where(stretched))
    plain = pairs.where(~stretched)
    first, second = truth.geometry[plain.truth], label.geometry[plain.label]
    scale, other_scale = media[0][plain.truth], media[1][plain.label]
    distance = np.linalg.norm(first[:, :2] * scale - second[:, :2] * other_scale, axis=1)
    radius, other = first[:, 2] * scale[:, 0], second[:, 2] * other_scale[:, 0]
    shared = _lens(distance, radius, other)
    values[~stretched] = ratio_or_same(
        shared, np.pi * (radius**2 + other**2) - shared, lambda flat: (first[flat] == second[flat]).all(axis=1)
    )
    return values


def _over_the_edge(circles: Drawings, media: Numbers) -> Flags:
    """Which circles (n,) extend beyond their image."""
    low, high = reach(circles, media)
    return np.asarray(((low < 0) | (high > media)).any(axis=1))


def _lens(distance: Numbers, first: Numbers, second: Numbers) -> Numbers:
    """Shared area of two circles (https://mathworld.wolfram.com/Circle-CircleIntersection.html)."""
    inside = distance <= np.abs(first - second)
    cut = ~inside & (distance < first + second)
    d, r, s = distance[cut], first[cut], second[cut]
    along = (d**2 + r**2 - s**2) / (2 * d)
    lens = np.where(inside, np.pi * np.minimum(first, second) ** 2, 0.0)
    lens[cut] = (
        r**2 * np.arccos(np.clip(along / r, -1, 1))
        + s**2 * np.arccos(np.clip((d - along) / s, -1, 1))
        - d * np.sqrt(np.maximum(r**2 - along**2, 0))
    )
    return lens


def extents(areas: Areas) -> Numbers:
    """Left, top, width, height (n, 4) around each area; at the origin for an empty one."""
    bounds: Numbers = np.nan_to_num(shapely.bounds(areas)).reshape(-1, 4)
    bounds[:, 2:] -= bounds[:, :2]
    return bounds
