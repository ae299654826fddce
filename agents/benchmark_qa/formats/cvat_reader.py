"""CVAT's XML ("for images" and "for video"): boxes, polygons, ellipses, masks, points, skeletons."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from benchmark_qa.formats.coco_building import (
    CocoBuilder,
    CocoDocument,
    FormatError,
    LabelFolder,
    as_number,
    attribute,
    box,
    children,
    ellipse,
    keypoints,
    outline,
    parsed,
    text,
    turned_box,
)
from benchmark_qa.formats.label_parts import ImageSize
from benchmark_qa.formats.run_lengths import coco_mask
from benchmark_qa.labels.annotations import Numbers


def read_cvat(folder: LabelFolder) -> CocoDocument:
    """Read every `.xml` file of the folder.

    Raises:
        FormatError: a file is not CVAT's, or a shape is not well formed.
    """
    builder = CocoBuilder()
    for name in folder.files:
        if name.lower().endswith(".xml"):
            root = parsed(folder.read(name), name)
            if root.tag != "annotations":
                raise FormatError(f"{name}: is not CVAT's XML: its root is <{root.tag}>, not <annotations>")
            for image in children(root, "image"):
                _image(image, name, builder)
            _tracks(root, name, builder)
    return builder.document()


def _image(image: Element, place: str, builder: CocoBuilder) -> None:
    named = image.get("name") or ""
    where = f"{place}: image {named!r}"
    size = int(attribute(image, "width", where)), int(attribute(image, "height", where))
    own = builder.image(named, size)
    on_it = _Image(own, size, where)
    for item in image:
        _shape(item, item.get("label") or "", on_it, builder)


def _tracks(root: Element, place: str, builder: CocoBuilder) -> None:
    """Add the tracks of a video; every frame with a shape becomes an image."""
    tracks = list(children(root, "track"))
    if not tracks:
        return
    task = next((found for path in ("meta/task", "meta/job", "meta") if (found := root.find(path)) is not None), None)
    sides = root.find("meta//original_size")
    if sides is None:
        raise FormatError(f"{place}: does not say the size of the film (meta/task/original_size)")
    size = int(as_number(text(sides, "width"), place)), int(as_number(text(sides, "height"), place))
    film = text(task, "source") or text(root.find("meta"), "source") or text(task, "name")
    images: dict[int, int] = {}
    for track in tracks:
        for item in track:
            if item.get("outside") == "1" or item.get("frame") is None:
                continue
            frame = int(attribute(item, "frame", place))
            if frame not in images:
                images[frame] = builder.image(film, size, frame=frame)
            on_it = _Image(images[frame], size, f"{place}: frame {frame}")
            _shape(item, track.get("label") or "", on_it, builder)


@dataclass(frozen=True, slots=True)
class _Image:
    """The image that a shape is drawn on."""

    own: int
    size: ImageSize
    place: str
    """The place for messages."""


def _shape(item: Element, label: str, image: _Image, builder: CocoBuilder) -> None:
    reader = _SHAPES.get(item.tag)
    if item.tag == "skeleton":
        _skeleton(item, label, image, builder)
        return
    geometry = reader(item, image.size, f"{image.place}: {item.tag} of {label!r}") if reader else None
    if geometry is None:
        builder.leave_out(f"{item.tag} shapes left out: COCO has none")
        return
    given: dict[str, Any] = {
        own.get("name") or "": _value((own.text or "").strip()) for own in children(item, "attribute")
    }
    if item.get("occluded") == "1":
        given.setdefault("occluded", True)
    if item.get("rotation") and item.tag == "box":
        given.setdefault("rotation", attribute(item, "rotation", image.place))
    builder.add(image.own, label, geometry, attributes=given or None)


def _skeleton(item: Element, label: str, image: _Image, builder: CocoBuilder) -> None:
    points: dict[str, tuple[float, float, int]] = {}
    for point in children(item, "points"):
        ((x, y),) = _points(point, f"{image.place}: skeleton {label!r}")
        seen = 0 if point.get("outside") == "1" else 1 if point.get("occluded") == "1" else 2
        points[point.get("label") or ""] = (x, y, seen) if seen else (0.0, 0.0, 0)
    builder.category(label, tuple(points))
    builder.add(image.own, label, keypoints(list(points.values())))


def _box(item: Element, size: ImageSize, place: str) -> dict[str, Any]:
    left, top, right, bottom = (attribute(item, key, place) for key in ("xtl", "ytl", "xbr", "ybr"))
    degrees = attribute(item, "rotation", place, 0.0)
    if not degrees:
        return box(left, top, right - left, bottom - top)
    middle = (left + right) / 2, (top + bottom) / 2
    return turned_box(middle, (right - left, bottom - top), degrees, size)


def _polygon(item: Element, size: ImageSize, place: str) -> dict[str, Any]:
    del size
    return outline([_points(item, place)])


def _ellipse(item: Element, size: ImageSize, place: str) -> dict[str, Any]:
    x, y, across, down = (attribute(item, key, place) for key in ("cx", "cy", "rx", "ry"))
    return ellipse((x, y), (across, down), attribute(item, "rotation", place, 0.0), size)


def _mask(item: Element, size: ImageSize, place: str) -> dict[str, Any]:
    """A mask from alternating run lengths of zeros and ones, row by row, inside its own box."""
    left, top, width, height = (int(attribute(item, key, place)) for key in ("left", "top", "width", "height"))
    runs = [int(as_number(run, place)) for run in (item.get("rle") or "").split(",") if run.strip()]
    fits = min(left, top, width, height) >= 0 and left + width <= size[0] and top + height <= size[1]
    if min(runs, default=-1) < 0 or sum(runs) != width * height or not fits:
        raise FormatError(f"{place}: its runs do not fill its box, or the box is not on the image")
    pixels = np.zeros((size[1], size[0]), np.bool_)
    part = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
    pixels[top : top + height, left : left + width] = part
    return {"segmentation": coco_mask(pixels), "bbox": [left, top, width, height], "area": int(part.sum())}


def _point(item: Element, size: ImageSize, place: str) -> dict[str, Any] | None:
    del size
    points = _points(item, place)
    return keypoints([(x, y, 2) for x, y in points.tolist()]) if len(points) == 1 else None


def _points(item: Element, place: str) -> Numbers:
    pairs = [pair.split(",") for pair in (item.get("points") or "").split(";") if pair.strip()]
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise FormatError(f"{place}: its points are not x,y;x,y;...")
    return np.array([[as_number(number, place) for number in pair] for pair in pairs])


_SHAPES: Mapping[str, Callable[[Element, ImageSize, str], dict[str, Any] | None]] = {
    "box": _box,
    "polygon": _polygon,
    "ellipse": _ellipse,
    "mask": _mask,
    "points": _point,
}


def _value(given: str) -> Any:
    return {"true": True, "false": False}.get(given, given)
