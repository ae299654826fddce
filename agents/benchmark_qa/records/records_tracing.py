"""Drawings of every flat shape as a few points, for a small picture of them."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from benchmark_qa.labels.annotations import Drawings
from benchmark_qa.labels.labels_geometry import INVISIBLE, Lines, Numbers, Rings, Runs, Skeletons
from benchmark_qa.labels.ontology import Shape

Kind = Literal["box", "area", "line", "dots"]
Path = tuple[float, ...]
"""x, y, x, y ... in fractions of the media"""

POINTS_A_PATH = 48
_ROWS_OF_A_MASK = 24
_TOLERANCE = 0.002
_DECIMALS = 4
_AREAS = frozenset(
    {Shape.ROTATABLE_BOUNDING_BOX, Shape.CIRCLE, Shape.ELLIPSE, Shape.CUBOID_2D, Shape.POLYGON, Shape.BITMASK}
)


class Traced(NamedTuple):
    """One drawing: the box about it in fractions of the media, and how to draw it."""

    left: float
    top: float
    width: float
    height: float
    kind: Kind
    paths: tuple[Path, ...] = ()
    """Outlines of an area, a line, or single points; none for a box, which is its own"""


def trace(drawings: Drawings) -> Iterator[Traced | None]:
    """Each drawing, in their order; None for what has no place in a flat picture."""
    geometry = drawings.geometry
    if drawings.shape is Shape.BOUNDING_BOX:
        for left, top, width, height in geometry.tolist():
            yield Traced(left, top, width, height, "box")
    elif drawings.shape is Shape.POINT:
        for point in geometry:
            yield _flat("dots", point[None, :])
    elif isinstance(geometry, Lines):
        for start, end in zip(geometry.offsets[:-1], geometry.offsets[1:], strict=True):
            yield _flat("line", geometry.points[start:end])
    elif isinstance(geometry, Skeletons):
        for start, end in zip(geometry.offsets[:-1], geometry.offsets[1:], strict=True):
            seen = geometry.visibility[start:end] != INVISIBLE
            yield _traced("dots", [geometry.points[start:end][seen]])
    elif drawings.shape in _AREAS:
        yield from _areas(drawings)
    else:
        yield from (None for _ in range(len(drawings)))


def _flat(kind: Kind, points: Numbers) -> Traced | None:
    """Points (m, 3) of the plane; None where they lie in space."""
    return None if np.isfinite(points[:, 2]).any() else _traced(kind, [points[:, :2]])


def _traced(kind: Kind, paths: list[Numbers]) -> Traced | None:
    points = np.concatenate(paths) if paths else np.empty((0, 2))
    if not len(points):
        return None
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return Traced(left, top, right - left, bottom - top, kind, tuple(_path(path) for path in paths))


def _path(points: Numbers) -> Path:
    """At most so many of the points, evenly, the first and the last among them."""
    if len(points) > POINTS_A_PATH:
        points = points[np.linspace(0, len(points) - 1, POINTS_A_PATH).round().astype(int)]
    return tuple(points.round(_DECIMALS).ravel().tolist())


def _areas(drawings: Drawings) -> Iterator[Traced | None]:
    if isinstance(drawings.geometry, Runs):
        for index in range(len(drawings)):
            yield _traced("area", [_silhouette(drawings.geometry, index)])
        return
    import shapely  # noqa: PLC0415 - boxes need none

    from benchmark_qa.engine.similarity.areas import outlines  # noqa: PLC0415

    media = np.where(np.isfinite(drawings.media) & (drawings.media > 0), drawings.media, 1.0)
    areas = outlines(drawings, media)
    simple = shapely.simplify(areas, _TOLERANCE * media.min(axis=1))
    for index, area in enumerate(simple):
        parts = [part for part in shapely.get_parts(area) if shapely.get_type_id(part) == shapely.GeometryType.POLYGON]
        rings = [shapely.get_coordinates(shapely.get_exterior_ring(part)) / media[index] for part in parts]
        traced = _traced("area", rings or [shapely.get_coordinates(area) / media[index]])
        if traced is not None and isinstance(drawings.geometry, Rings):
            traced = _about(drawings.geometry, index, traced)
        yield traced


def _about(rings: Rings, index: int, traced: Traced) -> Traced:
    """With the box about the polygon's own points: what is simplified may be a little smaller."""
    points = rings.points[rings.point_offsets[index] : rings.point_offsets[index + 1]]
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return Traced(left, top, right - left, bottom - top, traced.kind, traced.paths)


def _silhouette(runs: Runs, index: int) -> Numbers:
    """A mask from its left edge to its right, row by row (m, 2): holes and gaps within a row are not seen."""
    if runs.size is None:
        return np.empty((0, 2))
    height, width = (int(number) for number in runs.size[index])
    chosen = slice(runs.offsets[index], runs.offsets[index + 1])
    left, right = np.full(height, np.inf), np.full(height, -np.inf)
    for start, end in zip(runs.starts[chosen].astype(int), runs.ends[chosen].astype(int), strict=True):
        first, last = start // width, (end - 1) // width
        left[first] = min(left[first], start % width)
        left[first + 1 : last + 1] = 0
        right[first:last] = width
        right[last] = max(right[last], (end - 1) % width + 1)
    rows = np.flatnonzero(np.isfinite(left))
    if not len(rows):
        return np.empty((0, 2))
    kept = rows[np.unique(np.linspace(0, len(rows) - 1, _ROWS_OF_A_MASK).round().astype(int))]
    # The upper edge of each row, and below the last one its lower edge.
    down = [(left[row], row) for row in kept] + [(left[rows[-1]], rows[-1] + 1)]
    up = [(right[rows[-1]], rows[-1] + 1)] + [(right[row], row) for row in kept[::-1]]
    return np.array(down + up, float) / (width, height)
