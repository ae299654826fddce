"""The COCO protocol through `faster-coco-eval`, and what people ask beside it: F1, confusion, calibration.

The protocol: https://cocodataset.org/#detection-eval. Agrees with `pycocotools.cocoeval.COCOeval`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.scoring.predictions.coco import Detections, PredictionInputError, Region
from agents.scoring.predictions.library import evaluator
from agents.scoring.predictions.result import (
    Calibration,
    CalibrationBin,
    ClassFigures,
    Confusion,
    PredictionScore,
)

SUMMARY = (
    "AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large",
    "AR1", "AR10", "AR100", "AR_small", "AR_medium", "AR_large",
)  # fmt: skip
"""The twelve figures of the protocol in the order of `COCOeval.stats`."""
SIZES = ("all", "small", "medium", "large")
"""Of ground truth objects, in pixels squared: small below 32^2, large from 96^2."""


def evaluate_predictions(
    detections: Detections, *, region: Region = "bbox", iou: float = 0.5, confidence: float = 0.5
) -> PredictionScore:
    """Evaluate predictions by the COCO protocol, and at one confidence and IoU by F1, precision and recall.

    Args:
        detections: truth and predictions.
        region: compare boxes, or areas (polygons and masks), which every object must then have.
        iou: from which overlap a prediction is right, for everything but the figures of the protocol.
        confidence: which predictions a user of the model would see, for F1, precision, recall and confusion.

    Raises:
        EvaluatorMissingError: the extra `predictions` is not installed.
        PredictionInputError: an object has no area to compare, or `iou` or `confidence` is out of range.
    """
    if region == "segm":
        detections.require_areas()
    if not 0 < iou <= 1:
        raise PredictionInputError("iou", f"must be in (0, 1], not {iou}")
    protocol = _protocol(detections, region)
    outcome = _Outcome.of(detections, _matches(detections.truth, detections.predictions, region, iou))
    classes = tuple(
        _class_figures(name, number, protocol, outcome, confidence) for number, name in enumerate(detections.classes)
    )
    f1s = [figures.f1 for figures in classes if figures.f1 is not None]
    ranked = [(figures.ap, figures.name) for figures in classes if figures.ap is not None]
    crowd = sum(annotation["iscrowd"] for annotation in detections.truth["annotations"])
    return PredictionScore(
        region=region,
        iou=iou,
        confidence=confidence,
        images=len(detections.images),
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
    )


@dataclass(frozen=True, eq=False)
class _Protocol:
    summary: Mapping[str, float | None]
    precision: NDArray[np.float64]
    """Shape (10 IoUs, 101 recalls, classes, 4 sizes, 3 limits), -1 where there is no ground truth."""
    recall: NDArray[np.float64]
    """Shape (10 IoUs, classes, 4 sizes, 3 limits), -1 where there is no ground truth."""

    def ap(self, number: int, size: str = "all", iou: slice = slice(None)) -> float | None:
        return _mean(self.precision[iou, :, number, SIZES.index(size), -1])

    def ar(self, number: int) -> float | None:
        return _mean(self.recall[:, number, 0, -1])


@dataclass(frozen=True, eq=False)
class _Outcome:
    """What became of each object and prediction, matched within its class; crowd regions left out."""

    truth_class: NDArray[np.int64]
    """Shape (n,), class numbers from 0."""
    truth_score: NDArray[np.float64]
    """Shape (n,): the confidence of the prediction that matches the object, -inf where none does."""
    truth_at: NDArray[np.int64]
    """Shape (n,): position in the truth's annotations."""
    class_of: NDArray[np.int64]
    """Shape (m,): class number of each prediction."""
    score: NDArray[np.float64]
    right: NDArray[np.bool_]
    prediction_at: NDArray[np.int64]
    """Shape (m,): position in the predictions."""

    @classmethod
    def of(cls, detections: Detections, matches: Mapping[int, int]) -> "_Outcome":
        annotations, predictions = detections.truth["annotations"], detections.predictions
        crowd = np.array([annotation["iscrowd"] for annotation in annotations], dtype=bool)
        matched = np.full(len(predictions), -1)
        matched[np.fromiter(matches.keys(), int, len(matches))] = np.fromiter(matches.values(), int, len(matches))
        right = matched >= 0
        in_crowd = np.zeros(len(predictions), dtype=bool)
        in_crowd[right] = crowd[matched[right]]
        score = np.array([prediction["score"] for prediction in predictions], dtype=np.float64)
        found_with = np.full(len(annotations), -np.inf)
        found_with[matched[right]] = score[right]
        counted, real = np.flatnonzero(~in_crowd), np.flatnonzero(~crowd)
        return cls(
            truth_class=_class_numbers(annotations)[real],
            truth_score=found_with[real],
            truth_at=real,
            class_of=_class_numbers(predictions)[counted],
            score=score[counted],
            right=right[counted],
            prediction_at=counted,
        )


def _class_numbers(items: Sequence[Mapping[str, Any]]) -> NDArray[np.int64]:
    return np.array([item["category_id"] - 1 for item in items], dtype=np.int64)


def _class_figures(name: str, number: int, protocol: _Protocol, outcome: _Outcome, confidence: float) -> ClassFigures:
    of_class = outcome.class_of == number
    score, right = outcome.score[of_class], outcome.right[of_class]
    truths = int((outcome.truth_class == number).sum())
    seen = score >= confidence
    tp = int((right & seen).sum())
    fp = int((~right & seen).sum())
    best_f1, best_confidence = _best_f1(score, right, truths)
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
        precision=_ratio(tp, tp + fp) if truths else None,
        recall=_ratio(tp, truths),
        f1=_ratio(2 * tp, tp + fp + truths) if truths else None,
        best_f1=best_f1,
        best_confidence=best_confidence,
        why=None if truths else "no ground truth of this class",
    )


def _best_f1(score: NDArray[np.float64], right: NDArray[np.bool_], truths: int) -> tuple[float | None, float | None]:
    if not truths or not score.size:
        return None, None
    order = np.argsort(-score, kind="stable")
    kept = np.arange(1, score.size + 1)
    f1 = 2 * np.cumsum(right[order]) / (kept + truths)
    # Predictions of equal confidence stay or go together.
    last_of_equals = np.append(np.diff(score[order]) != 0, True)
    best = int(np.argmax(np.where(last_of_equals, f1, -1)))
    return float(f1[best]), float(score[order[best]])


def _confusion(detections: Detections, outcome: _Outcome, region: Region, iou: float, confidence: float) -> Confusion:
    none = len(detections.classes)
    cells = np.zeros((none + 1, none + 1), dtype=int)
    seen = outcome.score >= confidence
    hit = outcome.class_of[outcome.right & seen]
    np.add.at(cells, (hit, hit), 1)

    truth_left = outcome.truth_at[~(outcome.truth_score >= confidence)]
    spare = outcome.prediction_at[~outcome.right & seen]
    annotations = [detections.truth["annotations"][at] for at in truth_left]
    predictions = [detections.predictions[at] for at in spare]
    mistaken = _matches_across_classes(detections.truth, annotations, predictions, region, iou)
    truth_class, spare_class = _class_numbers(annotations), _class_numbers(predictions)
    for prediction, annotation in mistaken.items():
        cells[truth_class[annotation], spare_class[prediction]] += 1
    missing = np.delete(truth_class, list(mistaken.values()))
    spurious = np.delete(spare_class, list(mistaken.keys()))
    cells[:, none] += np.bincount(missing, minlength=none + 1)
    cells[none, :] += np.bincount(spurious, minlength=none + 1)
    return Confusion(names=detections.classes, cells=tuple(map(tuple, cells.tolist())))


def _matches_across_classes(
    truth: Mapping[str, Any],
    annotations: Sequence[Mapping[str, Any]],
    predictions: Sequence[Mapping[str, Any]],
    region: Region,
    iou: float,
) -> dict[int, int]:
    one_class = {**truth, "categories": [{"id": 1, "name": "any"}]}
    one_class["annotations"] = [
        {**annotation, "id": number, "category_id": 1} for number, annotation in enumerate(annotations, start=1)
    ]
    return _matches(one_class, [{**prediction, "category_id": 1} for prediction in predictions], region, iou)


def _calibration(outcome: _Outcome, bins: int = 10) -> Calibration:
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


def _protocol(detections: Detections, region: Region) -> _Protocol:
    protocol = evaluator(detections.truth, detections.predictions, region)
    protocol.run()
    return _Protocol(
        summary={
            name: None if value < 0 else float(value) for name, value in zip(SUMMARY, protocol.stats, strict=True)
        },
        precision=protocol.eval["precision"],
        recall=protocol.eval["recall"],
    )


def _matches(
    truth: Mapping[str, Any], predictions: Sequence[Mapping[str, Any]], region: Region, iou: float
) -> dict[int, int]:
    """Positions of matched predictions and of their annotations: within a class and image, by confidence."""
    if not predictions or not truth["annotations"]:
        return {}
    matcher = evaluator(truth, predictions, region)
    matcher.params.iouThrs = np.array([iou])
    matcher.params.areaRng, matcher.params.areaRngLbl = [[0, 1e10]], ["all"]
    matcher.params.maxDets = [len(predictions)]
    matcher.evaluate()
    matcher.accumulate()
    pairs = (key.split("_") for key in matcher.eval["matched"])
    return {int(prediction) - 1: int(annotation) - 1 for prediction, annotation in pairs}


def _mean(values: NDArray[np.float64]) -> float | None:
    applicable = values[values > -1]
    return float(applicable.mean()) if applicable.size else None


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None
