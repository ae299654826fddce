"""Build COCO documents; every reader of another format makes one, and one COCO reader converts them."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
import shapely

from benchmark_qa.formats.coco_reader import SHARES, id_text
from benchmark_qa.formats.drawn_shapes import EXACT_KEY
from benchmark_qa.formats.label_parts import ImageSize
from benchmark_qa.formats.regions import CURVE_POINTS
from benchmark_qa.labels.annotations import Numbers
from benchmark_qa.labels.outlines import ellipse_corners, rotated_box_corners


class FormatError(ValueError):
    """A file does not follow its format; the message names the place."""


class LabelFolder(Protocol):
    """The files of an annotated data set, in a folder or as a single file."""

    @property
    def files(self) -> Sequence[str]:
        """Names of all files, sorted, with `/` between folders."""

    def read(self, name: str) -> bytes:
        """The content of a file."""

    def image_size(self, name: str) -> ImageSize | None:
        """Width and height of a picture; None if it cannot be read."""


@dataclass(frozen=True)
class CocoDocument:
    """Labels of a data set in COCO's layout."""

    document: Mapping[str, Any]
    left_out: tuple[str, ...] = ()
    """Labels that COCO cannot hold, in words with their numbers."""


class CocoBuilder:
    """Builds a COCO document. Coordinates are in pixels, or shares of the image if its size is unknown."""

    def __init__(self, classes: Iterable[str] = ()) -> None:
        self.left_out: Counter[str] = Counter()
        self._images: list[dict[str, Any]] = []
        self._categories: dict[str, dict[str, Any]] = {}
        self._annotations: list[dict[str, Any]] = []
        for name in classes:
            self.category(name)

    def image(self, file_name: str, size: ImageSize | None, *, in_pixels: bool = False, **more: Any) -> int:
        """Add an image and return its id.

        Args:
            file_name: the name in the file.
            size: width and height in pixels; None if unknown.
            in_pixels: True if coordinates are in pixels although the size is unknown.
            more: further COCO fields of the image.
        """
        own = len(self._images) + 1
        unsized = {} if in_pixels else {SHARES: True}
        sides: dict[str, Any] = unsized if size is None else {"width": size[0], "height": size[1]}
        self._images.append({"id": own, "file_name": file_name, **sides, **more})
        return own

    def category(self, name: str, keypoints: Sequence[str] = ()) -> int:
        """The id of a class; a new class is added."""
        entry = self._categories.setdefault(name, {"id": len(self._categories) + 1, "name": name})
        if keypoints and not entry.get("keypoints"):
            entry["keypoints"] = list(keypoints)
        return int(entry["id"])

    def add(self, image: int, name: str, geometry: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Add an object of a class, and return its annotation."""
        annotation = {
            "id": len(self._annotations) + 1,
            "image_id": image,
            "category_id": self.category(name),
            "iscrowd": 0,
            **geometry,
            **{key: value for key, value in more.items() if value is not None},
        }
        self._annotations.append(annotation)
        return annotation

    def leave_out(self, what: str) -> None:
        """Count something that COCO cannot hold."""
        self.left_out[what] += 1

    def document(self) -> CocoDocument:
        """The document with everything added so far."""
        return CocoDocument(
            {
                "images": self._images,
                "categories": list(self._categories.values()),
                "annotations": self._annotations,
            },
            tuple(f"{count:,} {what}" for what, count in sorted(self.left_out.items())),
        )


def document_of_results(results: Sequence[Any], classes: Mapping[str, str]) -> CocoDocument:
    """A COCO document of COCO results, whose images have no list of their own.

    Args:
        results: a list of objects with `category_id`, and `file_name` or `image_id`, as Detectron2, MMDetection and
            Ultralytics write it. `file_name` wins over `image_id`.
        classes: names by the number of the class; without a name the number is the name.

    Raises:
        FormatError: a result is no object, or names no image or class.
    """
    builder = CocoBuilder()
    images: dict[str, int] = {}
    both = 0
    for at, result in enumerate(results):
        if not isinstance(result, Mapping) or result.get("category_id") is None:
            raise FormatError(f"result {at}: is not a JSON object with a category_id")
        name, own = result.get("file_name"), result.get("image_id")
        both += bool(name) and own is not None
        if not name and own is None:
            raise FormatError(f"result {at}: has no file_name and no image_id")
        key = str(name) if name else id_text(own)
        if key not in images:
            # A name with its ending can be in image_id, too; an id or a stem finds an image by other rules.
            more = {} if name else {"stem": key}
            images[key] = builder.image(key, None, in_pixels=True, **more)
        number = id_text(result["category_id"])
        kept = {each: result[each] for each in ("bbox", "segmentation", "keypoints", "attributes") if each in result}
        builder.add(images[key], classes.get(number, number), kept, score=result.get("score"))
    notes = ("file_name says which image a result is on; image_id is not looked at",) if both else ()
    document = builder.document()
    return CocoDocument(document.document, (*notes, *document.left_out))


def merged_coco(documents: Mapping[str, Mapping[str, Any]]) -> CocoDocument:
    """One COCO document of several files of a folder, such as instances and keypoints, or the parts of a split.

    Args:
        documents: COCO data sets by the name of their file, `/` between folders.

    An image of two files in one folder is one image if id and file name are equal; an annotation of two files is one
    object if id, image, class and box are equal.
    """
    builder = CocoBuilder()
    images: dict[tuple[Any, ...], int] = {}
    objects: dict[tuple[Any, ...], dict[str, Any]] = {}
    apart = len({name.rpartition("/")[0] for name in documents}) > 1
    for name, document in documents.items():
        folder = name.rpartition("/")[0]
        own: dict[str, int] = {}
        for image in (each for each in document["images"] if isinstance(each, Mapping)):
            file = str(image.get("file_name") or "")
            key = (folder, id_text(image.get("id")), file)
            if key not in images:
                more = {field: value for field, value in image.items() if field not in ("id", "file_name")}
                shown = f"{folder}/{file}" if apart and folder.rpartition("/")[2] != "annotations" else file
                images[key] = builder.image(shown, None, in_pixels=True, **more)
            own[key[1]] = images[key]
        kinds = {id_text(each.get("id")): each for each in document["categories"] if isinstance(each, Mapping)}
        for one in (each for each in document["annotations"] if isinstance(each, Mapping)):
            kind, on = kinds.get(id_text(one.get("category_id"))), own.get(id_text(one.get("image_id")))
            if kind is None or on is None:
                builder.leave_out(f"annotations of {name} left out: the file has not their image or category")
                continue
            label = str(kind.get("name"))
            points = kind.get("keypoints")
            builder.category(label, points if isinstance(points, list) else ())
            same = (on, label, id_text(one.get("id")), str(one.get("bbox")))
            fields = {key: value for key, value in one.items() if key not in ("id", "image_id", "category_id")}
            if same in objects:
                objects[same].update({key: value for key, value in fields.items() if key not in objects[same]})
            else:
                objects[same] = builder.add(on, label, fields)
    return builder.document()


def in_pixels(annotation: Mapping[str, Any], size: ImageSize) -> dict[str, Any]:
    """An annotation whose coordinates are shares of its image, in pixels."""
    found = dict(annotation)
    if isinstance(found.get("bbox"), list):
        found["bbox"] = [number * size[at % 2] for at, number in enumerate(found["bbox"])]
    rings = found.get("segmentation")
    if isinstance(rings, list):
        found["segmentation"] = [[number * size[at % 2] for at, number in enumerate(ring)] for ring in rings]
        if len(rings) == 1 and len(rings[0]) == 8:
            found[EXACT_KEY] = turned_by_corners(np.array(found["segmentation"][0]).reshape(4, 2), size)
    if isinstance(found.get("keypoints"), list):
        found["keypoints"] = [number * (*size, 1)[at % 3] for at, number in enumerate(found["keypoints"])]
    return found


def box(left: float, top: float, width: float, height: float) -> dict[str, Any]:
    """A box in pixels."""
    return {"bbox": [left, top, width, height], "area": width * height}


def outline(rings: Sequence[Numbers]) -> dict[str, Any]:
    """Outlines (m, 2) of one object in pixels, with their bounding box."""
    points = np.concatenate(rings)
    low, high = points.min(axis=0), points.max(axis=0)
    x, y = zip(*(ring.T for ring in rings), strict=True)
    area = sum(abs(float(a @ np.roll(b, -1) - b @ np.roll(a, -1))) / 2 for a, b in zip(x, y, strict=True))
    return {
        "bbox": [*low.tolist(), *(high - low).tolist()],
        "area": area,
        "segmentation": [ring.ravel().tolist() for ring in rings],
    }


def turned_box(middle: Sequence[float], extent: Sequence[float], degrees: float, size: ImageSize) -> dict[str, Any]:
    """A box rotated clockwise about its centre, in pixels."""
    media = np.array(size, np.float64)
    share = np.concatenate(((np.array(middle) - np.array(extent) / 2) / media, np.array(extent) / media, [degrees]))
    (corners,) = rotated_box_corners(share[None], media)
    keys = ("x", "y", "w", "h", "theta")
    drawing = {"rotatableBoundingBox": dict(zip(keys, share.tolist(), strict=True))}
    return {**outline([corners]), EXACT_KEY: drawing}


def turned_by_corners(ring: Numbers, size: ImageSize) -> dict[str, Any]:
    """The rotated box of four corners (4, 2) in pixels, in Encord's JSON.

    The corners are used if they form a box; otherwise the smallest rotated box around them.
    """
    if not np.allclose(ring[0] + ring[2], ring[1] + ring[3], atol=1e-3 * max(size)):
        ring = shapely.get_coordinates(shapely.minimum_rotated_rectangle(shapely.Polygon(ring)))[:4]
    across, down = ring[1] - ring[0], ring[3] - ring[0]
    degrees = float(np.degrees(np.arctan2(across[1], across[0])))
    extent = float(np.hypot(*across)), float(np.hypot(*down))
    drawing: dict[str, Any] = turned_box(ring.mean(axis=0).tolist(), extent, degrees, size)[EXACT_KEY]
    return drawing


def ellipse(middle: Sequence[float], half: Sequence[float], degrees: float, size: ImageSize) -> dict[str, Any]:
    """An ellipse rotated clockwise, in pixels; a circle has equal half axes."""
    width, height = size
    (ring,) = ellipse_corners(np.array([middle]), np.array([half]), np.array([degrees]), CURVE_POINTS)
    x, y = middle[0] / width, middle[1] / height
    drawing: dict[str, Any] = {
        "ellipse": {"x": x, "y": y, "rx": half[0] / width, "ry": half[1] / height, "theta": degrees}
    }
    if half[0] == half[1]:
        drawing["circle"] = {"x": x, "y": y, "r": half[0] / width, "stretch": 1.0, "theta": 0.0}
    return {**outline([ring]), EXACT_KEY: drawing}


def keypoints(points: Sequence[tuple[float, float, int]]) -> dict[str, Any]:
    """Keypoints x, y, visibility in pixels, with the box around the labelled ones."""
    there = np.array([(x, y) for x, y, seen in points if seen], np.float64).reshape(-1, 2)
    low, high = (there.min(axis=0), there.max(axis=0)) if len(there) else (np.zeros(2), np.zeros(2))
    return {
        "keypoints": [number for point in points for number in point],
        "num_keypoints": len(there),
        "bbox": [*low.tolist(), *(high - low).tolist()],
    }


def parsed(content: bytes, place: str) -> Element:
    """The root element of a document.

    Raises:
        FormatError: it is not well formed.
    """
    try:
        return ElementTree.fromstring(content)  # noqa: S314
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise FormatError(f"{place}: is not XML ({error})") from None


def children(element: Element, tag: str) -> Iterator[Element]:
    """The children with a tag."""
    return (child for child in element if child.tag == tag)


def text(element: Element | None, tag: str) -> str:
    """The text of a child; empty if it is absent."""
    return ((element.findtext(tag) if element is not None else None) or "").strip()


def number(element: Element, tag: str, place: str) -> float:
    """The number in a child's text.

    Raises:
        FormatError: there is none.
    """
    return as_number(text(element, tag), f"{place}: {tag}")


def attribute(element: Element, name: str, place: str, otherwise: float | None = None) -> float:
    """The number in an attribute.

    Raises:
        FormatError: it is absent or not a number.
    """
    given = element.get(name)
    if given is None and otherwise is not None:
        return otherwise
    return as_number(given or "", f"{place}: {name}")


def as_number(given: str, place: str) -> float:
    """The text as a number.

    Raises:
        FormatError: it is not a number.
    """
    try:
        value = float(given)
    except ValueError:
        value = float("nan")
    if not math.isfinite(value):
        raise FormatError(f"{place} is not a number: {given!r}")
    return value
