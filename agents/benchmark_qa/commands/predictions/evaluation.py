"""The COCO protocol through `faster-coco-eval`, and additional F1, confusion and calibration.

The protocol: https://cocodataset.org/#detection-eval. Agrees with `pycocotools.cocoeval.COCOeval`.
"""

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.commands.predictions.detections import Detections, PredictionInputError, RegionKind
from benchmark_qa.commands.predictions.outcome import (
    AT_ONCE,
    NO_TRUTH,
    ClassCounts,
    Outcome,
    evaluator,
    in_parts,
    matched_across_classes,
    most_by_image,
    numbers,
)
from benchmark_qa.commands.predictions.result import (
    Calibration,
    CalibrationBin,
    ClassFigures,
    PackedResults,
    PredictionConfusion,
    PredictionScore,
)
from benchmark_qa.context import Progress, no_progress
from benchmark_qa.stats.intervals import student_quantile

GROUPS = 20


LEAST_GROUPS = 5


FiguresByName = Mapping[str, float | None]


@dataclass(frozen=True)
class FigureDifference:
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

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict of JSON types; the difference as a figure with its interval."""
        difference = {"estimate": self.difference, "low": self.low, "high": self.high, "reason": self.why}
        return {"name": self.name, "first": self.first, "second": self.second, "difference": difference}


@dataclass(frozen=True)
class ModelComparison:
    """Two evaluations on the same ground truth and the differences of their figures."""

    first: PredictionScore
    second: PredictionScore
    differences: tuple[FigureDifference, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self) | {"differences": [each.to_dict() for each in self.differences]}


def compare_predictions(
    first: Detections, second: Detections, *, region: RegionKind = "bbox", iou: float = 0.5, confidence: float = 0.5
) -> ModelComparison:
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
    return ModelComparison(
        first=evaluate_predictions(first, region=region, iou=iou, confidence=confidence),
        second=evaluate_predictions(second, region=region, iou=iou, confidence=confidence),
        differences=tuple(_difference(name, old, new, parts) for name in old),
    )


@dataclass(frozen=True, eq=False)
class _Model:
    """One set of predictions, matched once; gives the figures of any subset of the images."""

    detections: Detections
    region: RegionKind
    clusters: NDArray[np.int64]
    """Cluster number of each image."""
    counts: Sequence[ClassCounts]
    """By class."""

    @classmethod
    def of(cls, detections: Detections, region: RegionKind, iou: float, confidence: float) -> Self:
        outcome = Outcome.of(detections, region, iou)
        clusters = np.unique(detections.clusters, return_inverse=True)[1]
        classes = range(len(detections.classes))
        counts = [ClassCounts.of(outcome, number, confidence, clusters) for number in classes]
        return cls(detections, region, clusters, counts)

    def figures(self, kept: NDArray[np.bool_]) -> FiguresByName:
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


def _difference(
    name: str, before: FiguresByName, after: FiguresByName, parts: Sequence[tuple[FiguresByName, FiguresByName]]
) -> FigureDifference:
    old, new = before[name], after[name]
    if old is None or new is None:
        return FigureDifference(name, old, new, None, None, None, "not applicable to one of the two")
    left = [(was[name], now[name]) for was, now in parts]
    changes = np.array([now - was for was, now in left if was is not None and now is not None])
    if len(changes) < len(left) or not left:
        return FigureDifference(name, old, new, new - old, None, None, "too few images for an interval")
    groups = len(changes)
    error = math.sqrt((groups - 1) / groups * float(((changes - changes.mean()) ** 2).sum()))
    reach = student_quantile(0.975, groups - 1) * error
    return FigureDifference(name, old, new, new - old, new - old - reach, new - old + reach, None)


SUMMARY = (
    "AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large",
    "AR1", "AR10", "AR100", "AR_small", "AR_medium", "AR_large",
)  # fmt: skip
"""The twelve figures of the protocol in the order of `COCOeval.stats`."""


SIZES = ("all", "small", "medium", "large")
"""Sizes of ground truth objects, in square pixels: small below 32^2, large from 96^2."""


def steps_of(detections: Detections) -> int:
    """Calls of `progress` times their numbers: the images of every group, once for each size; 0 if it is quick."""
    return len(SIZES) * len(detections.images) if len(detections.predictions) > AT_ONCE else 0


def evaluate_predictions(
    detections: Detections,
    *,
    region: RegionKind = "bbox",
    iou: float = 0.5,
    confidence: float = 0.5,
    progress: Progress = no_progress,
) -> PredictionScore:
    """Evaluate by the COCO protocol, and at one confidence and IoU by F1, precision and recall.

    Args:
        detections: truth and predictions.
        region: compare boxes, or areas (polygons and masks); for areas every object must have one.
        iou: IoU from which a prediction is right, for everything but the figures of the protocol.
        confidence: least confidence of predictions that count for F1, precision, recall and confusion.
        progress: called with numbers of images; they add up to `steps_of`.

    Raises:
        EvaluatorMissingError: the extra `predictions` is not installed.
        PredictionInputError: an object has no area to compare, or `iou` or `confidence` is out of range.
    """
    outcome = Outcome.of(detections, region, iou)
    protocol = Protocol.of(detections, region, progress)
    clusters = np.unique(detections.clusters, return_inverse=True)[1]
    classes = tuple(
        _class_figures(name, number, protocol, ClassCounts.of(outcome, number, confidence, clusters), outcome)
        for number, name in enumerate(detections.classes)
    )
    f1s = [figures.f1.estimate for figures in classes if figures.f1.estimate is not None]
    ranked = [(figures.ap, figures.name) for figures in classes if figures.ap is not None]
    crowd = sum(annotation["iscrowd"] for annotation in detections.truth["annotations"])
    return PredictionScore(
        region=region,
        iou=iou,
        confidence=confidence,
        images=len(detections.truth["images"]),
        truths=len(detections.truth["annotations"]) - crowd,
        crowd_regions=crowd,
        predictions=len(detections.predictions),
        unmatched_images=len(detections.unmatched),
        not_compared=dict(detections.not_compared),
        summary=protocol.summary,
        classes=classes,
        macro_f1=sum(f1s) / len(f1s) if f1s else None,
        worst_class=min(ranked)[1] if ranked else None,
        confusion=_confusion(detections, outcome, region, iou, confidence),
        calibration=_calibration(outcome),
        notes=(*detections.notes, *_beyond_the_protocol(detections)),
    )


MOST = 100
"""Predictions of a class on one image that the protocol counts (`maxDets`)"""


def _beyond_the_protocol(detections: Detections) -> list[str]:
    """Remarks about data that the protocol cuts off or does not support."""
    notes = []
    sides = {"objects": detections.truth["annotations"], "predictions": detections.predictions}
    counts = {side: int((most_by_image(items) > MOST).sum()) for side, items in sides.items()}
    crowded = {side: count for side, count in counts.items() if count}
    if crowded:
        said = " and ".join(f"{count:,} with more {side}" for side, count in crowded.items())
        notes.append(
            f"AP and AR count the best {MOST} predictions of a class on an image (maxDets of the protocol): {said}; "
            "F1, precision and recall count all"
        )
    return notes


@dataclass(frozen=True, eq=False)
class Protocol:
    """The figures of the COCO protocol for one evaluation."""

    summary: Mapping[str, float | None]
    precision: NDArray[np.float64]
    """Shape (10 IoUs, 101 recalls, classes, 4 sizes, 3 limits), -1 where there is no ground truth."""
    recall: NDArray[np.float64]
    """Shape (10 IoUs, classes, 4 sizes, 3 limits), -1 where there is no ground truth."""

    @classmethod
    def of(cls, detections: Detections, region: RegionKind, progress: Progress = no_progress) -> Self:
        """Run the library over all IoUs, sizes and limits; many predictions by groups of images, size by size."""
        if len(detections.predictions) > AT_ONCE:
            return cls._in_parts(detections, region, progress)
        protocol = evaluator(detections.truth, detections.predictions, region)
        protocol.run()
        return cls._read(protocol)

    @classmethod
    def _in_parts(cls, detections: Detections, region: RegionKind, progress: Progress) -> Self:
        """The same figures; only one size is in memory at a time, and the dicts of one group of images."""
        whole = evaluator({**detections.truth, "annotations": []}, [], region)
        sizes, kinds = list(whole.params.areaRng), list(range(1, len(detections.classes) + 1))
        shape = (len(whole.params.iouThrs), len(kinds), len(sizes), len(whole.params.maxDets))
        precision, recall = np.full((shape[0], len(whole.params.recThrs), *shape[1:]), -1.0), np.full(shape, -1.0)
        for at, size in enumerate(sizes):
            found: list[list[Any]] = [[] for _ in kinds]
            for part in in_parts(detections.truth, detections.predictions):
                matcher = evaluator(part.truth, part.predictions, region)
                matcher.separate_eval = True
                matcher.params.areaRng, matcher.params.areaRngLbl = [size], [SIZES[at]]
                matcher.evaluate()
                images = len(part.truth["images"])
                for number, of_class in enumerate(found):
                    of_class.extend(matcher._evalImgs_cpp[number * images : (number + 1) * images])
                progress(images)
            for number, of_class in enumerate(found):
                params = copy.copy(whole.params)
                params.areaRng, params.areaRngLbl, params.catIds = [size], [SIZES[at]], [kinds[number]]
                whole.params, whole._paramsEval, whole._evalImgs_cpp, whole.separate_eval = (
                    params,
                    params,
                    of_class,
                    True,
                )
                whole.accumulate()
                precision[:, :, number, at] = whole.eval["precision"][:, :, 0, 0]
                recall[:, number, at] = whole.eval["recall"][:, 0, 0]
                of_class.clear()
        whole.eval.update(precision=precision, recall=recall)
        params = copy.copy(whole.params)
        params.areaRng, params.areaRngLbl, params.catIds = sizes, list(SIZES), kinds
        whole.params = params
        whole.summarize()
        return cls._read(whole)

    @classmethod
    def _read(cls, protocol: Any) -> Self:
        stats = zip(SUMMARY, protocol.stats, strict=True)
        return cls(
            summary={name: None if value < 0 else float(value) for name, value in stats},
            precision=protocol.eval["precision"],
            recall=protocol.eval["recall"],
        )

    def ap(self, number: int, size: str = "all", iou: slice = slice(None)) -> float | None:
        """Average precision of a class."""
        return _mean(self.precision[iou, :, number, SIZES.index(size), -1])

    def ar(self, number: int) -> float | None:
        """Average recall of a class, with at most 100 predictions per image."""
        return _mean(self.recall[:, number, 0, -1])


def _class_figures(name: str, number: int, protocol: Protocol, counts: ClassCounts, outcome: Outcome) -> ClassFigures:
    of_class = outcome.class_of == number
    tp, fp, truths = (int(part.sum()) for part in (counts.hits, counts.spurious, counts.truths))
    best_f1, best_confidence = _best_f1(outcome.score[of_class], outcome.right[of_class], truths)
    return ClassFigures(
        name=name,
        truths=truths,
        predictions=int(of_class.sum()),
        ap=protocol.ap(number),
        ap50=protocol.ap(number, iou=slice(0, 1)),
        ap75=protocol.ap(number, iou=slice(5, 6)),
        ap_small=protocol.ap(number, "small"),
        ap_medium=protocol.ap(number, "medium"),
        ap_large=protocol.ap(number, "large"),
        ar=protocol.ar(number),
        true_positives=tp,
        false_positives=fp,
        false_negatives=truths - tp,
        precision=counts.precision(),
        recall=counts.recall(),
        f1=counts.f1(),
        best_f1=best_f1,
        best_confidence=best_confidence,
        why=None if truths else NO_TRUTH,
    )


def _best_f1(score: NDArray[np.float64], right: NDArray[np.bool_], truths: int) -> tuple[float | None, float | None]:
    if not truths or not score.size:
        return None, None
    order = np.argsort(-score, kind="stable")
    kept = np.arange(1, score.size + 1)
    f1 = 2 * np.cumsum(right[order]) / (kept + truths)
    # Predictions of equal confidence are kept or dropped together.
    last_of_equals = np.append(np.diff(score[order]) != 0, True)
    best = int(np.argmax(np.where(last_of_equals, f1, -1)))
    return float(f1[best]), float(score[order[best]])


def _confusion(
    detections: Detections, outcome: Outcome, region: RegionKind, iou: float, confidence: float
) -> PredictionConfusion:
    none = len(detections.classes)
    cells = np.zeros((none + 1, none + 1), dtype=int)
    seen = outcome.score >= confidence
    hit = outcome.class_of[outcome.right & seen]
    np.add.at(cells, (hit, hit), 1)

    annotations = [detections.truth["annotations"][at] for at in outcome.truth_at[outcome.truth_score < confidence]]
    predictions = PackedResults.of(detections.predictions).where(outcome.prediction_at[~outcome.right & seen])
    mistaken = matched_across_classes(detections.truth, annotations, predictions, region, iou)
    true_class, given_class = numbers(annotations, "category_id"), numbers(predictions, "category_id")
    wrong = mistaken >= 0
    np.add.at(cells, (true_class[mistaken[wrong]], given_class[wrong]), 1)
    cells[:, none] += np.bincount(np.delete(true_class, mistaken[wrong]), minlength=none + 1)
    cells[none, :] += np.bincount(given_class[~wrong], minlength=none + 1)
    return PredictionConfusion(names=detections.classes, cells=tuple(map(tuple, cells.tolist())))


def _calibration(outcome: Outcome, bins: int = 10) -> Calibration:
    score, right = outcome.score, outcome.right
    if not score.size:
        return Calibration((), None, "no predictions")
    if score.min() < 0 or score.max() > 1:
        return Calibration((), None, "confidences are not in [0, 1]")
    at = np.minimum((score * bins).astype(int), bins - 1)
    counts = np.bincount(at, minlength=bins)
    confidence = np.bincount(at, score, minlength=bins)
    hits = np.bincount(at, right, minlength=bins)
    error = float(np.abs(confidence - hits).sum() / score.size)
    return Calibration(
        bins=tuple(
            CalibrationBin(
                low=number / bins,
                high=(number + 1) / bins,
                predictions=int(count),
                confidence=_ratio(confidence[number], count),
                precision=_ratio(hits[number], count),
            )
            for number, count in enumerate(counts)
        ),
        error=error,
        why=None,
    )


def _mean(values: NDArray[np.float64]) -> float | None:
    applicable = values[values > -1]
    return float(applicable.mean()) if applicable.size else None


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None
