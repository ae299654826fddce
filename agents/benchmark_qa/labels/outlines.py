"""Corners of what is drawn turned: rotated boxes and ellipses, clockwise as seen on the screen, whose y points down."""

import numpy as np
import shapely
from numpy.typing import NDArray

from benchmark_qa.labels.annotations import Drawings, Indices, Numbers, Rings, Runs
from benchmark_qa.labels.ontology import Shape


def rotated_box_corners(boxes: Numbers, media: Numbers) -> Numbers:
    """Corners (n, 4, 2) in pixels, from the upper left one on.

    Args:
        boxes: as `benchmark_qa.labels.shapes.read_rotated_boxes` has them (n, 5).
        media: width and height in pixels, of each one's image (n, 2) or of all (2,).

    >>> rotated_box_corners(np.array([[0.25, 0.25, 0.5, 0.5, 90.0]]), np.array([8, 4])).round(6).tolist()
    [[[5.0, 0.0], [5.0, 4.0], [3.0, 4.0], [3.0, 0.0]]]
    """
    sizes = boxes[:, 2:4] * media
    offsets = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]) * sizes[:, None, :]
    return (boxes[:, :2] * media + sizes / 2)[:, None, :] + _turned(offsets, boxes[:, 4])


def ellipse_corners(middles: Numbers, half_axes: Numbers, degrees: Numbers, corners: int) -> Numbers:
    """Corners (n, `corners`, 2) of polygons that have the ellipses' own areas.

    Args:
        middles: (n, 2), in pixels.
        half_axes: across and down before they are turned (n, 2), in pixels.
        degrees: (n,)
        corners: how many, at least 3.
    """
    angle = np.arange(corners) * (2 * np.pi / corners)
    # A polygon inside the ellipse would be too small: this factor gives it the ellipse's area.
    grown = np.sqrt(2 * np.pi / corners / np.sin(2 * np.pi / corners))
    circle = np.stack((np.cos(angle), np.sin(angle)), axis=-1) * grown
    return middles[:, None, :] + _turned(circle * half_axes[:, None, :], degrees)


def _turned(offsets: Numbers, degrees: Numbers) -> Numbers:
    """Offsets (n, p, 2) turned."""
    cosine, sine = np.cos(np.radians(degrees))[:, None], np.sin(np.radians(degrees))[:, None]
    across, down = offsets[..., 0], offsets[..., 1]
    return np.stack((across * cosine - down * sine, across * sine + down * cosine), axis=-1)


Areas = NDArray[np.object_]
"""shapely geometries (n,), in pixels."""


CURVE_POINTS = 128


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
