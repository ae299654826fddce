"""Shapes that cover an area of the image: polygons, rotated boxes, circles, ellipses, flat cuboids, masks as areas.

Everything is exact (GEOS), except ellipses: each is a polygon of `CURVE_POINTS` corners with the ellipse's own area,
which keeps its IoU within 2e-4 of the true one. Two circles are exact again: their shared lens has a formula.
"""

import numpy as np
import shapely
from numpy.typing import NDArray

from benchmark_qa.engine.pairs import Indices, Numbers, Pairs, ratio_or_same
from benchmark_qa.labels.annotations import Drawings, Rings, Runs
from benchmark_qa.labels.ontology import Shape
from benchmark_qa.labels.outlines import ellipse_corners, rotated_box_corners

Areas = NDArray[np.object_]
"""shapely geometries (n,), in pixels."""

CURVE_POINTS = 128


def area_iou(truth: Areas, label: Areas, pairs: Pairs) -> Numbers:
    """Shared area over covered area of each pair (k,). Two outlines without area agree when they span the same box."""
    first, second = truth[pairs.truth], label[pairs.label]
    shared = sizes(np.asarray(shapely.intersection(first, second)))
    covered = sizes(truth)[pairs.truth] + sizes(label)[pairs.label] - shared
    return ratio_or_same(
        shared, covered, lambda flat: (shapely.bounds(first[flat]) == shapely.bounds(second[flat])).all(axis=1)
    )


def boundary_iou(truth: Areas, label: Areas, media: Numbers, width: float, pairs: Pairs) -> Numbers:
    """Boundary IoU (Cheng et al. 2021, arXiv 2103.16562), pair by pair (k,).

    Only what lies within `width` x the image's diagonal of the own outline counts; `media` (n, 2) is the truth's.
    """
    reach = width * np.hypot(*media[pairs.truth].T)
    each = np.arange(len(pairs))
    return area_iou(_rims(truth[pairs.truth], reach), _rims(label[pairs.label], reach), Pairs(each, each))


def _rims(areas: Areas, reach: Numbers) -> Areas:
    return np.asarray(shapely.difference(areas, shapely.buffer(areas, -reach, join_style="mitre")))


def cuboid_iou(truth: Drawings, label: Drawings, media: tuple[Numbers, Numbers], pairs: Pairs) -> Numbers:
    """Flat cuboids (k,): half the IoU of the silhouettes, a quarter that of the front faces, a quarter of the back."""
    first, second = (
        drawings.geometry.reshape(-1, 8, 2) * scale[:, None, :]
        for drawings, scale in zip((truth, label), media, strict=True)
    )
    whole = area_iou(_silhouettes(first), _silhouettes(second), pairs)
    front, back = (
        area_iou(_mended_faces(first[:, face]), _mended_faces(second[:, face]), pairs)
        for face in (slice(0, 4), slice(4, 8))
    )
    return whole / 2 + front / 4 + back / 4


def circle_iou(truth: Drawings, label: Drawings, media: tuple[Numbers, Numbers], pairs: Pairs) -> Numbers:
    """Circles (k,): by the area of the lens that they share; stretched ones as ellipses."""
    values = np.empty(len(pairs))
    stretched = (truth.geometry[pairs.truth, 3] != 1) | (label.geometry[pairs.label, 3] != 1)
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


def _lens(distance: Numbers, first: Numbers, second: Numbers) -> Numbers:
    """Area that two circles share (https://mathworld.wolfram.com/Circle-CircleIntersection.html)."""
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


def outlines(drawings: Drawings, media: Numbers) -> Areas:  # noqa: PLR0911 - one per shape
    """What the drawings cover, in pixels; `media` (n, 2) is the width and height of each one's frame."""
    geometry = drawings.geometry
    match drawings.shape:
        case Shape.BOUNDING_BOX:
            left, top = (geometry[:, :2] * media).T
            right, bottom = ((geometry[:, :2] + geometry[:, 2:]) * media).T
            return np.asarray(shapely.box(left, top, right, bottom))
        case Shape.ROTATABLE_BOUNDING_BOX:
            return _rotated_boxes(geometry, media)
        case Shape.CIRCLE:
            radius = geometry[:, 2] * media[:, 0]
            return _ellipses(geometry[:, :2] * media, radius, radius * geometry[:, 3], geometry[:, 4])
        case Shape.ELLIPSE:
            across, down = (geometry[:, 2:4] * media).T
            return _ellipses(geometry[:, :2] * media, across, down, geometry[:, 4])
        case Shape.CUBOID_2D:
            return _silhouettes(geometry.reshape(-1, 8, 2) * media[:, None, :])
        case Shape.POLYGON:
            return _polygons(geometry, media)
    return _masks(geometry)


def extents(areas: Areas) -> Numbers:
    """Left, top, width, height (n, 4) about each area; what covers nothing lies at the origin."""
    bounds: Numbers = np.nan_to_num(shapely.bounds(areas)).reshape(-1, 4)
    bounds[:, 2:] -= bounds[:, :2]
    return bounds


def sizes(areas: Areas) -> Numbers:
    """Size of each area in pixels squared (n,)."""
    return np.asarray(shapely.area(areas), np.float64)


def _closed(points: Numbers) -> Numbers:
    return np.concatenate((points, points[:, :1]), axis=1)


def _rotated_boxes(geometry: Numbers, media: Numbers) -> Areas:
    return np.asarray(shapely.polygons(_closed(rotated_box_corners(geometry, media))))


def _ellipses(centre: Numbers, across: Numbers, down: Numbers, degrees: Numbers) -> Areas:
    corners = ellipse_corners(centre, np.stack((across, down), axis=-1), degrees, CURVE_POINTS)
    return np.asarray(shapely.polygons(_closed(corners)))


def _silhouettes(corners: Numbers) -> Areas:
    """The convex hull of the eight corners (n, 8, 2)."""
    owner = np.arange(len(corners)).repeat(8)
    return np.asarray(shapely.convex_hull(shapely.multipoints(corners.reshape(-1, 2), indices=owner)))


def _polygons(rings: Rings, media: Numbers) -> Areas:
    if not len(rings):
        return np.empty(0, np.object_)
    solid = _with_area(rings)
    scale = media.repeat(np.diff(solid.point_offsets), axis=0)
    offsets = (solid.ring_offsets, solid.polygon_offsets, solid.offsets)
    areas = _valid(shapely.from_ragged_array(shapely.GeometryType.MULTIPOLYGON, solid.points * scale, offsets))
    for index in np.flatnonzero(shapely.is_empty(areas)):
        # Nothing is covered; the points themselves remain, so that it still lies somewhere.
        own = slice(rings.point_offsets[index], rings.point_offsets[index + 1])
        areas[index] = shapely.multipoints(rings.points[own] * media[index])
    return areas


def _with_area(rings: Rings) -> Rings:
    """Without rings of less than three points, which cover nothing, and without the holes in such a ring."""
    counts = np.diff(rings.ring_offsets)
    several = np.diff(rings.polygon_offsets) > 0
    outer = np.zeros(len(several), np.int64)
    outer[several] = counts[rings.polygon_offsets[:-1][several]]
    kept_polygons = outer >= 3
    kept_rings = (counts >= 3) & np.repeat(kept_polygons, np.diff(rings.polygon_offsets))
    if kept_rings.all() and kept_polygons.all():
        return rings
    rings_before = _starts(kept_rings)
    ring_ends = rings_before[rings.polygon_offsets[1:]][kept_polygons]
    return Rings(
        rings.points[kept_rings.repeat(counts)],
        _starts(counts[kept_rings]),
        np.concatenate((np.zeros(1, np.int64), ring_ends)),
        _starts(kept_polygons)[rings.offsets],
    )


def _starts(counts: "Indices | NDArray[np.bool_]") -> Indices:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)))


def _masks(runs: Runs) -> Areas:
    """The covered pixels as squares, put together."""
    areas = np.empty(len(runs), np.object_)
    for index in range(len(runs)):
        areas[index] = shapely.union_all(_row_boxes(runs, index))
    return areas


def _row_boxes(runs: Runs, index: int) -> Areas:
    chosen = slice(runs.offsets[index], runs.offsets[index + 1])
    width = 1 if runs.size is None else int(runs.size[index, 1])
    boxes = []
    for start, end in zip(runs.starts[chosen], runs.ends[chosen], strict=True):
        top, bottom = int(start // width), int((end - 1) // width)
        for row in range(top, bottom + 1):
            left = start - row * width if row == top else 0
            right = end - row * width if row == bottom else width
            boxes.append(shapely.box(left, row, right, row + 1))
    return np.array(boxes, np.object_)


def _valid(areas: Areas) -> Areas:
    """Outlines that cross themselves are mended (GEOS `make_valid`); those that overlap each other count once."""
    broken = np.flatnonzero(~shapely.is_valid(areas))
    if len(broken):
        areas = areas.copy()
        for index in broken:
            parts = shapely.make_valid(shapely.get_parts(areas[index]), method="structure", keep_collapsed=False)
            areas[index] = shapely.union_all(parts)
    return areas


def _mended_faces(corners: Numbers) -> Areas:
    """Quadrilaterals (n, 4, 2); those that cover nothing remain as points."""
    faces = _valid(np.asarray(shapely.polygons(_closed(corners))))
    for index in np.flatnonzero(shapely.is_empty(faces)):
        faces[index] = shapely.multipoints(corners[index])
    return faces
