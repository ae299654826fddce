"""Outlines of drawings in pixels, cut at the edge of the image.

Angles turn clockwise on the screen (y points down).
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from benchmark_qa.labels.annotations import Drawings, Indices, Lines, Numbers, Rings, Runs
from benchmark_qa.labels.errors import TooComplexOutlineError
from benchmark_qa.labels.ontology import Shape


def rotated_box_corners(boxes: Numbers, media: Numbers) -> Numbers:
    """Corners (n, 4, 2) in pixels, starting at the upper left one.

    Args:
        boxes: rows of `benchmark_qa.labels.shapes.read_rotated_boxes` (n, 5).
        media: width and height in pixels, per image (n, 2) or for all (2,).

    >>> rotated_box_corners(np.array([[0.25, 0.25, 0.5, 0.5, 90.0]]), np.array([8, 4])).round(6).tolist()
    [[[5.0, 0.0], [5.0, 4.0], [3.0, 4.0], [3.0, 0.0]]]
    """
    sizes = boxes[:, 2:4] * media
    offsets = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]) * sizes[:, None, :]
    return (boxes[:, :2] * media + sizes / 2)[:, None, :] + _turned(offsets, boxes[:, 4])


def ellipse_corners(middles: Numbers, half_axes: Numbers, degrees: Numbers, corners: int) -> Numbers:
    """Corners (n, `corners`, 2) of polygons with the same areas as the ellipses.

    Args:
        middles: (n, 2), in pixels.
        half_axes: horizontal and vertical, before the rotation (n, 2), in pixels.
        degrees: rotation (n,).
        corners: number of corners, at least 3.
    """
    angle = np.arange(corners) * (2 * np.pi / corners)
    # A polygon inside the ellipse is too small; this factor gives it the ellipse's area.
    grown = np.sqrt(2 * np.pi / corners / np.sin(2 * np.pi / corners))
    circle = np.stack((np.cos(angle), np.sin(angle)), axis=-1) * grown
    return middles[:, None, :] + _turned(circle * half_axes[:, None, :], degrees)


def _turned(offsets: Numbers, degrees: Numbers) -> Numbers:
    """Offsets (n, p, 2), rotated by `degrees` (n,)."""
    cosine, sine = np.cos(np.radians(degrees))[:, None], np.sin(np.radians(degrees))[:, None]
    across, down = offsets[..., 0], offsets[..., 1]
    return np.stack((across * cosine - down * sine, across * sine + down * cosine), axis=-1)


Areas = NDArray[np.object_]
"""shapely geometries (n,), in pixels."""


CURVE_POINTS = 128


MOST_CORNERS = 1_000_000
"""Corners of all outlines of one shape; about a second of work."""
MOST_CROSSINGS = 20_000
"""Self-crossings of all outlines of one shape; repairing them takes about a second."""
MOST_NEAR = 10_000_000
"""Pairs of edges whose boxes overlap; to look at so many takes about three seconds."""
MANY_EDGES = 200
"""From so many edges on it is estimated how many of them come near each other."""
MOST_MASK_ROWS = 200_000
"""Rows of pixels of all masks that become outlines; a few seconds of work."""


def outlines(drawings: Drawings, media: Numbers) -> Areas:
    """The parts of the image that the drawings of a shape of `AREA_SHAPES` cover, in pixels.

    Args:
        drawings: n drawings of one shape.
        media: width and height of each drawing's image (n, 2), in pixels.

    Raises:
        TooComplexOutlineError: more corners, crossings or rows of pixels than can be computed in a few seconds.
    """
    if drawings.shape is Shape.BITMASK:
        return _masks(drawings.geometry)
    return within_image(_OUTLINES[drawings.shape](drawings.geometry, media), media)


def sizes(areas: Areas) -> Numbers:
    """Size of each area (n,), in pixels squared; rounding noise of flat areas becomes 0."""
    found = np.asarray(shapely.area(areas), np.float64)
    farthest = np.nan_to_num(np.abs(shapely.bounds(areas)).reshape(-1, 4)).max(axis=1, initial=0.0)
    return np.where(found > 1e-13 * farthest**2, found, 0.0)


def within_image(areas: Areas, media: Numbers) -> Areas:
    """The parts of the areas (n,) inside images of these sizes (n, 2)."""
    if not len(areas):
        return areas
    bounds = shapely.bounds(areas)
    over = np.flatnonzero(((bounds[:, :2] < 0) | (bounds[:, 2:] > media)).any(axis=1))
    if len(over):
        areas = areas.copy()
        areas[over] = shapely.intersection(areas[over], _images(media[over]))
    return areas


def _images(media: Numbers) -> Areas:
    return np.asarray(shapely.box(np.zeros(len(media)), np.zeros(len(media)), media[:, 0], media[:, 1]))


def touches_image(drawings: Drawings, media: Numbers) -> NDArray[np.bool_]:
    """Which outlines or flat lines (n,) lie partly in their image; outlines with an area need area there."""
    if isinstance(drawings.geometry, Lines):
        lines = drawings.geometry
        drawn = np.array(
            [
                line_of(lines.points[start:end, :2] * scale)
                for start, end, scale in zip(lines.offsets[:-1], lines.offsets[1:], media, strict=True)
            ],
            np.object_,
        )
        return np.asarray(shapely.intersects(drawn, _images(media)))
    whole = _OUTLINES[drawings.shape](drawings.geometry, media)
    seen = within_image(whole, media)
    return np.asarray(np.where(sizes(whole) == 0, ~shapely.is_empty(seen), sizes(seen) > 0))


def reach(drawings: Drawings, media: Numbers) -> tuple[Numbers, Numbers]:
    """Corners (n, 2), (n, 2) in pixels of boxes that contain each outline or flat line.

    The boxes are a little too large for curves. Lines in space have no image; they get a point in the image's middle.
    """
    geometry = drawings.geometry
    match drawings.shape:
        case Shape.POLYGON:
            return _least_and_most(geometry.points, geometry.point_offsets, media)
        case Shape.POLYLINE:
            flat = np.where(np.isnan(geometry.points[:, 2:]), geometry.points[:, :2], 0.5)
            return _least_and_most(flat, geometry.offsets, media)
        case Shape.ROTATABLE_BOUNDING_BOX:
            corners = rotated_box_corners(geometry, media)
        case Shape.CUBOID_2D:
            corners = geometry.reshape(-1, 8, 2) * media[:, None, :]
        case _:
            half = _half_axes(drawings.shape, geometry, media).max(axis=1, keepdims=True)
            return geometry[:, :2] * media - half, geometry[:, :2] * media + half
    return corners.min(axis=1), corners.max(axis=1)


def _least_and_most(points: Numbers, offsets: Indices, media: Numbers) -> tuple[Numbers, Numbers]:
    low, high = np.minimum.reduceat(points, offsets[:-1], axis=0), np.maximum.reduceat(points, offsets[:-1], axis=0)
    return low * media, high * media


def _half_axes(shape: Shape, geometry: Numbers, media: Numbers) -> Numbers:
    """Half axes of circles and ellipses (n, 2), in pixels."""
    if shape is Shape.ELLIPSE:
        return geometry[:, 2:4] * media
    radius = geometry[:, 2] * media[:, 0]
    return np.stack((radius, radius * geometry[:, 3]), axis=-1)


def _boxes(geometry: Numbers, media: Numbers) -> Areas:
    left, top = (geometry[:, :2] * media).T
    right, bottom = ((geometry[:, :2] + geometry[:, 2:]) * media).T
    return np.asarray(shapely.box(left, top, right, bottom))


def _circles(geometry: Numbers, media: Numbers) -> Areas:
    return _ellipses(geometry[:, :2] * media, _half_axes(Shape.CIRCLE, geometry, media), geometry[:, 4])


def _turned_ellipses(geometry: Numbers, media: Numbers) -> Areas:
    return _ellipses(geometry[:, :2] * media, _half_axes(Shape.ELLIPSE, geometry, media), geometry[:, 4])


def _flat_cuboids(geometry: Numbers, media: Numbers) -> Areas:
    return silhouettes(geometry.reshape(-1, 8, 2) * media[:, None, :])


def _closed(points: Numbers) -> Numbers:
    return np.concatenate((points, points[:, :1]), axis=1)


def _rotated_boxes(geometry: Numbers, media: Numbers) -> Areas:
    return np.asarray(shapely.polygons(_closed(rotated_box_corners(geometry, media))))


def _ellipses(centre: Numbers, half_axes: Numbers, degrees: Numbers) -> Areas:
    return np.asarray(shapely.polygons(_closed(ellipse_corners(centre, half_axes, degrees, CURVE_POINTS))))


def silhouettes(corners: Numbers) -> Areas:
    """The convex hulls of eight corners each (n, 8, 2)."""
    owner = np.arange(len(corners)).repeat(8)
    return np.asarray(shapely.convex_hull(shapely.multipoints(corners.reshape(-1, 2), indices=owner)))


def _polygons(rings: Rings, media: Numbers) -> Areas:
    if not len(rings):
        return np.empty(0, np.object_)
    if len(rings.points) > MOST_CORNERS:
        raise TooComplexOutlineError(f"polygons have {len(rings.points):,} corners, more than {MOST_CORNERS:,}")
    solid = _with_area(rings)
    scale = media.repeat(np.diff(solid.point_offsets), axis=0)
    offsets = (solid.ring_offsets, solid.polygon_offsets, solid.offsets)
    areas = _valid(shapely.from_ragged_array(shapely.GeometryType.MULTIPOLYGON, solid.points * scale, offsets))
    for index in np.flatnonzero(shapely.is_empty(areas)):
        # Nothing is covered; keep the points, so that the drawing still has a position.
        own = slice(rings.point_offsets[index], rings.point_offsets[index + 1])
        areas[index] = shapely.multipoints(rings.points[own] * media[index])
    return areas


def _with_area(rings: Rings) -> Rings:
    """The rings, without those of fewer than three points and the holes inside them."""
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
    """The union of each mask's covered pixels."""
    areas = np.empty(len(runs), np.object_)
    width = np.ones(len(runs.starts)) if runs.size is None else runs.size[:, 1].repeat(np.diff(runs.offsets))
    rows = int(np.sum((runs.ends - 1) // width - runs.starts // width + 1))
    if rows > MOST_MASK_ROWS:
        raise TooComplexOutlineError(f"masks have {rows:,} rows of pixels, more than {MOST_MASK_ROWS:,}")
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
    """The areas with crossing outlines repaired (GEOS `make_valid`); parts that overlap count once."""
    _refuse_combs(areas)
    broken = np.flatnonzero(~shapely.is_valid(areas))
    if len(broken):
        refuse_tangles(shapely.get_rings(shapely.get_parts(areas[broken])))
        areas = areas.copy()
        for index in broken:
            parts = shapely.make_valid(shapely.get_parts(areas[index]), method="structure", keep_collapsed=False)
            areas[index] = shapely.union_all(parts)
    return areas


def _refuse_combs(areas: Areas) -> None:
    """Raise TooComplexOutlineError if it would take too long to see whether the outlines cross themselves.

    That takes time by the pairs of edges whose boxes overlap: in the outline of a comb, nearly all pairs.
    """
    left = 10.0 * MOST_NEAR  # a tenth of the work that intersections are
    for index in np.flatnonzero(shapely.get_num_coordinates(areas) > MANY_EDGES):
        lines = np.asarray(shapely.linestrings(edges_of(areas[index])))
        step = len(lines) // 64 + 1  # the others are like these
        left -= float(shapely.STRtree(lines).query(lines[::step]).shape[1]) * step
        if left < 0:
            raise TooComplexOutlineError("outlines have too many edges that come near each other")


def edges_of(area: shapely.Geometry) -> Numbers:
    """The edges (m, 2, 2) of an outline and its holes."""
    points, owner = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(area)), return_index=True)
    same = owner[1:] == owner[:-1]
    return np.stack((points[:-1][same], points[1:][same]), axis=1)


def mended_faces(corners: Numbers) -> Areas:
    """Valid areas of quadrilaterals (n, 4, 2); those without area become their points."""
    faces = _valid(np.asarray(shapely.polygons(_closed(corners))))
    for index in np.flatnonzero(shapely.is_empty(faces)):
        faces[index] = shapely.multipoints(corners[index])
    return faces


def line_of(points: Numbers) -> Any:
    """A line through the points (m, 2); a single point becomes a line without length."""
    return shapely.linestrings(points if len(points) > 1 else np.repeat(points, 2, axis=0))


def refuse_tangles(lines: Areas) -> None:
    """Raise TooComplexOutlineError if rings or lines cross more than `MOST_CROSSINGS` times."""
    counts = shapely.get_num_coordinates(lines)
    if float((counts * counts).sum()) / 2 <= MOST_CROSSINGS and len(lines) < 2:
        return
    points, owner = shapely.get_coordinates(lines, return_index=True)
    same = owner[1:] == owner[:-1]
    pieces = np.stack((points[:-1][same], points[1:][same]), axis=1)
    if len(pieces) * len(pieces) / 2 <= MOST_CROSSINGS:
        return
    if crossings(pieces, pieces, 2 * MOST_CROSSINGS + 3 * len(pieces)) > 2 * MOST_CROSSINGS + 3 * len(pieces):
        raise TooComplexOutlineError(f"outlines or lines cross themselves more than {MOST_CROSSINGS:,} times")


def crossings(first: Numbers, second: Numbers, most: int) -> int:
    """Number of intersections of segments (n, 2, 2) with others (m, 2, 2).

    Counting stops above `most`, and gives more than `most` if too many segments come near each other to be counted.
    """
    others = np.asarray(shapely.linestrings(second))
    tree, count, near = shapely.STRtree(np.asarray(shapely.linestrings(first))), 0, 0
    for start in range(0, len(others), 64):
        some = others[start : start + 64]
        near += tree.query(some).shape[1]
        if near > MOST_NEAR:
            return most + 1
        count += tree.query(some, predicate="intersects").shape[1]
        if count > most:
            break
    return count


_OUTLINES: Mapping[Shape, Callable[[Any, Numbers], Areas]] = {
    Shape.BOUNDING_BOX: _boxes,
    Shape.ROTATABLE_BOUNDING_BOX: _rotated_boxes,
    Shape.CIRCLE: _circles,
    Shape.ELLIPSE: _turned_ellipses,
    Shape.CUBOID_2D: _flat_cuboids,
    Shape.POLYGON: _polygons,
}
