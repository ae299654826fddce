"""Label rows with confidences, as exports hold them, in COCO's layout.

Geometry of the JSON: encord-sdk 0.1.211, `objects/coordinates.py` and `objects/bitmask.py`.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agents.scoring.predictions.coco import Detections, PredictionInputError, box_around, finite_number
from agents.scoring.predictions.library import mask_area, mask_box, mask_of_rings, row_major_mask

Row = Mapping[str, Any]
ROW_FIELDS = ("dataset_title", "data_type")
"""Of a label row, for slices."""
Image = tuple[str, str, int]
"""Data hash of the label row, key of the data unit in it, frame."""


def detections_from_label_rows(truth: Iterable[Row], predictions: Iterable[Row]) -> Detections:
    """Compare label rows of the same data hash; `confidence` of an object is the confidence of its prediction.

    Boxes, rotated boxes, polygons and bitmasks are compared; objects of other shapes are counted in
    `Detections.not_compared`. An object without a confidence has 1, as in the SDK.

    Raises:
        PredictionInputError: a row is not well formed, or a data hash is there twice on one side.
    """
    (detections,) = detections_of_models(truth, [predictions])
    return detections


def detections_of_models(truth: Iterable[Row], models: Sequence[Iterable[Row]]) -> list[Detections]:
    """The same for several models, over the same images and classes, so that they can be compared."""
    known = _by_data_hash(truth, "truth")
    table = _Table()
    annotations = [item for data_hash, row in known.items() for item in table.read(row, f"truth {data_hash}")]
    counted = table.not_compared.copy()
    sides = []
    for rows in models:
        given = _by_data_hash(rows, "predictions")
        table.not_compared = counted.copy()
        results = [
            item
            for data_hash, row in given.items()
            if data_hash in known
            for item in table.read(row, f"predictions {data_hash}")
        ]
        unmatched = tuple(data_hash for data_hash in given if data_hash not in known)
        sides.append((results, unmatched, dict(table.not_compared)))
    truth_set = {
        "images": list(table.images.values()),
        "categories": [{"id": feature, "name": name} for feature, name in table.classes.items()],
        "annotations": [_complete(annotation) for annotation in annotations],
    }
    place = {data_hash: at for at, data_hash in enumerate(known)}
    clusters = tuple(place[data_hash] for data_hash, _, _ in table.images)
    fields = tuple(_known_about(known[data_hash]) for data_hash, _, _ in table.images)
    return [
        replace(
            Detections.from_coco(truth_set, results),
            clusters=clusters,
            fields=fields,
            unmatched=unmatched,
            not_compared=not_compared,
        )
        for results, unmatched, not_compared in sides
    ]


def _known_about(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ROW_FIELDS if row.get(name)}


@dataclass
class _Table:
    """Images and classes as they turn up on either side."""

    images: dict[Image, dict[str, Any]] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    not_compared: Counter[str] = field(default_factory=Counter)

    def read(self, row: Row, place: str) -> Iterator[dict[str, Any]]:
        """The objects of a row as COCO results; its images and classes are noted."""
        if row.get("spaces"):
            raise PredictionInputError(place, "has spaces: data groups are not compared with predictions")
        for key, unit in _mapping(row, "data_units", place).items():
            here = f"{place}.data_units[{key}]"
            for frame, objects in _frames(unit, here):
                image = (str(row["data_hash"]), str(key), frame)
                size = {name: unit.get(name) for name in ("width", "height")}
                self.images.setdefault(image, {"id": image, **size})
                for at, drawn in enumerate(objects):
                    yield from self._object(drawn, image, f"{here} frame {frame}, object {at}")

    def _object(self, drawn: Any, image: Image, place: str) -> Iterator[dict[str, Any]]:
        if not isinstance(drawn, Mapping) or not isinstance(drawn.get("featureHash"), str):
            raise PredictionInputError(place, "has no featureHash")
        shape, feature = str(drawn.get("shape")), drawn["featureHash"]
        if shape not in _REGIONS:
            self.not_compared[shape] += 1
            return
        size = self.images[image]
        width, height = (finite_number(size[name], f"{place}: the data unit's {name}") for name in ("width", "height"))
        self.classes.setdefault(feature, str(drawn.get("name", feature)))
        confidence = drawn.get("confidence")
        yield {
            "image_id": image,
            "category_id": feature,
            "score": finite_number(1.0 if confidence is None else confidence, f"{place}.confidence"),
            **_REGIONS[shape](drawn, int(width), int(height), place),
        }


def _by_data_hash(rows: Iterable[Row], side: str) -> dict[str, Row]:
    by_hash: dict[str, Row] = {}
    for at, row in enumerate(rows):
        if not isinstance(row, Mapping) or not isinstance(row.get("data_hash"), str):
            raise PredictionInputError(f"{side}[{at}]", "is not a label row (a JSON object with a data_hash)")
        if row["data_hash"] in by_hash:
            raise PredictionInputError(f"{side}[{at}]", f"is a second label row of data unit {row['data_hash']}")
        by_hash[row["data_hash"]] = row
    return by_hash


def _frames(unit: Any, place: str) -> Iterator[tuple[int, list[Any]]]:
    """Frame numbers and their objects; an image is one frame, numbered by its place in the sequence."""
    if not isinstance(unit, Mapping):
        raise PredictionInputError(place, "is not a JSON object")
    labels = _mapping(unit, "labels", place)
    frames = {unit.get("data_sequence", 0): labels} if not labels or "objects" in labels else labels
    for key, frame in frames.items():
        objects = frame.get("objects", []) if isinstance(frame, Mapping) else None
        if not isinstance(objects, list):
            raise PredictionInputError(f"{place}.labels[{key}]", "has no list of objects")
        try:
            yield int(key), objects
        except (TypeError, ValueError):
            raise PredictionInputError(f"{place}.labels", f"{key!r} is not a frame number") from None


def _mapping(holder: Mapping[str, Any], key: str, place: str) -> Mapping[str, Any]:
    value = holder.get(key) or {}
    if not isinstance(value, Mapping):
        raise PredictionInputError(f"{place}.{key}", "is not a JSON object")
    return value


def _complete(annotation: dict[str, Any]) -> dict[str, Any]:
    """A ground truth annotation: with the box about its area, and the area itself."""
    region = annotation.get("segmentation")
    if region is None:
        return annotation
    if isinstance(region, list):
        return {**annotation, "bbox": box_around(region), "area": sum(map(_ring_area, region))}
    return {**annotation, "bbox": mask_box(region), "area": mask_area(region)}


def _ring_area(ring: list[float]) -> float:
    """Of a polygon [x, y, x, y, ...], by the shoelace formula."""
    x, y = ring[0::2], ring[1::2]
    turned = zip(x, y, [*x[1:], x[0]], [*y[1:], y[0]], strict=True)
    return abs(sum(x0 * y1 - x1 * y0 for x0, y0, x1, y1 in turned)) / 2


# --- one function per shape: the JSON of an object to `bbox` or `segmentation`, in pixels --------------------


def _box(drawn: Row, width: int, height: int, place: str) -> dict[str, Any]:
    box = _numbers(drawn, "boundingBox", "xywh", place)
    return {"bbox": [box["x"] * width, box["y"] * height, box["w"] * width, box["h"] * height]}


def _rotated_box(drawn: Row, width: int, height: int, place: str) -> dict[str, Any]:
    box = _numbers(drawn, "rotatableBoundingBox", ("x", "y", "w", "h", "theta"), place)
    half_width, half_height = box["w"] * width / 2, box["h"] * height / 2
    middle_x, middle_y = box["x"] * width + half_width, box["y"] * height + half_height
    cosine, sine = math.cos(math.radians(box["theta"])), math.sin(math.radians(box["theta"]))
    ring: list[float] = []
    for across, down in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        x, y = across * half_width, down * half_height
        ring += [middle_x + x * cosine - y * sine, middle_y + x * sine + y * cosine]
    return {"segmentation": [ring]}


def _polygon(drawn: Row, width: int, height: int, place: str) -> dict[str, Any]:
    rings, holes = [], []
    for outline, *inner in _contours(drawn, place):
        rings.append(outline)
        holes += inner
    rings, holes = ([_scaled(ring, width, height, place) for ring in side] for side in (rings, holes))
    return {"segmentation": mask_of_rings(rings, holes, height, width) if holes else rings}


def _contours(drawn: Row, place: str) -> list[list[list[Any]]]:
    """Polygons, each an outline and its holes, each [x, y, x, y, ...]; from the newer or the older layout."""
    polygons = drawn.get("polygons")
    if polygons:
        if not isinstance(polygons, list) or not all(isinstance(p, list) and p for p in polygons):
            raise PredictionInputError(f"{place}.polygons", "is not a list of polygons")
        return polygons
    points = drawn.get("polygon")
    if isinstance(points, Mapping):
        points = [points[key] for key in sorted(points, key=int)]
    if not isinstance(points, list) or not all(isinstance(p, Mapping) and {"x", "y"} <= p.keys() for p in points):
        raise PredictionInputError(f"{place}.polygon", "is not a list of points with x and y")
    return [[[value for point in points for value in (point["x"], point["y"])]]]


def _scaled(ring: Any, width: int, height: int, place: str) -> list[float]:
    if not isinstance(ring, list) or len(ring) < 6 or len(ring) % 2:
        raise PredictionInputError(place, "has a ring that is not x and y of three or more points")
    sides = (width, height)
    return [finite_number(value, f"{place}, a ring") * sides[at % 2] for at, value in enumerate(ring)]


def _bitmask(drawn: Row, width: int, height: int, place: str) -> dict[str, Any]:
    mask = drawn.get("bitmask")
    if not isinstance(mask, Mapping) or not isinstance(mask.get("rleString"), str):
        raise PredictionInputError(f"{place}.bitmask", "has no rleString")
    if (mask.get("height"), mask.get("width")) != (height, width):
        raise PredictionInputError(f"{place}.bitmask", "is of another size than its data unit")
    return {"segmentation": row_major_mask(mask["rleString"], height, width)}


def _numbers(drawn: Row, key: str, names: Iterable[str], place: str) -> dict[str, float]:
    given = drawn.get(key)
    if not isinstance(given, Mapping):
        raise PredictionInputError(place, f"has no {key}")
    return {name: finite_number(given.get(name), f"{place}.{key}.{name}") for name in names}


_REGIONS: Mapping[str, Callable[[Row, int, int, str], dict[str, Any]]] = {
    "bounding_box": _box,
    "rotatable_bounding_box": _rotated_box,
    "polygon": _polygon,
    "bitmask": _bitmask,
}
