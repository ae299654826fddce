"""Read geometry JSON into arrays, cut to the image and to the length of the video or audio.

Lengths stay as in the JSON: fractions of the media's width and height (encord-sdk `objects/coordinates.py`).
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.labels.annotations import (
    VISIBILITIES,
    Annotations,
    Classification,
    Drawings,
    Indices,
    Lines,
    Numbers,
    Rings,
    Runs,
    Skeletons,
)
from benchmark_qa.labels.ontology import AREA_SHAPES, Shape

Drawing = Mapping[str, Any]


class BadGeometryError(ValueError):
    """The drawing at `index` has no well-formed geometry."""

    def __init__(self, index: int, problem: str) -> None:
        super().__init__(problem)
        self.index = index
        self.problem = problem


def read_boxes(drawings: Sequence[Drawing]) -> Numbers:
    """Axis-parallel boxes (n, 4): left, top, width, height."""
    table = _table(drawings, "boundingBox", ("x", "y", "w", "h"))
    refuse_geometry(table[:, 2:] < 0, "has a negative size")
    return table


def read_rotated_boxes(drawings: Sequence[Drawing]) -> Numbers:
    """Rotated boxes (n, 5): left, top, width, height (all unrotated), degrees clockwise about the centre."""
    table = _table(drawings, "rotatableBoundingBox", ("x", "y", "w", "h", "theta"))
    refuse_geometry(table[:, 2:4] < 0, "has a negative size")
    return table


def read_circles(drawings: Sequence[Drawing]) -> Numbers:
    """Circles (n, 5): centre x, y, radius in widths, second half axis / first, degrees clockwise."""
    table = _table(drawings, "circle", ("x", "y", "r", "stretch", "theta"), stretch=1.0, theta=0.0)
    refuse_geometry(table[:, 2:4] < 0, "has a negative size")
    return table


def read_ellipses(drawings: Sequence[Drawing]) -> Numbers:
    """Ellipses (n, 5): centre x, y, half axes as shares of width and height, degrees clockwise."""
    table = _table(drawings, "ellipse", ("x", "y", "rx", "ry", "theta"), theta=0.0)
    refuse_geometry(table[:, 2:4] < 0, "has a negative size")
    return table


def read_points(drawings: Sequence[Drawing]) -> Numbers:
    """Points (n, 3): x, y, z; z is NaN for a point in the plane."""
    rows = [_point(drawing.get("point"), index) for index, drawing in enumerate(drawings)]
    table = np.array(rows, np.float64).reshape(-1, 3)
    refuse_geometry(unfit(table[:, :2]) | unfit(np.nan_to_num(table[:, 2:], nan=0.0, posinf=np.inf)), UNFIT)
    return table


def read_cuboids(drawings: Sequence[Drawing]) -> Numbers:
    """Boxes in space (n, 9): centre, Euler angles in radians (order XYZ), size."""
    table = flat_table(
        drawings,
        lambda drawing: (
            float(number)
            for key in ("position", "orientation", "size")
            for number in exactly(drawing["cuboid"][key], 3)
        ),
        "cuboid",
        9,
    )
    refuse_geometry(table[:, 6:] < 0, "has a negative size")
    return table


def read_flat_cuboids(drawings: Sequence[Drawing]) -> Numbers:
    """Cuboids drawn in the plane (n, 16): the four corners of the front, then of the back, each as x, y."""
    return flat_table(drawings, _flat_cuboid, "cuboid_2d", 16)


def _flat_cuboid(drawing: Drawing) -> Iterable[float]:
    cuboid = drawing["cuboid_2d"]
    front = np.array(exactly(cuboid["front"], 8), np.float64).reshape(4, 2)
    if cuboid.get("vanishingPoint") is not None:
        vanishing = np.array([cuboid["vanishingPoint"]["x"], cuboid["vanishingPoint"]["y"]], np.float64)
        back = vanishing + (front - vanishing) * float(cuboid["scaleRatio"])
    else:
        back = front + np.array([cuboid["offset"]["x"], cuboid["offset"]["y"]], np.float64)
    return np.concatenate((front, back)).ravel().tolist()


def exactly(items: Sequence[Any], count: int) -> Sequence[Any]:
    """The items unchanged; raises ValueError if their number is not `count`."""
    if len(items) != count:
        raise ValueError(f"holds {len(items)} numbers instead of {count}")
    return items


def flat_table(
    drawings: Sequence[Drawing], numbers: Callable[[Drawing], Iterable[float]], key: str, columns: int
) -> Numbers:
    """One row of numbers per drawing (n, `columns`), read one drawing at a time."""
    rows = []
    for index, drawing in enumerate(drawings):
        try:
            rows.append([float(number) for number in numbers(drawing)])
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            raise BadGeometryError(index, f"has no well-formed {key}") from None
    table = np.array(rows, np.float64).reshape(-1, columns)
    refuse_geometry(unfit(table), UNFIT)
    return table


UNFIT = "holds a number that is not finite"


MOST = 1e100
"""Limit of every number; greater ones overflow when an area or a volume is computed."""


def unfit(numbers: Numbers) -> NDArray[np.bool_]:
    """Which numbers are unusable: NaN, infinite, or beyond `MOST`."""
    return np.asarray(~(np.abs(numbers) <= MOST))


def refuse_geometry(bad: NDArray[np.bool_], problem: str) -> None:
    """Raise BadGeometryError for the first row (of n, k) with a bad value."""
    rows = bad.any(axis=1)
    if rows.any():
        raise BadGeometryError(int(rows.argmax()), problem)


def _table(drawings: Sequence[Drawing], key: str, fields: tuple[str, ...], **defaults: float) -> Numbers:
    """The numbers under `key`, one row per drawing and one column per field."""
    try:
        values = map(itemgetter(*fields), map(itemgetter(key), drawings))
        flat = np.fromiter(chain.from_iterable(values), np.float64, len(drawings) * len(fields))
    except (KeyError, TypeError, ValueError, AttributeError):
        flat = np.array(list(chain.from_iterable(_checked(drawings, key, fields, defaults))), np.float64)
    table = flat.reshape(len(drawings), len(fields))
    refuse_geometry(unfit(table), UNFIT)
    return table


def _checked(
    drawings: Sequence[Drawing], key: str, fields: tuple[str, ...], defaults: Mapping[str, float]
) -> Iterator[list[float]]:
    """The values with defaults filled in; raises for the first broken drawing. Slower than `_table`."""
    for index, drawing in enumerate(drawings):
        geometry = drawing.get(key)
        if not isinstance(geometry, Mapping):
            raise BadGeometryError(index, f"has no {key}")
        row = [geometry.get(name, defaults.get(name)) for name in fields]
        for name, number in zip(fields, row, strict=True):
            if number is None:
                raise BadGeometryError(index, f"has a {key} without {name}")
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise BadGeometryError(index, f"has a {key} whose {name} is not a number")
        yield [float(number) for number in row]


def _point(point: Any, index: int) -> tuple[float, float, float]:
    try:
        first = point["0"] if isinstance(point, Mapping) else point[0]
        return float(first["x"]), float(first["y"]), float(first.get("z", np.nan))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise BadGeometryError(index, "has no well-formed point") from None


_XY = itemgetter("x", "y")


_BROKEN = (KeyError, TypeError, ValueError, IndexError, AttributeError)


def read_polygons(drawings: Sequence[Drawing]) -> Rings:
    """Areas with any number of rings, from `polygons`, or from the older `polygon` if that is absent."""
    flat = array("d")
    ring_counts, rings_of_polygon, polygons_of_drawing = array("q"), array("q"), array("q")
    for index, drawing in enumerate(drawings):
        try:
            polygons = drawing.get("polygons") or [[_flat_ring(drawing["polygon"])]]
            polygons_of_drawing.append(len(polygons))
            for polygon in polygons:
                rings_of_polygon.append(len(polygon))
                for ring in polygon:
                    flat.extend(ring)
                    ring_counts.append(len(ring))
        except _BROKEN:
            raise BadGeometryError(index, "has no well-formed polygon") from None
    lengths = np.frombuffer(ring_counts, np.int64) if ring_counts else np.empty(0, np.int64)
    rings = Rings(
        np.frombuffer(flat, np.float64)[: len(flat) // 2 * 2].reshape(-1, 2) if flat else np.empty((0, 2)),
        _offsets(lengths // 2),
        _offsets(np.array(rings_of_polygon, np.int64)),
        _offsets(np.array(polygons_of_drawing, np.int64)),
    )
    _refuse_odd(lengths, rings)
    _refuse_unfit(rings.points, rings.point_offsets, "polygon")
    return rings


def read_polylines(drawings: Sequence[Drawing]) -> Lines:
    """Lines in the plane or in space."""
    points: list[tuple[float, float, float]] = []
    counts = []
    for index, drawing in enumerate(drawings):
        try:
            listed = _listed(drawing["polyline"])
            points.extend((float(p["x"]), float(p["y"]), float(p.get("z", np.nan))) for p in listed)
        except _BROKEN:
            raise BadGeometryError(index, "has no well-formed polyline") from None
        counts.append(len(listed))
    lines = Lines(np.array(points, np.float64).reshape(-1, 3), _offsets(np.array(counts, np.int64)))
    _refuse_unfit(lines.points[:, :2], lines.offsets, "polyline")
    return lines


def read_skeletons(drawings: Sequence[Drawing]) -> Skeletons:
    """Named points with a visibility; nodes are identified by feature hash, or by name without one."""
    points: list[tuple[float, float]] = []
    nodes: list[int] = []
    visibility: list[int] = []
    counts: list[int] = []
    names: dict[str, int] = {}
    titles: list[str] = []
    for index, drawing in enumerate(drawings):
        try:
            listed = _listed(drawing["skeleton"])
            for point in listed:
                points.append((float(point["x"]), float(point["y"])))
                name = str(point.get("featureHash") or point["name"])
                if name not in names:
                    names[name] = len(titles)
                    titles.append(str(point.get("name", name)))
                nodes.append(names[name])
                visibility.append(_visibility(point))
        except _BROKEN:
            raise BadGeometryError(index, "has no well-formed skeleton") from None
        counts.append(len(listed))
    skeletons = Skeletons(
        np.array(points, np.float64).reshape(-1, 2),
        np.array(nodes, np.int32),
        np.array(visibility, np.int8),
        _offsets(np.array(counts, np.int64)),
        tuple(names),
        tuple(titles),
    )
    _refuse_unfit(skeletons.points, skeletons.offsets, "skeleton")
    return skeletons


def _visibility(point: Mapping[str, Any]) -> int:
    """Index into `VISIBILITIES`, read like the SDK does.

    A key named after a visibility wins over the key `visibility`; if both are absent, the point is visible.
    """
    for name in ("invisible", "occluded", "selfOccluded", "visible"):
        if point.get(name):
            return VISIBILITIES.index(name)
    return VISIBILITIES.index(point.get("visibility") or "visible")


def _listed(points: Any) -> list[Mapping[str, Any]]:
    """Points in order, from a list or a mapping of "0", "1", ... to points."""
    if isinstance(points, Mapping):
        return [points[key] for key in sorted(points, key=int)]
    if not isinstance(points, list):
        raise TypeError("neither a list nor a mapping of points")
    return points


def _flat_ring(points: Any) -> list[float]:
    return list(chain.from_iterable(map(_XY, _listed(points))))


def _offsets(counts: Indices) -> Indices:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)))


def _refuse_odd(lengths: Indices, rings: Rings) -> None:
    odd = np.flatnonzero(lengths % 2)
    if len(odd):
        ring_owner = rings.polygon_offsets[rings.offsets]
        raise BadGeometryError(
            int(np.searchsorted(ring_owner, odd[0], side="right")) - 1, "has a ring with an odd count of numbers"
        )


def _refuse_unfit(points: Numbers, offsets: Indices, what: str) -> None:
    empty = np.flatnonzero(np.diff(offsets) == 0)
    if len(empty):
        raise BadGeometryError(int(empty[0]), f"has a {what} without points")
    bad = unfit(points).any(axis=1)
    if bad.any():
        drawing = int(np.searchsorted(offsets, int(bad.argmax()), side="right")) - 1
        raise BadGeometryError(drawing, UNFIT)


def within_media(truth: Annotations, labels: Annotations) -> tuple[Annotations, Annotations]:
    """Both label rows of one data unit, cut to the image and to the end of the video or audio."""
    ends = {**labels.ends, **truth.ends}
    return _cut(truth, ends), _cut(labels, ends)


def _cut(annotations: Annotations, ends: Mapping[str, int]) -> Annotations:
    spaces = [ends.get(space, np.inf) for space in annotations.spaces]
    drawings = {
        shape: _within_image(_before_end(drawn, np.array(spaces))) for shape, drawn in annotations.drawings.items()
    }
    asked = (_spans_within(item, ends.get(item.space)) for item in annotations.classifications)
    return annotations.only(drawings, tuple(item for item in asked if item is not None))


def _before_end(drawings: Drawings, ends: Numbers) -> Drawings:
    if drawings.shape is Shape.AUDIO:
        return _sound_before_end(drawings, ends[drawings.space])
    inside = drawings.frame <= ends[drawings.space]
    return drawings if inside.all() else drawings.take(np.flatnonzero(inside))


def _sound_before_end(drawings: Drawings, ends: Numbers) -> Drawings:
    runs: Runs = drawings.geometry
    limit = ends.repeat(np.diff(runs.offsets))
    if (runs.ends <= limit).all() and (runs.starts >= 0).all():
        return drawings
    starts, stops = np.maximum(runs.starts, 0.0), np.minimum(runs.ends, limit)
    kept = (stops > starts) | ((stops == starts) & (runs.starts == runs.ends))
    offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(kept)))[runs.offsets]
    cut = replace(drawings, geometry=Runs(starts[kept], stops[kept], runs.line[kept], offsets, runs.names, runs.size))
    return cut.take(np.flatnonzero((np.diff(offsets) > 0) | (np.diff(runs.offsets) == 0)))


def _spans_within(item: Classification, end: int | None) -> Classification | None:
    """A classification cut to the media; None if nothing remains."""
    limit = np.inf if end is None else end
    if all(start >= 0 and stop <= limit for start, stop in item.spans):
        return item
    spans = tuple((max(start, 0.0), min(stop, limit)) for start, stop in item.spans if start <= limit and stop >= 0)
    return replace(item, spans=spans) if spans else None


def _within_image(drawings: Drawings) -> Drawings:
    geometry = drawings.geometry
    if drawings.shape is Shape.BOUNDING_BOX:
        return _boxes_within(drawings)
    if drawings.shape is Shape.POINT:
        flat = np.isnan(geometry[:, 2])
        moved = np.where(flat[:, None], np.clip(geometry[:, :2], 0.0, 1.0), geometry[:, :2])
        return replace(drawings, geometry=np.concatenate((moved, geometry[:, 2:]), axis=1))
    if isinstance(geometry, Skeletons):
        return replace(drawings, geometry=replace(geometry, points=np.clip(geometry.points, 0.0, 1.0)))
    if drawings.shape is Shape.BITMASK or drawings.shape not in AREA_SHAPES | {Shape.POLYLINE}:
        return drawings  # a mask has the size of its image; the other shapes have no image
    return _without_outside(drawings)


def _boxes_within(drawings: Drawings) -> Drawings:
    boxes: Numbers = drawings.geometry
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    over = ((low < 0) | (high > 1)).any(axis=1)
    if not over.any():
        return drawings
    cut_low, cut_high = np.clip(low[over], 0.0, 1.0), np.clip(high[over], 0.0, 1.0)
    sizes = cut_high - cut_low
    cut = boxes.copy()
    cut[over] = np.concatenate((cut_low, sizes), axis=1)
    outside = ((high[over] < 0) | (low[over] > 1)).any(axis=1)
    emptied = (sizes.prod(axis=1) == 0) & (boxes[over, 2:].prod(axis=1) > 0)
    kept = np.ones(len(boxes), np.bool_)
    kept[over] = ~(outside | emptied)
    return replace(drawings, geometry=cut).take(np.flatnonzero(kept))


def _without_outside(drawings: Drawings) -> Drawings:
    """Outlines and lines, without those that lie entirely outside the image."""
    from benchmark_qa.labels.outlines import reach, touches_image  # noqa: PLC0415 - boxes need no shapely

    media = np.where(drawings.media > 0, drawings.media, 1.0)
    low, high = reach(drawings, media)
    over: Indices = np.flatnonzero(((low < 0) | (high > media)).any(axis=1))
    if not len(over):
        return drawings
    kept = np.ones(len(drawings), np.bool_)
    kept[over] = touches_image(drawings.take(over), media[over])
    return drawings if kept.all() else drawings.take(np.flatnonzero(kept))
