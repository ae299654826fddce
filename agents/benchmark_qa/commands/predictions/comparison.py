"""Compare two models on the same ground truth: differences of figures with 95 % intervals."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.commands.predictions.detections import Detections, PredictionInputError, Region
from benchmark_qa.commands.predictions.evaluation import Protocol, evaluate_predictions
from benchmark_qa.commands.predictions.outcome import Counts, Outcome
from benchmark_qa.commands.predictions.result import PredictionScore
from benchmark_qa.stats.quantiles import student_quantile

GROUPS = 20
LEAST_GROUPS = 5

Figures = Mapping[str, float | None]


@dataclass(frozen=True)
class Difference:
    """One figure of both models. The interval is None with too few images; `why` gives the reason."""

    name: str
    first: float | None
    second: float | None
    difference: float | None
    """Second minus first."""
    low: float | None
    high: float | None
    why: str | None

    @property
    def is_certain(self) -> bool:
        """Whether the whole interval lies on one side of 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Comparison:
    """Two evaluations on the same ground truth and the differences of their figures."""

    first: PredictionScore
    second: PredictionScore
    differences: tuple[Difference, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def compare_predictions(
    first: Detections, second: Detections, *, region: Region = "bbox", iou: float = 0.5, confidence: float = 0.5
) -> Comparison:
    """Evaluate both models and give each difference a 95 % interval.

    The interval is a paired jackknife: the images (by cluster) are dealt into `GROUPS` groups, both models are
    evaluated again without each group, and the spread of the differences gives the standard error (Shao & Tu 1995,
    section 2.3), with Student's t of as many degrees of freedom as there are groups, less one.

    Raises:
        PredictionInputError: the two do not have the same images, classes and objects; else as
            `evaluate_predictions`.
    """
    if first.truth != second.truth:
        raise PredictionInputError("the two sets of predictions", "are not of the same ground truth")
    before, after = (_Model.of(one, region, iou, confidence) for one in (first, second))
    (old, new), *parts = [(before.figures(kept), after.figures(kept)) for kept in _jackknife(before.clusters)]
    return Comparison(
        first=evaluate_predictions(first, region=region, iou=iou, confidence=confidence),
        second=evaluate_predictions(second, region=region, iou=iou, confidence=confidence),
        differences=tuple(_difference(name, old, new, parts) for name in old),
    )


@dataclass(frozen=True, eq=False)
class _Model:
    """One set of predictions, matched once; gives the figures of any subset of the images."""

    detections: Detections
    region: Region
    clusters: NDArray[np.int64]
    """Cluster number of each image."""
    counts: Sequence[Counts]
    """By class."""

    @classmethod
    def of(cls, detections: Detections, region: Region, iou: float, confidence: float) -> Self:
        outcome = Outcome.of(detections, region, iou)
        clusters = np.unique(detections.clusters, return_inverse=True)[1]
        classes = range(len(detections.classes))
        counts = [Counts.of(outcome, number, confidence, clusters) for number in classes]
        return cls(detections, region, clusters, counts)

    def figures(self, kept: NDArray[np.bool_]) -> Figures:
        """The compared figures over the kept clusters: overall, then AP and F1 by class."""
        protocol = Protocol.of(self.detections.only(kept[self.clusters]), self.region)
        f1s = [counts.only(kept).f1().estimate for counts in self.counts]
        applicable = [f1 for f1 in f1s if f1 is not None]
        figures = {name: protocol.summary[name] for name in ("AP", "AP50", "AP75", "AR100")}
        figures["macro F1"] = sum(applicable) / len(applicable) if applicable else None
        for number, (name, f1) in enumerate(zip(self.detections.classes, f1s, strict=True)):
            figures |= {f"AP of {name}": protocol.ap(number), f"F1 of {name}": f1}
        return figures


def _jackknife(clusters: NDArray[np.int64]) -> Iterator[NDArray[np.bool_]]:
    """Masks of kept clusters: first all of them, then all but each group in turn, if there are enough."""
    numbers = np.arange(int(clusters.max(initial=-1)) + 1)
    yield numbers >= 0
    groups = min(GROUPS, numbers.size)
    if groups >= LEAST_GROUPS:
        # Neighbours, which are often alike, go to different groups.
        yield from (numbers % groups != group for group in range(groups))


def _difference(name: str, before: Figures, after: Figures, parts: Sequence[tuple[Figures, Figures]]) -> Difference:
    old, new = before[name], after[name]
    if old is None or new is None:
        return Difference(name, old, new, None, None, None, "not applicable to one of the two")
    left = [(was[name], now[name]) for was, now in parts]
    changes = np.array([now - was for was, now in left if was is not None and now is not None])
    if len(changes) < len(left) or not left:
        return Difference(name, old, new, new - old, None, None, "too few images for an interval")
    groups = len(changes)
    error = math.sqrt((groups - 1) / groups * float(((changes - changes.mean()) ** 2).sum()))
    reach = student_quantile(0.975, groups - 1) * error
    return Difference(name, old, new, new - old, new - old - reach, new - old + reach, None)
