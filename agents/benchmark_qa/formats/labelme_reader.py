"""labelme: one JSON file per image, with polygons, rectangles, circles, points and masks."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from benchmark_qa.formats.coco_building import (
    CocoBuilder,
    CocoDocument,
    FormatError,
    LabelFolder,
    box,
    ellipse,
    keypoints,
    outline,
)
from benchmark_qa.formats.coco_reader import whole_number
from benchmark_qa.labels.annotations import Numbers


def is_labelme(document: Any) -> bool:
    """Whether parsed JSON is a labelme file."""
    return isinstance(document, Mapping) and "shapes" in document and "imagePath" in document


def read_labelme(folder: LabelFolder) -> CocoDocument:
    """Read every labelme `.json` file of the folder; other files are ignored.

    Raises:
        FormatError: a shape is not well formed.
    """
    builder = CocoBuilder()
    for name in folder.files:
        if not name.lower().endswith(".json"):
            continue
        try:
            document = orjson.loads(folder.read(name).removeprefix(b"\xef\xbb\xbf"))
        except orjson.JSONDecodeError as error:
            raise FormatError(f"{name}: is not JSON ({error})") from None
        if is_labelme(document):
            _read(document, name, builder)
    return builder.document()


def _read(document: Mapping[str, Any], place: str, builder: CocoBuilder) -> None:
    width, height = (whole_number(document.get(key)) for key in ("imageWidth", "imageHeight"))
    if not width or not height:
        raise FormatError(f"{place}: has no imageWidth and imageHeight")
    image = builder.image(str(document["imagePath"]), (width, height))
    shapes = document["shapes"]
    if not isinstance(shapes, list) or not all(isinstance(shape, Mapping) for shape in shapes):
        raise FormatError(f"{place}: its shapes are no list of objects")
    groups: dict[tuple[str, str], list[Numbers]] = defaultdict(list)
    for at, shape in enumerate(shapes):
        where, label = f"{place}: shape {at}", str(shape.get("label"))
        kind = str(shape.get("shape_type") or "polygon")
        points = _points(shape, where)
        if kind == "polygon" and len(points) >= 3:
            # Polygons of one group are parts of one object.
            group = shape.get("group_id")
            groups[label, f"alone {at}" if group is None else f"group {group}"].append(points)
        elif kind == "rectangle" and len(points) == 2:
            low, high = points.min(axis=0), points.max(axis=0)
            builder.add(image, label, box(*low.tolist(), *(high - low).tolist()))
        elif kind == "circle" and len(points) == 2:
            radius = float(np.hypot(*(points[1] - points[0])))
            builder.add(image, label, ellipse(points[0].tolist(), (radius, radius), 0.0, (width, height)))
        elif kind == "point" and len(points) == 1:
            ((x, y),) = points.tolist()
            builder.add(image, label, keypoints([(x, y, 2)]))
        else:
            builder.leave_out(f"{kind} shapes left out: COCO has none, or points are missing")
    for (label, _), rings in groups.items():
        builder.add(image, label, outline(rings))


def _points(shape: Mapping[str, Any], place: str) -> Numbers:
    try:
        points = np.array(shape.get("points"), np.float64)
    except (TypeError, ValueError):
        points = np.array(np.nan)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise FormatError(f"{place}: its points are not a list of [x, y]")
    return points
