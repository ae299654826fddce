"""Geometry in Encord's own JSON: shares of the image's width and height.

Boxes and outlines beyond the image are cut off at its edges; geometry without an area on the image is refused.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import shapely

from benchmark_qa.formats.coco_reader import UndrawableError
from benchmark_qa.formats.label_parts import ImageSize, Json
from benchmark_qa.labels.annotations import Numbers
from benchmark_qa.labels.ontology import Shape
from benchmark_qa.labels.runs import BadRunLengthError, decode_runs

EXACT_KEY = "drawing"
"""Key of a COCO annotation of our export for geometry that COCO cannot hold, in Encord's JSON."""
EXACT: Mapping[Shape, str] = {
    Shape.POLYGON: "polygons",
    Shape.ROTATABLE_BOUNDING_BOX: "rotatableBoundingBox",
    Shape.CIRCLE: "circle",
    Shape.ELLIPSE: "ellipse",
}
"""Shapes that COCO cannot hold without loss, and the key of their geometry."""
_FIELDS: Mapping[Shape, frozenset[str]] = {
    Shape.ROTATABLE_BOUNDING_BOX: frozenset({"x", "y", "w", "h", "theta"}),
    Shape.CIRCLE: frozenset({"x", "y", "r"}),
    Shape.ELLIPSE: frozenset({"x", "y", "rx", "ry", "theta"}),
}
_SAME = 1.0
"""Pixels by which the box of an exact drawing may differ from the annotation's."""


def polygons(parts: Sequence[Sequence[Numbers]]) -> dict[str, Any]:
    """A polygon of several parts; each part is an outline and its holes (m, 2)."""
    outline = parts[0][0].tolist()
    return {
        "polygon": {str(place): {"x": x, "y": y} for place, (x, y) in enumerate(outline)},
        "polygons": [[ring.ravel().tolist() for ring in part] for part in parts],
    }


def clipped_box(box: Mapping[str, float]) -> dict[str, float]:
    """The part of a box inside its image."""
    left, top, right, bottom = box["x"], box["y"], box["x"] + box["w"], box["y"] + box["h"]
    if left >= 0 and top >= 0 and right <= 1 and bottom <= 1:
        return dict(box)
    left, top = max(left, 0.0), max(top, 0.0)
    return {"x": left, "y": top, "w": min(right, 1.0) - left, "h": min(bottom, 1.0) - top}


def clipped_polygons(rings: Sequence[Numbers]) -> tuple[dict[str, Any], bool]:
    """Outlines of one object cut to the image, and whether anything was cut off.

    Raises:
        UndrawableError: nothing of them has an area on the image.
    """
    inside, cut = [], False
    for ring in rings:
        if ((ring >= 0) & (ring <= 1)).all():
            inside.append(ring)
            continue
        cut = True
        whole = shapely.make_valid(shapely.Polygon(ring))
        inside += list(_outlines(shapely.clip_by_rect(whole, 0.0, 0.0, 1.0, 1.0)))
    # The shoelace formula gives 0 for a bow tie, and a computed area is never exactly 0.
    if not sum(shapely.make_valid(shapely.Polygon(ring)).area for ring in inside) > _NOTHING:
        where = "lies outside its image" if cut else "has no area"
        raise UndrawableError(f"has an outline that {where}")
    return polygons([[ring] for ring in inside]), cut


_NOTHING = 1e-12
"""Share of an image that counts as no area."""


def require_on_image(drawing: Json) -> None:
    """Raise `UndrawableError` if nothing of a drawing lies on its image, or if its shape has no area."""
    for key in ("boundingBox", "rotatableBoundingBox", "circle", "ellipse"):
        if isinstance(drawing.get(key), Mapping):
            _require_extent(drawing[key])
    for key in ("polyline", "point", "skeleton"):
        points = _points(drawing.get(key))
        if points and not any(0 <= x <= 1 and 0 <= y <= 1 for x, y in points):
            raise UndrawableError("lies outside its image")
        if key == "polyline" and len(set(points)) == 1:
            raise UndrawableError("is a line without length")
    mask = drawing.get("bitmask")
    if isinstance(mask, Mapping) and isinstance(mask.get("rleString"), str):
        try:
            empty = not decode_runs([mask["rleString"]])[0][1::2].any()
        except BadRunLengthError as error:
            raise UndrawableError(f"has a mask whose run-length string {error.problem}") from None
        if empty:
            raise UndrawableError("has a mask without a pixel on its image")
    if drawing.get("polygons"):
        clipped_polygons([np.array(part[0], np.float64).reshape(-1, 2) for part in drawing["polygons"] if part])
    elif drawing.get("polygon"):
        clipped_polygons([np.array(_points(drawing["polygon"]), np.float64).reshape(-1, 2)])


def _require_extent(numbers: Mapping[str, float]) -> None:
    """Refuse a box without width or height, a round shape without radius, or one outside the image."""
    x, y = numbers["x"], numbers["y"]
    if "w" in numbers:
        half = numbers["w"] / 2, numbers["h"] / 2
        x, y = x + half[0], y + half[1]
    else:
        half = numbers.get("rx", numbers.get("r", 0.0)), numbers.get("ry", numbers.get("r", 0.0))
    if not (half[0] > 0 and half[1] > 0):
        raise UndrawableError("has a shape without width or height")
    if numbers.get("theta"):
        half = sum(half), sum(half)  # turned by any angle, in an image of any sides
    if x + half[0] <= 0 or y + half[1] <= 0 or x - half[0] >= 1 or y - half[1] >= 1:
        raise UndrawableError("lies outside its image")


def _points(listed: Any) -> list[tuple[float, float]]:
    points = listed.values() if isinstance(listed, Mapping) else listed
    return [(point["x"], point["y"]) for point in points or () if isinstance(point, Mapping)]


def _outlines(geometry: Any) -> Iterable[Numbers]:
    for part in shapely.get_parts(geometry):
        if part.geom_type == "Polygon" and part.area > 0:
            yield np.asarray(part.exterior.coords)[:-1]
        elif part.geom_type.startswith(("Multi", "Geometry")):
            yield from _outlines(part)


def exact_drawing(annotation: Json, shape: Shape, size: ImageSize) -> dict[str, Any] | None:
    """The exact geometry that our export keeps beside COCO's.

    None if there is none, or if its box differs from the annotation's.
    """
    key, given = EXACT.get(shape), annotation.get(EXACT_KEY)
    if key is None or not isinstance(given, Mapping) or key not in given:
        return None
    if shape is Shape.POLYGON:
        parts = _exact_parts(given[key])
        if not parts or not _fits(np.concatenate([part[0] for part in parts]), annotation, size):
            return None
        return polygons(parts)
    numbers = given[key]
    if not isinstance(numbers, Mapping) or not _FIELDS[shape] <= numbers.keys() or not _finite(numbers.values()):
        return None
    return {key: dict(numbers)} if _about(numbers, shape, annotation, size) else None


def _exact_parts(given: Any) -> list[list[Numbers]] | None:
    if not isinstance(given, list) or not given:
        return None
    for part in given:
        if not isinstance(part, list) or not part:
            return None
        for ring in part:
            if not isinstance(ring, list) or len(ring) < 6 or len(ring) % 2 or not _finite(ring):
                return None
    return [[np.array(ring, np.float64).reshape(-1, 2) for ring in part] for part in given]


def _finite(numbers: Iterable[Any]) -> bool:
    return all(isinstance(n, int | float) and not isinstance(n, bool) and math.isfinite(n) for n in numbers)


def _fits(points: Numbers, annotation: Json, size: ImageSize) -> bool:
    """Whether the box of the points is the annotation's box, which somebody may have moved."""
    box = annotation.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not _finite(box):
        return False
    low, high = points.min(axis=0) * size, points.max(axis=0) * size
    return bool(np.abs(np.concatenate((low, high - low)) - box).max() <= _SAME)


def _about(numbers: Mapping[str, float], shape: Shape, annotation: Json, size: ImageSize) -> bool:
    """Whether the middle of the shape is the middle of the annotation's box."""
    middle = [numbers["x"], numbers["y"]]
    if shape is Shape.ROTATABLE_BOUNDING_BOX:
        middle = [numbers["x"] + numbers["w"] / 2, numbers["y"] + numbers["h"] / 2]
    box = annotation.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not _finite(box):
        return False
    told = np.array([box[0] + box[2] / 2, box[1] + box[3] / 2])
    return bool(np.abs(np.array(middle) * size - told).max() <= _SAME)
