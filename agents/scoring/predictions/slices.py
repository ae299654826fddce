"""Where a model fails: the parts of the data in which it finds less, or is wrong more often, than elsewhere."""

import functools
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from agents.scoring.intervals import Interval, ratio_interval
from agents.scoring.predictions.coco import Detections, PredictionInputError, Region
from agents.scoring.predictions.outcome import Outcome

Fields = Mapping[str, Any]
"""What is known about an image: texts, numbers and truth values by field."""

Metric = Literal["recall", "precision"]

BINS = 4
"""A field with more numbers than `MOST_NUMBERS` is cut at its quartiles."""
MOST_NUMBERS = 8


@dataclass(frozen=True)
class Slice:
    """The images with one value in one field, and how the model does there and elsewhere."""

    metric: Metric
    field: str
    value: str
    images: int
    """Images in the slice that count for the metric: with objects (recall) or predictions (precision)."""
    inside: Interval
    outside: Interval
    gap: float
    """Outside minus inside: above 0 the slice is worse than the rest."""
    gap_low: float
    gap_high: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"{self.field} = {self.value}: {self.metric} {self.inside.estimate:.3f} against "
            f"{self.outside.estimate:.3f} elsewhere, gap {self.gap:+.3f} "
            f"[{self.gap_low:+.2f}, {self.gap_high:+.2f}], {self.images:,} images"
        )


def find_slices(
    detections: Detections,
    fields: Sequence[Fields] | None = None,
    *,
    region: Region = "bbox",
    iou: float = 0.5,
    confidence: float = 0.5,
    least_images: int = 5,
) -> list[Slice]:
    """Every value of every field as a slice, the most certainly bad first.

    Slices are ordered by the low end of the gap's 95 % interval, so that a small gap over many images stands before
    a large one over a handful. The interval is Newcombe's (1998, method 10) over two intervals clustered by image; it
    is not corrected for the number of slices, so of 20 harmless ones one may look bad.

    Args:
        detections: truth and predictions.
        fields: what is known about each image, in the order of `detections.images`; `detections.fields` unless
            given. A number with more than `MOST_NUMBERS` values is cut at its quartiles; None is left out.
        region, iou, confidence: as in `evaluate_predictions`.
        least_images: slices (and rests) of fewer clusters of images are left out.

    Raises:
        PredictionInputError: there is not one set of fields per image; else as `evaluate_predictions`.
    """
    known = detections.fields if fields is None else fields
    if len(known) != len(detections.images):
        raise PredictionInputError("fields", f"are {len(known)} for {len(detections.images)} images")
    tables = _tables(Outcome.of(detections, region, iou), detections, confidence)
    slices = (
        table.slice(name, value, inside, least_images) for name, value, inside in _candidates(known) for table in tables
    )
    return sorted(
        (one for one in slices if one is not None), key=lambda one: (-one.gap_low, one.metric, one.field, one.value)
    )


@dataclass(frozen=True, eq=False)
class _Table:
    """One metric as a share of two counts by image, and the cluster of each image."""

    metric: Metric
    part: NDArray[np.int64]
    whole: NDArray[np.int64]
    clusters: NDArray[np.int64]

    def slice(self, name: str, value: str, inside: NDArray[np.bool_], least_images: int) -> Slice | None:
        here, there = self._interval(inside), self._interval(~inside)
        if min(here.n, there.n) < max(least_images, 1):
            return None
        images = int((self.whole[inside] > 0).sum())
        return Slice(self.metric, name, value, images, here, there, *_difference(there, here))

    def _interval(self, where: NDArray[np.bool_]) -> Interval:
        parts, wholes = (np.bincount(self.clusters[where], counts[where]) for counts in (self.part, self.whole))
        return ratio_interval(parts, wholes)


def _tables(outcome: Outcome, detections: Detections, confidence: float) -> tuple[_Table, _Table]:
    count = functools.partial(np.bincount, minlength=len(detections.images))
    clusters = np.unique(detections.clusters, return_inverse=True)[1]
    seen = outcome.score >= confidence
    found = count(outcome.truth_image[outcome.truth_score >= confidence])
    right = count(outcome.image_of[seen & outcome.right])
    return (
        _Table("recall", found, count(outcome.truth_image), clusters),
        _Table("precision", right, count(outcome.image_of[seen]), clusters),
    )


def _difference(first: Interval, second: Interval) -> tuple[float, float, float]:
    """First minus second and its interval, from the intervals of two independent shares (Newcombe 1998)."""
    a, a_low, a_high = _ends(first)
    b, b_low, b_high = _ends(second)
    return a - b, a - b - math.hypot(a - a_low, b_high - b), a - b + math.hypot(a_high - a, b - b_low)


def _ends(interval: Interval) -> tuple[float, float, float]:
    if interval.estimate is None or interval.low is None or interval.high is None:
        raise AssertionError("an interval over one image or more is applicable")
    return interval.estimate, interval.low, interval.high


def _candidates(fields: Sequence[Fields]) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    for name in dict.fromkeys(name for known in fields for name in known):
        values = [known.get(name) for known in fields]
        yield from ((name, value, inside) for value, inside in _parts(values))


def _parts(values: Sequence[Any]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """A field's values and the images that have them; many numbers as quartiles."""
    is_number = [isinstance(value, int | float) and not isinstance(value, bool) for value in values]
    numbers = np.array([value if one else math.nan for value, one in zip(values, is_number, strict=True)], dtype=float)
    known = numbers[np.isfinite(numbers)]
    if np.unique(known).size > MOST_NUMBERS:
        yield from _quartiles(numbers, known)
        return
    texts = np.array([None if value is None else str(value) for value in values], dtype=object)
    for value in dict.fromkeys(text for text in texts if text is not None):
        yield value, texts == value


def _quartiles(numbers: NDArray[np.float64], known: NDArray[np.float64]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)))
    for at, (low, high) in enumerate(itertools.pairwise(edges)):
        is_last = at == edges.size - 2
        inside = (numbers >= low) & ((numbers <= high) if is_last else (numbers < high))
        yield f"[{low:g}, {high:g}{']' if is_last else ')'}", inside
