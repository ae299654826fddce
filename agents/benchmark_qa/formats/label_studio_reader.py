"""Label Studio's JSON: rectangles, polygons, ellipses and keypoints, in percent of the image.

If a task has several annotations, the one marked as ground truth is used, otherwise the last updated one. Cancelled
annotations are ignored.
"""

import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from benchmark_qa.formats.coco_building import (
    CocoBuilder,
    CocoDocument,
    FormatError,
    box,
    ellipse,
    keypoints,
    outline,
    turned_box,
)
from benchmark_qa.formats.coco_reader import whole_number
from benchmark_qa.formats.label_parts import ImageSize

_UPLOADED = re.compile(r"(?:.*/)?upload/\d+/(?:[0-9a-f]{8}-)?(?P<name>[^/?]+)(?:\?.*)?")
_LABELS = {
    "rectanglelabels": "rectangle",
    "polygonlabels": "polygon",
    "ellipselabels": "ellipse",
    "keypointlabels": "keypoint",
}


def is_label_studio(document: Any) -> bool:
    """Whether parsed JSON is a list of Label Studio's tasks."""
    return (
        isinstance(document, list)
        and bool(document)
        and all(isinstance(task, Mapping) and isinstance(task.get("data"), Mapping) for task in document)
    )


def read_label_studio(document: Any) -> CocoDocument:
    """Read the tasks of an export in full JSON ("JSON", not "JSON-MIN").

    Raises:
        FormatError: a task names no image, or a region is not well formed.
    """
    builder = CocoBuilder()
    for at, task in enumerate(document):
        name = _image_of(task["data"])
        if name is None:
            raise FormatError(f"task {task.get('id', at)}: its data names no image")
        regions = _chosen(task, builder)
        size = next((found for region in regions or () if (found := _size(region)) is not None), None)
        image = builder.image(name, size)
        for region in regions or ():
            _add(region, image, f"task {task.get('id', at)}: region {region.get('id')}", builder)
    return builder.document()


def _chosen(task: Mapping[str, Any], builder: CocoBuilder) -> list[Mapping[str, Any]]:
    """The regions of the annotation in use; regions of a prediction have its score."""
    given = [one for one in _objects(task, "annotations", "completions") if not one.get("was_cancelled")]
    given = given or _objects(task, "predictions")
    if not given:
        return []
    if len(given) > 1:
        builder.leave_out("tasks with several annotations: of each the ground truth or the latest is taken")
    one = max(given, key=lambda a: (bool(a.get("ground_truth")), str(a.get("updated_at") or a.get("created_at") or "")))
    return _objects(one, "result")


def _objects(holder: Mapping[str, Any], *keys: str) -> list[Mapping[str, Any]]:
    """The objects of the first list that is present."""
    listed: list[Any] = next((holder[key] for key in keys if isinstance(holder.get(key), list)), [])
    return [each for each in listed if isinstance(each, Mapping)]


def _add(region: Mapping[str, Any], image: int, place: str, builder: CocoBuilder) -> None:
    kind, value = str(region.get("type")), region.get("value")
    size = _size(region)
    if kind == "choices" or not isinstance(value, Mapping):
        builder.leave_out(f"{kind} regions left out: they are no objects")
        return
    labels = value.get(kind) if kind in _LABELS else None
    if not isinstance(labels, list) or not labels or size is None:
        builder.leave_out(f"{kind} regions left out: COCO has none, or they have no label")
        return
    geometry = _geometry(_LABELS[kind], value, size, place)
    score = region.get("score")
    builder.add(image, str(labels[0]), geometry, score=score if isinstance(score, int | float) else None)


def _geometry(kind: str, value: Mapping[str, Any], size: ImageSize, place: str) -> dict[str, Any]:
    share = np.array(size) / 100.0

    def pixels(across: str, down: str) -> tuple[float, float]:
        x, y = np.array([_number(value.get(key), f"{place}: {key}") for key in (across, down)]) * share
        return float(x), float(y)

    turned = _number(value.get("rotation") or 0.0, f"{place}: rotation")
    if kind == "polygon":
        points = value.get("points")
        if not isinstance(points, list) or len(points) < 3:
            raise FormatError(f"{place}: has fewer than three points")
        if not all(isinstance(point, list) and len(point) == 2 for point in points):
            raise FormatError(f"{place}: its points are not a list of [x, y]")
        numbers = [[_number(n, f"{place}: points") for n in point] for point in points]
        return outline([np.array(numbers) * share])
    left, top = pixels("x", "y")
    if kind == "keypoint":
        return keypoints([(left, top, 2)])
    if kind == "ellipse":
        return ellipse((left, top), pixels("radiusX", "radiusY"), turned, size)
    width, height = pixels("width", "height")
    if not turned:
        return box(left, top, width, height)
    # Label Studio rotates about the upper left corner; convert to a rotation about the centre.
    cosine, sine = math.cos(math.radians(turned)), math.sin(math.radians(turned))
    middle = left + (width * cosine - height * sine) / 2, top + (width * sine + height * cosine) / 2
    return turned_box(middle, (width, height), turned, size)


def _size(region: Mapping[str, Any]) -> ImageSize | None:
    width, height = (whole_number(region.get(key)) for key in ("original_width", "original_height"))
    return (width, height) if width and height else None


def _image_of(data: Mapping[str, Any]) -> str | None:
    """The image's name: an upload without Label Studio's prefix, or a local file by its path."""
    texts = [data[key] for key in ("image", "img", "url") if isinstance(data.get(key), str)]
    found: str | None = next(iter([*texts, *(value for value in data.values() if isinstance(value, str))]), None)
    if found is None:
        return None
    uploaded = _UPLOADED.fullmatch(found)
    if uploaded:
        return uploaded["name"]
    if "local-files/" in found:
        return next(iter(parse_qs(urlsplit(found).query).get("d", [found])), found)
    return found


def _number(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise FormatError(f"{place} is not a number: {value!r}")
    return float(value)
