"""Convert exported label rows with confidences to COCO's layout."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmark_qa.commands.predictions.detections import (
    Detections,
    ImageSource,
    PredictionInputError,
    box_around,
    confidence_of,
)
from benchmark_qa.commands.predictions.outcome import encoded, mask_area, mask_box, mask_of_rings
from benchmark_qa.commands.predictions.truth import GivenClass, GivenImage, GivenPredictions, Truth, cut_at_edges
from benchmark_qa.formats.coco_reader import size_of
from benchmark_qa.formats.regions import curve_regions
from benchmark_qa.labels.annotations import Numbers, Rings, Runs
from benchmark_qa.labels.errors import LabelReadError
from benchmark_qa.labels.frames import Frame, frames
from benchmark_qa.labels.ontology import Ontology, Shape
from benchmark_qa.labels.outlines import rotated_box_corners
from benchmark_qa.labels.runs import read_bitmasks
from benchmark_qa.labels.shapes import (
    BadGeometryError,
    read_boxes,
    read_circles,
    read_ellipses,
    read_polygons,
    read_rotated_boxes,
)

PredictedRow = Mapping[str, Any]
Image = tuple[str, str, int]
"""Data hash of the label row, space (of a data group), frame."""
LabelRegion = dict[str, Any]
"""`bbox` or `segmentation`, in pixels."""

ROW_FIELDS = ("dataset_title", "data_type")
"""Keys of a label row that become fields for slices."""
NO_CLASSES = Ontology()


def detections_from_label_rows(truth: Iterable[PredictedRow], predictions: Iterable[PredictedRow]) -> Detections:
    """Detections from label rows with the same data hashes; predicted objects have a `confidence`.

    Boxes, rotated boxes, polygons, bitmasks, circles and ellipses are compared; objects of other shapes are counted in
    `Detections.not_compared`. An object without a confidence has 1, as in the SDK.

    Raises:
        PredictionInputError: a row is not well formed, or a data hash occurs twice on one side.
    """
    (detections,) = detections_of_models(truth, [predictions])
    return detections


def detections_of_models(truth: Iterable[PredictedRow], models: Sequence[Iterable[PredictedRow]]) -> list[Detections]:
    """Detections for several models, over the same images and classes, so that they can be compared."""
    return truth_of_rows(truth).detections([given_by_rows(rows) for rows in models])


def truth_of_rows(rows: Iterable[PredictedRow], classes: Mapping[str, str] | None = None) -> Truth:
    """Label rows as the truth of an evaluation.

    Args:
        rows: one per data unit.
        classes: class names of an ontology by feature hash; other classes in the labels are added.

    Raises:
        PredictionInputError: a row is not well formed, or a data hash occurs twice.
    """
    table = _Table(classes=dict(classes or {}))
    annotations = [
        cut_at_edges(_complete(item), size_of(table.images[item["image_id"]]))
        for data_hash, row in _once_each(rows, "truth")
        for item in table.read(row, f"truth {data_hash}")
    ]
    return Truth(
        document={
            "images": list(table.images.values()),
            "categories": [{"id": feature, "name": name} for feature, name in table.classes.items()],
            "annotations": annotations,
        },
        sources=tuple(table.sources),
        fields=tuple(table.fields),
        not_compared=dict(table.not_compared),
        grows=True,
    )


def given_by_rows(rows: Iterable[PredictedRow]) -> GivenPredictions:
    """Label rows whose objects are predictions; data units are named by hash, title and URL.

    Raises:
        PredictionInputError: a row is not well formed, or a data hash occurs twice.
    """
    objects: list[Mapping[str, Any]] = []
    places: list[GivenImage] = []
    table = _Table()
    for data_hash, row in _once_each(rows, "predictions"):
        names = tuple(dict.fromkeys(name for name in (data_hash, row.get("data_title")) if isinstance(name, str)))
        before = len(table.sources)
        for item in table.read(row, f"predictions {data_hash}"):
            _, space, frame = item["image_id"]
            feature = item["category_id"]
            kind = GivenClass(feature, table.classes[feature])
            objects.append({**item, "image_id": GivenImage(names, frame, space), "category_id": kind})
        places += [GivenImage(names, source.frame, source.space) for source in table.sources[before:]]
        if len(table.sources) == before:
            places.append(GivenImage(names))
    return GivenPredictions(objects, places, dict(table.not_compared))


def _once_each(rows: Iterable[PredictedRow], side: str) -> Iterator[tuple[str, PredictedRow]]:
    """Yield rows with their data hashes one by one, so that not all need to be in memory."""
    seen: set[str] = set()
    for at, row in enumerate(rows):
        if not isinstance(row, Mapping) or not isinstance(row.get("data_hash"), str):
            raise PredictionInputError(f"{side}[{at}]", "is not a label row (a JSON object with a data_hash)")
        if row["data_hash"] in seen:
            raise PredictionInputError(f"{side}[{at}]", f"is a second label row of data unit {row['data_hash']}")
        seen.add(row["data_hash"])
        yield row["data_hash"], row


@dataclass
class _Table:
    """Images and classes, collected while rows are read."""

    images: dict[Image, dict[str, Any]] = field(default_factory=dict)
    sources: list[ImageSource] = field(default_factory=list)
    fields: list[dict[str, Any]] = field(default_factory=list)
    classes: dict[str, str] = field(default_factory=dict)
    not_compared: Counter[str] = field(default_factory=Counter)

    def read(self, row: PredictedRow, side: str) -> Iterator[dict[str, Any]]:
        """The objects of a row as COCO results; adds its images and classes to the table."""
        try:
            for frame in frames(row, NO_CLASSES):
                yield from self._frame(frame, row, f"{side}, {frame.place}")
        except LabelReadError as error:
            raise PredictionInputError(f"{side}, {error.place}", error.problem) from None

    def _frame(self, frame: Frame, row: PredictedRow, place: str) -> Iterator[dict[str, Any]]:
        image = (row["data_hash"], frame.space, frame.number)
        width, height = (None if math.isnan(side) else int(side) for side in (frame.width, frame.height))
        if image not in self.images:
            self.images[image] = {"id": image, "width": width, "height": height}
            self.sources.append(_source(row, frame))
            self.fields.append({name: row[name] for name in ROW_FIELDS if row.get(name)})
        for shape, drawn in _by_shape(frame, place).items():
            if shape not in _REGIONS:
                self.not_compared[shape] += len(drawn)
                continue
            if width is None or height is None:
                raise PredictionInputError(place, "has no width and height in pixels")
            try:
                regions = _REGIONS[shape](drawn, width, height)
            except BadGeometryError as error:
                raise PredictionInputError(f"{place}, {shape} {error.index}", error.problem) from None
            for at, (item, region) in enumerate(zip(drawn, regions, strict=True)):
                yield {"image_id": image, **self._said(item, f"{place}, {shape} {at}"), **region}

    def _said(self, drawn: PredictedRow, place: str) -> dict[str, Any]:
        feature = drawn.get("featureHash")
        if not isinstance(feature, str):
            raise PredictionInputError(place, "has no featureHash")
        self.classes.setdefault(feature, str(drawn.get("name", feature)))
        confidence = drawn.get("confidence")
        score = confidence_of(1.0 if confidence is None else confidence, f"{place}.confidence")
        return {"category_id": feature, "score": score, "object_hash": drawn.get("objectHash")}


def _source(row: PredictedRow, frame: Frame) -> ImageSource:
    def text(holder: PredictedRow, key: str) -> str | None:
        value = holder.get(key)
        return value if isinstance(value, str) and value else None

    units = [unit for unit in row["data_units"].values() if isinstance(unit, Mapping)]
    link = text(units[0], "data_link") if len(units) == 1 else None
    names: tuple[str, ...] = ()
    if len(units) > 1:
        of_frame = next((unit for unit in units if str(unit.get("data_sequence")) == str(frame.number)), {})
        found = (text(of_frame, key) for key in ("data_hash", "data_title", "data_link"))
        names = tuple(name for name in found if name)
    return ImageSource(
        data_hash=row["data_hash"],
        title=text(row, "data_title") or "",
        dataset_hash=text(row, "dataset_hash"),
        label_hash=text(row, "label_hash"),
        url=link,
        frame=frame.number,
        space=frame.space,
        names=names,
    )


def _by_shape(frame: Frame, place: str) -> Mapping[str, list[PredictedRow]]:
    drawn = defaultdict(list)
    for item in frame.objects:
        if not isinstance(item, Mapping) or not isinstance(item.get("shape"), str):
            raise PredictionInputError(place, "holds an object without a shape")
        drawn[item["shape"]].append(item)
    return drawn


def _complete(annotation: dict[str, Any]) -> dict[str, Any]:
    """A ground truth annotation, completed with its area and the bounding box of the area."""
    region = annotation.get("segmentation")
    if region is None or "area" in annotation:
        return annotation
    if isinstance(region, list):
        return {**annotation, "bbox": box_around(region), "area": sum(map(_ring_area, region))}
    return {**annotation, "bbox": mask_box(region), "area": mask_area(region)}


def _ring_area(ring: list[float]) -> float:
    """Area of a polygon [x, y, x, y, ...], by the shoelace formula."""
    x, y = np.array(ring[0::2]), np.array(ring[1::2])
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


# --- one function per shape: the objects of a frame to their regions, in pixels ------------------------------


def _boxes(drawn: Sequence[PredictedRow], width: int, height: int) -> list[LabelRegion]:
    scaled = read_boxes(drawn) * [width, height, width, height]
    return [{"bbox": box} for box in scaled.tolist()]


def _rotated_boxes(drawn: Sequence[PredictedRow], width: int, height: int) -> list[LabelRegion]:
    corners = rotated_box_corners(read_rotated_boxes(drawn), np.array([width, height]))
    return [{"segmentation": [ring]} for ring in corners.reshape(-1, 8).tolist()]


def _polygons(drawn: Sequence[PredictedRow], width: int, height: int) -> list[LabelRegion]:
    areas = read_polygons(drawn)
    return [{"segmentation": _polygon(areas, at, width, height)} for at in range(len(areas))]


def _polygon(areas: Rings, at: int, width: int, height: int) -> Any:
    """Polygons if there are no holes, else a mask."""
    outlines, holes = [], []
    for polygon in range(areas.offsets[at], areas.offsets[at + 1]):
        first, end = areas.polygon_offsets[polygon : polygon + 2]
        outline, *inner = (_ring(areas, ring, at, width, height) for ring in range(first, end))
        outlines.append(outline)
        holes += inner
    return mask_of_rings(outlines, holes, height, width) if holes else outlines


def _ring(areas: Rings, ring: int, at: int, width: int, height: int) -> list[float]:
    points: Numbers = areas.points[areas.ring_offsets[ring] : areas.ring_offsets[ring + 1]] * [width, height]
    if len(points) < 3:
        raise BadGeometryError(at, "has a ring of fewer than three points")
    flat: list[float] = points.ravel().tolist()
    return flat


def _bitmasks(drawn: Sequence[PredictedRow], width: int, height: int) -> list[LabelRegion]:
    masks = read_bitmasks(drawn)
    return [{"segmentation": _bitmask(masks, at, width, height)} for at in range(len(masks))]


def _bitmask(masks: Runs, at: int, width: int, height: int) -> dict[str, Any]:
    if masks.size is None or masks.size[at].tolist() != [height, width]:
        raise BadGeometryError(at, "is of another size than its image")
    runs = slice(masks.offsets[at], masks.offsets[at + 1])
    steps = np.zeros(height * width + 1, np.int8)
    np.add.at(steps, masks.starts[runs].astype(np.int64), 1)
    np.add.at(steps, masks.ends[runs].astype(np.int64), -1)
    return encoded(np.cumsum(steps[:-1], dtype=np.uint8).reshape(height, width))


def _circles(drawn: Sequence[PredictedRow], width: int, height: int) -> list[LabelRegion]:
    return _curves(Shape.CIRCLE, read_circles(drawn), width, height)


def _ellipses(drawn: Sequence[PredictedRow], width: int, height: int) -> list[LabelRegion]:
    return _curves(Shape.ELLIPSE, read_ellipses(drawn), width, height)


def _curves(shape: Shape, geometry: Numbers, width: int, height: int) -> list[LabelRegion]:
    """Circles and ellipses with exact bounds and areas; the outline is the polygon that is exported."""
    regions = []
    for at, curve in enumerate(curve_regions(shape, geometry, np.full((len(geometry), 2), (width, height)))):
        if curve is None:
            raise BadGeometryError(at, "has no area")
        outline = curve.polygons[0][0].ravel().tolist()
        regions.append({"bbox": list(curve.box), "area": curve.area, "segmentation": [outline]})
    return regions


_REGIONS: Mapping[str, Callable[[Sequence[PredictedRow], int, int], list[LabelRegion]]] = {
    Shape.BOUNDING_BOX: _boxes,
    Shape.ROTATABLE_BOUNDING_BOX: _rotated_boxes,
    Shape.POLYGON: _polygons,
    Shape.BITMASK: _bitmasks,
    Shape.CIRCLE: _circles,
    Shape.ELLIPSE: _ellipses,
}
"""Converters by shape (`formats.regions.BOX_SHAPES`): exported areas are compared as areas"""
