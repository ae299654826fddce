"""Slices: parts of the data in which a model finds less, or is wrong more often, than elsewhere."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.commands.predictions.conditions import Condition, Fields, Flags, Part, image_parts, object_parts
from benchmark_qa.commands.predictions.detections import Detections, PredictionInputError, Region
from benchmark_qa.commands.predictions.outcome import Outcome
from benchmark_qa.stats.intervals import Interval, RatioTotals

Metric = Literal["recall", "precision"]

LEVEL = 0.95
"""Probability that all gaps are in their intervals at once."""
FAMILIES = 4
"""Families of tests: single conditions and pairs, each by recall and by precision"""
MOST_PAIRED = 100
"""Conditions that are combined into pairs, those with the most objects: pairs grow with the square."""


@dataclass(frozen=True)
class Slice:
    """A part of the data, with the model's figure inside and outside."""

    metric: Metric
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
        return asdict(self) | {"title": self.title, "failing_images": len(self.failing_images)}

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
    region: Region = "bbox",
    iou: float = 0.5,
    confidence: float = 0.5,
    least_images: int = 5,
) -> list[Slice]:
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

    metric: Metric
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

    def members(self, part: Part) -> Flags:
        """The things that count and meet the condition."""
        return (part.truths if self.metric == "recall" else part.predictions) & self.whole

    def totals(self, members: Flags) -> RatioTotals:
        """The share among the members, by cluster."""
        size = self.clusters
        good = np.bincount(self.cluster[members & self.good], minlength=size)
        return RatioTotals.of(good, np.bincount(self.cluster[members], minlength=size))

    def is_large_enough(self, totals: RatioTotals) -> bool:
        return totals.tasks >= self.least

    def slice(self, conditions: tuple[Condition, ...], members: Flags, sides: "_Sides", level: float) -> Slice:
        """The members as a slice."""
        gap, low, high = sides.gap(level)
        return Slice(
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
        a, a_low, a_high = _ends(self.outside.interval(level=level))
        b, b_low, b_high = _ends(self.inside.interval(level=level))
        return a - b, a - b - math.hypot(a - a_low, b_high - b), a - b + math.hypot(a_high - a, b - b_low)


def _singles(table: _Table, parts: Sequence[Part]) -> Iterator[Slice]:
    tested = [
        (part.condition, members, sides)
        for part in parts
        if (sides := _sides(table, members := table.members(part), table.whole & ~members))
    ]
    level = _level(len(tested))
    for condition, members, sides in tested:
        yield table.slice((condition,), members, sides, level)


def _pairs(table: _Table, parts: Sequence[Part]) -> Iterator[Slice]:
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


def _ends(interval: Interval) -> tuple[float, float, float]:
    if interval.estimate is None or interval.low is None or interval.high is None:
        raise AssertionError("an interval over one image or more is applicable")
    return interval.estimate, interval.low, interval.high
