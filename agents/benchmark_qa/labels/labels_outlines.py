"""Shapes made of a list of points: polygons, polylines, skeletons."""

from array import array
from collections.abc import Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np

from benchmark_qa.labels.labels_geometry import VISIBILITIES, Indices, Lines, Numbers, Rings, Skeletons
from benchmark_qa.labels.shapes import UNFIT, BadGeometryError, Drawing, unfit

_XY = itemgetter("x", "y")
_BROKEN = (KeyError, TypeError, ValueError, IndexError, AttributeError)


def read_polygons(drawings: Sequence[Drawing]) -> Rings:
    """Areas with any number of rings; `polygons` counts, and the older `polygon` where that is absent."""
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
    """Named points with a visibility each; a node is known by its feature hash, else by its name."""
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
    """As the SDK reads it: a key of that name wins over `visibility`, which is `visible` where it is absent."""
    for name in ("invisible", "occluded", "selfOccluded", "visible"):
        if point.get(name):
            return VISIBILITIES.index(name)
    return VISIBILITIES.index(point.get("visibility") or "visible")


def _listed(points: Any) -> list[Mapping[str, Any]]:
    """Points in order: a list, or a mapping from "0", "1", ... to points."""
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
