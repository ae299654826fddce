"""Conditions on images and objects that define parts of the data: metadata and label statistics."""

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.commands.predictions.detections import Detections
from benchmark_qa.commands.predictions.library import with_boxes
from benchmark_qa.commands.predictions.outcome import Outcome
from benchmark_qa.engine.pairs import box_iou, touching

Fields = Mapping[str, Any]
"""Metadata of an image: texts, numbers and booleans by field."""
Flags = NDArray[np.bool_]

BINS = 4
"""A field with more numbers than `MOST_NUMBERS` is cut at its quartiles."""
MOST_NUMBERS = 8
SIZES = ((0.0, 32.0**2, "small"), (32.0**2, 96.0**2, "medium"), (96.0**2, math.inf, "large"))
"""Size classes of the COCO protocol, in square pixels."""
CROWDED = 0.1
"""IoU with another box from which an object counts as crowded."""
EDGE = 1.0
"""Pixels from the edge of the image within which a box touches it."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One value of one field."""

    field: str
    value: str

    def __str__(self) -> str:
        return f"{self.field} = {self.value}"


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The objects (n,) and predictions (m,) that meet a condition, in the order of an `Outcome`."""

    condition: Condition
    truths: Flags
    predictions: Flags


def image_parts(outcome: Outcome, fields: Sequence[Fields], least: int) -> Iterator[Part]:
    """A part for each value of each field; values with fewer than `least` images are left out."""
    for name in dict.fromkeys(name for each in fields for name in each):
        for value, inside in _values([each.get(name) for each in fields], least):
            yield Part(Condition(name, value), inside[outcome.truth_image], inside[outcome.image_of])
    # For recall only: on an image without objects no prediction can be right.
    objects = np.bincount(outcome.truth_image, minlength=len(fields))
    nowhere = np.zeros(len(outcome.image_of), dtype=np.bool_)
    for value, inside in _values(objects.tolist(), least):
        yield Part(Condition("objects in the image", value), inside[outcome.truth_image], nowhere)


def object_parts(outcome: Outcome, detections: Detections) -> Iterator[Part]:
    """Parts by class, size, position and neighbours of the single box."""
    for number, name in enumerate(detections.classes):
        yield Part(Condition("class", name), outcome.truth_class == number, outcome.class_of == number)
    annotations = [detections.truth["annotations"][at] for at in outcome.truth_at]
    predictions = with_boxes([detections.predictions[at] for at in outcome.prediction_at])
    boxes = _boxes(annotations), _boxes(predictions)
    truth_area = np.array([item["area"] for item in annotations], dtype=np.float64)
    areas = truth_area, boxes[1][:, 2] * boxes[1][:, 3]
    for low, high, name in SIZES:
        truths, predicted = ((low <= area) & (area < high) for area in areas)
        yield Part(Condition("object size", name), truths, predicted)
    sizes = np.array(
        [(image.get("width") or math.nan, image.get("height") or math.nan) for image in detections.truth["images"]],
        dtype=np.float64,
    ).reshape(-1, 2)
    places = {image["id"] - 1: at for at, image in enumerate(detections.truth["images"])}
    rows = (
        np.array([places[image] for image in images.tolist()], dtype=np.int64)
        for images in (outcome.truth_image, outcome.image_of)
    )
    at_edge = [_touches_edge(box, sizes[row]) for box, row in zip(boxes, rows, strict=True)]
    yield Part(Condition("object at the edge", "yes"), at_edge[0], at_edge[1])
    close = _is_close(boxes[0], outcome.truth_image), _is_close(boxes[1], outcome.image_of)
    yield Part(Condition("object overlaps another", "yes"), close[0], close[1])


def _boxes(items: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
    return np.array([item["bbox"] for item in items], dtype=np.float64).reshape(-1, 4)


def _touches_edge(boxes: NDArray[np.float64], sizes: NDArray[np.float64]) -> Flags:
    """Whether each box touches the edge; False if the size of the image is not known."""
    ends = boxes[:, :2] + boxes[:, 2:]
    known = np.isfinite(sizes).all(axis=1)
    with np.errstate(invalid="ignore"):
        touches = (boxes[:, :2] <= EDGE) | (ends >= sizes - EDGE)
    return np.asarray(touches.any(axis=1) & known, dtype=np.bool_)


def _is_close(boxes: NDArray[np.float64], images: NDArray[np.int64]) -> Flags:
    pairs = touching(boxes, images, boxes, images)
    pairs = pairs.where(pairs.truth != pairs.label)
    close = np.zeros(len(boxes), dtype=np.bool_)
    close[pairs.truth[box_iou(boxes[pairs.truth], boxes[pairs.label]) >= CROWDED]] = True
    return close


def _values(values: Sequence[Any], least: int) -> Iterator[tuple[str, Flags]]:
    """A field's values and the images that have them; a field with many numbers is cut at its quartiles."""
    is_number = [isinstance(value, int | float) and not isinstance(value, bool) for value in values]
    numbers = np.array([value if one else math.nan for value, one in zip(values, is_number, strict=True)], dtype=float)
    known = numbers[np.isfinite(numbers)]
    if np.unique(known).size > MOST_NUMBERS:
        yield from _quartiles(numbers, known)
        return
    texts = [None if value is None else str(value) for value in values]
    for value, count in Counter(text for text in texts if text is not None).items():
        if count >= least:
            yield value, np.array([text == value for text in texts], dtype=np.bool_)


def _quartiles(numbers: NDArray[np.float64], known: NDArray[np.float64]) -> Iterator[tuple[str, Flags]]:
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)))
    for at, (low, high) in enumerate(itertools.pairwise(edges)):
        is_last = at == edges.size - 2
        inside = (numbers >= low) & ((numbers <= high) if is_last else (numbers < high))
        yield f"[{low:g}, {high:g}{']' if is_last else ')'}", inside
