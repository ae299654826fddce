"""Slices: conditions on images and objects under which a model finds less, or is wrong more often."""

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.commands.predictions.detections import Detections, PredictionInputError, RegionKind
from benchmark_qa.commands.predictions.outcome import Outcome, with_boxes
from benchmark_qa.engine.pairs import Flags, box_iou, touching
from benchmark_qa.stats.failing_clusters import gap_between
from benchmark_qa.stats.intervals import Interval, RatioTotals

Fields = Mapping[str, Any]
"""Metadata of an image: texts, numbers and booleans by field."""


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
class ConditionPart:
    """The objects (n,) and predictions (m,) that meet a condition, in the order of an `Outcome`."""

    condition: Condition
    truths: Flags
    predictions: Flags


def image_parts(outcome: Outcome, fields: Sequence[Fields], least: int) -> Iterator[ConditionPart]:
    """A part for each value of each field; values with fewer than `least` images are left out."""
    for name in dict.fromkeys(name for each in fields for name in each):
        for value, inside in _values([each.get(name) for each in fields], least):
            yield ConditionPart(Condition(name, value), inside[outcome.truth_image], inside[outcome.image_of])
    # For recall only: on an image without objects no prediction can be right.
    objects = np.bincount(outcome.truth_image, minlength=len(fields))
    nowhere = np.zeros(len(outcome.image_of), dtype=np.bool_)
    for value, inside in _values(objects.tolist(), least):
        yield ConditionPart(Condition("objects in the image", value), inside[outcome.truth_image], nowhere)


def object_parts(outcome: Outcome, detections: Detections) -> Iterator[ConditionPart]:
    """Parts by class, size, position and neighbours of the single box."""
    for number, name in enumerate(detections.classes):
        yield ConditionPart(Condition("class", name), outcome.truth_class == number, outcome.class_of == number)
    annotations = [detections.truth["annotations"][at] for at in outcome.truth_at]
    predictions = with_boxes([detections.predictions[at] for at in outcome.prediction_at])
    boxes = _boxes(annotations), _boxes(predictions)
    truth_area = np.array([item["area"] for item in annotations], dtype=np.float64)
    areas = truth_area, boxes[1][:, 2] * boxes[1][:, 3]
    for low, high, name in SIZES:
        truths, predicted = ((low <= area) & (area < high) for area in areas)
        yield ConditionPart(Condition("object size", name), truths, predicted)
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
    yield ConditionPart(Condition("object at the edge", "yes"), at_edge[0], at_edge[1])
    close = _is_close(boxes[0], outcome.truth_image), _is_close(boxes[1], outcome.image_of)
    yield ConditionPart(Condition("object overlaps another", "yes"), close[0], close[1])


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


SliceMetric = Literal["recall", "precision"]


LEVEL = 0.95
"""Probability that all gaps are in their intervals at once."""


FAMILIES = 4
"""Families of tests: single conditions and pairs, each by recall and by precision"""


MOST_PAIRED = 100
"""Conditions that are combined into pairs, those with the most objects: pairs grow with the square."""


@dataclass(frozen=True)
class DataSlice:
    """A part of the data, with the model's figure inside and outside."""

    metric: SliceMetric
    conditions: tuple[Condition, ...]
    """One condition, or two that both hold"""
    images: int
    """Images in the slice that count: with objects (for recall) or predictions (for precision)."""
    count: int
    """Objects (recall) or predictions (precision) in the slice"""
    inside: Interval
    outside: Interval
    gap: float
    """Outside minus inside: above 0 the slice is worse than the rest."""
    gap_low: float
    """Low end of an interval that holds for all slices at once: above 0 the slice is significantly worse."""
    gap_high: float
    failing_images: tuple[int, ...] = field(repr=False)
    """Indices into `Detections.images` where the model fails in the slice"""

    @property
    def title(self) -> str:
        """The conditions in words."""
        return " and ".join(map(str, self.conditions))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; of the failing images only their number."""
        plain = {name: value for name, value in asdict(self).items() if name not in ("gap_low", "gap_high")}
        gap = {"estimate": self.gap, "low": self.gap_low, "high": self.gap_high}
        return plain | {"title": self.title, "gap": gap, "failing_images": len(self.failing_images)}

    def __str__(self) -> str:
        return (
            f"{self.title}: {self.metric} {self.inside.estimate:.3f} against "
            f"{self.outside.estimate:.3f} elsewhere, gap {self.gap:+.3f} "
            f"[{self.gap_low:+.2f}, {self.gap_high:+.2f}], {self.images:,} images"
        )


def find_slices(
    detections: Detections,
    fields: Sequence[Fields] | None = None,
    *,
    region: RegionKind = "bbox",
    iou: float = 0.5,
    confidence: float = 0.5,
    least_images: int = 5,
) -> list[DataSlice]:
    """Every value of every field and every label statistic as a slice, and pairs of them.

    Slices are sorted by the low end of the gap's interval, so that a small gap over many images comes before a large
    one over a few. The interval is Newcombe's (1998, method 10) over two intervals clustered by image. Its level is so
    high that with 95 % all gaps are in their intervals (Bonferroni; a quarter of the 5 % each for single conditions and
    for pairs, of recall and of precision). A pair is listed only if it is worse than each of its conditions without the
    other.

    Args:
        detections: truth and predictions.
        fields: metadata of each image, in the order of `detections.images`; default `detections.fields`. A field with
            more than `MOST_NUMBERS` numbers is cut at its quartiles; None is left out.
        region, iou, confidence: those of `evaluate_predictions`.
        least_images: slices, or their complements, with fewer clusters of images are left out.

    Raises:
        PredictionInputError: there is not one set of fields per image, or for the reasons of `evaluate_predictions`.
    """
    known = detections.fields if fields is None else fields
    if len(known) != len(detections.images):
        raise PredictionInputError("fields", f"are {len(known)} for {len(detections.images)} images")
    outcome = Outcome.of(detections, region, iou)
    parts = [*image_parts(outcome, known, least_images), *object_parts(outcome, detections)]
    tables = _tables(outcome, detections, confidence, max(least_images, 1))
    slices = [one for table in tables for one in (*_singles(table, parts), *_pairs(table, parts))]
    return sorted(slices, key=lambda one: (-one.gap_low, one.metric, one.title))


@dataclass(frozen=True, eq=False)
class _Table:
    """One metric as a share of k things that count: objects found, or predictions that are right."""

    metric: SliceMetric
    good: Flags
    """(k,)"""
    cluster: NDArray[np.int64]
    """(k,)"""
    image: NDArray[np.int64]
    """(k,)"""
    clusters: int
    least: int
    whole: Flags
    """(k,) Whether it counts at all: predictions below the confidence do not"""

    def members(self, part: ConditionPart) -> Flags:
        """The things that count and meet the condition."""
        return (part.truths if self.metric == "recall" else part.predictions) & self.whole

    def totals(self, members: Flags) -> RatioTotals:
        """The share among the members, by cluster."""
        size = self.clusters
        good = np.bincount(self.cluster[members & self.good], minlength=size)
        return RatioTotals.of(good, np.bincount(self.cluster[members], minlength=size))

    def is_large_enough(self, totals: RatioTotals) -> bool:
        return totals.tasks >= self.least

    def slice(self, conditions: tuple[Condition, ...], members: Flags, sides: "_Sides", level: float) -> DataSlice:
        """The members as a slice."""
        gap, low, high = sides.gap(level)
        return DataSlice(
            metric=self.metric,
            conditions=conditions,
            images=int(np.unique(self.image[members]).size),
            count=int(members.sum()),
            inside=sides.inside.interval(),
            outside=sides.outside.interval(),
            gap=gap,
            gap_low=low,
            gap_high=high,
            failing_images=tuple(np.unique(self.image[members & ~self.good]).tolist()),
        )


@dataclass(frozen=True)
class _Sides:
    """The share inside a slice and outside it."""

    inside: RatioTotals
    outside: RatioTotals

    def gap(self, level: float) -> tuple[float, float, float]:
        """Outside minus inside and its interval, from two independent shares (Newcombe 1998)."""
        return gap_between(self.outside.interval(level=level), self.inside.interval(level=level))


def _singles(table: _Table, parts: Sequence[ConditionPart]) -> Iterator[DataSlice]:
    tested = [
        (part.condition, members, sides)
        for part in parts
        if (sides := _sides(table, members := table.members(part), table.whole & ~members))
    ]
    level = _level(len(tested))
    for condition, members, sides in tested:
        yield table.slice((condition,), members, sides, level)


def _pairs(table: _Table, parts: Sequence[ConditionPart]) -> Iterator[DataSlice]:
    everything = table.whole
    known = [(part.condition, table.members(part)) for part in parts]
    known = [(condition, members) for condition, members in known if 0 < members.sum() < everything.sum()]
    known = sorted(known, key=lambda each: -int(each[1].sum()))[:MOST_PAIRED]
    tested = []
    for (one, here), (other, there) in combinations(known, 2):
        both = here & there
        if one.field != other.field and (sides := _sides(table, both, everything & ~both)):
            tested.append(((one, other), both, sides, (here & ~there, there & ~here)))
    level = _level(len(tested))
    for conditions, both, sides, rests in tested:
        if sides.gap(level)[1] > 0 and all(_is_worse(table, both, rest, level) for rest in rests):
            yield table.slice(conditions, both, sides, level)


def _is_worse(table: _Table, members: Flags, rest: Flags, level: float) -> bool:
    sides = _sides(table, members, rest)
    return sides is not None and sides.gap(level)[1] > 0


def _sides(table: _Table, members: Flags, rest: Flags) -> _Sides | None:
    """The shares in `members` and `rest`; None if either is too small."""
    if min(int(members.sum()), int(rest.sum())) < table.least:
        return None
    sides = _Sides(table.totals(members), table.totals(rest))
    return sides if table.is_large_enough(sides.inside) and table.is_large_enough(sides.outside) else None


def _level(tests: int) -> float:
    """Level of one of many intervals: Bonferroni, with one of `FAMILIES` equal parts of the error."""
    return 1.0 - (1.0 - LEVEL) / FAMILIES / max(tests, 1)


def _tables(outcome: Outcome, detections: Detections, confidence: float, least: int) -> tuple[_Table, _Table]:
    clusters = np.unique(detections.clusters, return_inverse=True)[1]
    size = int(clusters.max(initial=-1)) + 1
    found = outcome.truth_score >= confidence
    objects = clusters[outcome.truth_image] if size else outcome.truth_image
    predictions = clusters[outcome.image_of] if size else outcome.image_of
    return (
        _Table("recall", found, objects, outcome.truth_image, size, least, np.ones(len(found), dtype=np.bool_)),
        _Table("precision", outcome.right, predictions, outcome.image_of, size, least, outcome.score >= confidence),
    )
