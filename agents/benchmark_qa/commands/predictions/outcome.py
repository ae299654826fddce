"""The outcome of each object and each prediction after matching by `faster-coco-eval`."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.commands.predictions.detections import Detections, PredictionInputError, RegionKind, box_around
from benchmark_qa.commands.predictions.result import PackedResults
from benchmark_qa.stats.intervals import Interval, ratio_interval


class EvaluatorMissingError(RuntimeError):
    """The library that evaluates predictions is not installed."""

    def __init__(self) -> None:
        super().__init__("evaluating predictions needs faster-coco-eval: pip install '.[predictions]' in a checkout")


def evaluator(truth: Mapping[str, Any], predictions: Sequence[Mapping[str, Any]], region: RegionKind) -> Any:
    """A `COCOeval` over truth and predictions; works on copies, since the library writes into its input."""
    library = _library()
    known = library.COCO({**truth, "annotations": [dict(annotation) for annotation in truth["annotations"]]})
    results = with_boxes(predictions) if region == "bbox" else _with_areas(predictions, truth)
    if region == "bbox":
        for result in results:  # else the library draws an outline of each box, which nothing here looks at
            result["segmentation"] = _NOTHING_DRAWN
    return library.COCOeval_faster(known, known.loadRes(results), iouType=region)


_NOTHING_DRAWN: list[list[float]] = []


def encoded(pixels: NDArray[np.uint8]) -> dict[str, Any]:
    """COCO's run-length encoding of a mask of zeros and ones, shape (height, width)."""
    encoding = _library().mask.encode(np.asfortranarray(pixels))
    counts = encoding["counts"]
    return {"size": list(encoding["size"]), "counts": counts.decode() if isinstance(counts, bytes) else counts}


def mask_of_rings(
    rings: Sequence[Sequence[float]], holes: Sequence[Sequence[float]], height: int, width: int
) -> dict[str, Any]:
    """The area of polygons [x, y, x, y, ...] in pixels, without their holes, run-length encoded."""
    mask = _library().mask
    inside = mask.decode(mask.merge(mask.frPyObjects(list(rings), height, width)))
    outside = mask.decode(mask.merge(mask.frPyObjects(list(holes), height, width)))
    return encoded(inside & (1 - outside))


def mask_area(encoding: Mapping[str, Any]) -> float:
    """Number of pixels in the mask."""
    return float(_library().mask.area(_compressed(encoding)))


def mask_box(encoding: Mapping[str, Any]) -> list[float]:
    """The bounding box [x, y, width, height] of the mask."""
    return [float(value) for value in _library().mask.toBbox(_compressed(encoding))]


def _compressed(encoding: Mapping[str, Any]) -> Mapping[str, Any]:
    """The mask with its runs as a string, the only form that most of the library accepts."""
    if isinstance(encoding["counts"], str):
        return encoding
    compressed: Mapping[str, Any] = _library().mask.frPyObjects(dict(encoding), *encoding["size"])
    return compressed


def _library() -> Any:
    try:
        import faster_coco_eval  # type: ignore[import-untyped]
    except ImportError:
        raise EvaluatorMissingError from None
    return faster_coco_eval


def with_boxes(predictions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every prediction with a box; a missing one is drawn around its polygons or its mask."""
    boxed = []
    for prediction in predictions:
        item = dict(prediction)
        if "bbox" not in item:
            region = item["segmentation"]
            item["bbox"] = box_around(region) if isinstance(region, list) else mask_box(region)
        boxed.append(item)
    return boxed


def _with_areas(predictions: Sequence[Mapping[str, Any]], truth: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every prediction in the protocol's form: with boxes (whose area gives its size), or as bare masks."""
    if all("bbox" in prediction for prediction in predictions):
        return [dict(prediction) for prediction in predictions]
    mask = _library().mask
    sizes = {image["id"]: (image["height"], image["width"]) for image in truth["images"]}
    masked = []
    for prediction in predictions:
        region = prediction["segmentation"]
        if isinstance(region, list):
            region = mask.merge(mask.frPyObjects(region, *sizes[prediction["image_id"]]))
        else:
            region = _compressed(region)
        bare = {key: value for key, value in prediction.items() if key != "bbox"}
        masked.append({**bare, "segmentation": region})
    return masked


@dataclass(frozen=True, eq=False)
class Outcome:
    """Objects and predictions after matching by class; crowd regions and their predictions left out.

    Arrays that begin with `truth_` have one entry per object, shape (n,), the others one per prediction, (m,).
    """

    truth_at: NDArray[np.int64]
    """Index into the truth's annotations."""
    truth_class: NDArray[np.int64]
    """Class number from 0."""
    truth_image: NDArray[np.int64]
    """Image number from 0."""
    truth_score: NDArray[np.float64]
    """Confidence of the prediction that matches the object, -inf if there is none."""
    prediction_at: NDArray[np.int64]
    """Index into the predictions."""
    class_of: NDArray[np.int64]
    image_of: NDArray[np.int64]
    score: NDArray[np.float64]
    """Confidence."""
    right: NDArray[np.bool_]
    """Whether the prediction matches an object."""

    @classmethod
    def of(cls, detections: Detections, region: RegionKind, iou: float) -> Self:
        """Match predictions and objects of one class, in descending order of confidence, at one IoU.

        Raises:
            PredictionInputError: an object has no area to compare, or `iou` is out of range.
        """
        if region == "segm":
            detections.require_areas()
        if not 0 < iou <= 1:
            raise PredictionInputError("iou", f"must be in (0, 1], not {iou}")
        annotations, predictions = detections.truth["annotations"], detections.predictions
        matched = _matched(detections.truth, predictions, region, iou)
        right = matched >= 0
        crowd = np.array([annotation["iscrowd"] for annotation in annotations], dtype=bool)
        in_crowd = np.zeros(len(predictions), dtype=bool)
        in_crowd[right] = crowd[matched[right]]
        score = PackedResults.of(predictions).score
        found_with = np.full(len(annotations), -np.inf)
        found_with[matched[right]] = score[right]
        counted, real = np.flatnonzero(~in_crowd), np.flatnonzero(~crowd)
        return cls(
            truth_at=real,
            truth_class=numbers(annotations, "category_id")[real],
            truth_image=numbers(annotations, "image_id")[real],
            truth_score=found_with[real],
            prediction_at=counted,
            class_of=numbers(predictions, "category_id")[counted],
            image_of=numbers(predictions, "image_id")[counted],
            score=score[counted],
            right=right[counted],
        )


def matched_across_classes(
    truth: Mapping[str, Any],
    annotations: Sequence[Mapping[str, Any]],
    predictions: Sequence[Mapping[str, Any]],
    region: RegionKind,
    iou: float,
) -> NDArray[np.int64]:
    """For each prediction the index of the annotation that it matches, ignoring classes; else -1."""
    kinds = [{"id": 1, "name": "any"}]
    listed = [{**annotation, "id": number, "category_id": 1} for number, annotation in enumerate(annotations, start=1)]
    one_class = {"images": truth["images"], "categories": kinds, "annotations": listed}
    return _matched(one_class, PackedResults.of(predictions).renamed(lambda own: own, lambda _: 1), region, iou)


def numbers(items: Sequence[Mapping[str, Any]], key: str) -> NDArray[np.int64]:
    """Class or image numbers, from 0."""
    if isinstance(items, PackedResults):
        return items.numbers(key) - 1
    return np.array([item[key] - 1 for item in items], dtype=np.int64)


def _matched(
    truth: Mapping[str, Any], predictions: Sequence[Mapping[str, Any]], region: RegionKind, iou: float
) -> NDArray[np.int64]:
    matched = np.full(len(predictions), -1)
    for part in in_parts(truth, predictions):
        found = _matched_at_once(part.truth, part.predictions, region, iou)
        matched[part.prediction_at] = np.append(part.annotation_at, -1)[found]  # -1 is the last: no annotation
    return matched


def _matched_at_once(
    truth: Mapping[str, Any], predictions: Sequence[Mapping[str, Any]], region: RegionKind, iou: float
) -> NDArray[np.int64]:
    matched = np.full(len(predictions), -1)
    if not predictions or not truth["annotations"]:
        return matched
    matcher = evaluator(truth, predictions, region)
    matcher.params.iouThrs = np.array([iou])
    matcher.params.areaRng, matcher.params.areaRngLbl = [[0, 1e10]], ["all"]
    # Not more than the fullest image has: the library reserves this many places for every image.
    matcher.params.maxDets = [most_on_an_image(predictions)]
    matcher.evaluate()
    matcher.accumulate()
    for pair in matcher.eval["matched"]:
        prediction, annotation = pair.split("_")
        matched[int(prediction) - 1] = int(annotation) - 1
    return matched


AT_ONCE = 200_000
"""Predictions that the library gets at once: some 2 KB of memory each."""


@dataclass(frozen=True, eq=False)
class Part:
    """Some of the images with everything on them."""

    truth: Mapping[str, Any]
    predictions: Sequence[Mapping[str, Any]]
    annotation_at: NDArray[np.int64]
    """Index of each of its annotations in the whole"""
    prediction_at: NDArray[np.int64]


def in_parts(truth: Mapping[str, Any], predictions: Sequence[Mapping[str, Any]]) -> Iterator[Part]:
    """Truth and predictions by groups of images, `AT_ONCE` predictions at most or one image; in the order of images."""
    annotations = truth["annotations"]
    if len(predictions) <= AT_ONCE:
        yield Part(truth, predictions, np.arange(len(annotations)), np.arange(len(predictions)))
        return
    ids = np.array([image["id"] for image in truth["images"]], np.int64)
    order = np.argsort(ids, kind="stable")
    sides = [_by_image(numbers(items, "image_id") + 1, ids[order]) for items in (annotations, predictions)]
    (truths, first_truth), (given, first_given) = sides
    start = 0
    while start < len(ids):
        end = max(int(np.searchsorted(first_given, first_given[start] + AT_ONCE, side="right")) - 1, start + 1)
        annotation_at = np.sort(truths[first_truth[start] : first_truth[end]])
        prediction_at = np.sort(given[first_given[start] : first_given[end]])
        listed = [{**annotations[at], "id": number} for number, at in enumerate(annotation_at.tolist(), start=1)]
        images = [truth["images"][at] for at in order[start:end].tolist()]
        some = PackedResults.of(predictions).where(prediction_at)
        yield Part({**truth, "images": images, "annotations": listed}, some, annotation_at, prediction_at)
        start = end


def _by_image(image: NDArray[np.int64], ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of items in the order of their images, and where each image begins (n + 1,)."""
    place = np.searchsorted(ids, image)
    return np.argsort(place, kind="stable"), np.searchsorted(np.sort(place), np.arange(len(ids) + 1))


def most_on_an_image(items: Sequence[Mapping[str, Any]]) -> int:
    """The number of objects or predictions of one class on the fullest image."""
    return int(most_by_image(items).max(initial=0))


def most_by_image(items: Sequence[Mapping[str, Any]]) -> NDArray[np.int64]:
    """How many objects or predictions there are, for each pair of image and class that has some."""
    pairs = (numbers(items, "image_id") << 32) + numbers(items, "category_id")
    counts: NDArray[np.int64] = np.unique(pairs, return_counts=True)[1]
    return counts


NO_TRUTH = "no ground truth of this class"


@dataclass(frozen=True, eq=False)
class ClassCounts:
    """Counts of one class at one confidence; each array has one entry per cluster of images, shape (c,)."""

    hits: NDArray[np.int64]
    spurious: NDArray[np.int64]
    truths: NDArray[np.int64]

    @classmethod
    def of(cls, outcome: Outcome, number: int, confidence: float, clusters: NDArray[np.int64]) -> Self:
        """Count one class; `clusters` gives the cluster number of each image, from 0."""
        of_class = (outcome.class_of == number) & (outcome.score >= confidence)
        size = int(clusters.max(initial=-1)) + 1
        count = functools.partial(np.bincount, minlength=size)
        return cls(
            hits=count(clusters[outcome.image_of[of_class & outcome.right]]),
            spurious=count(clusters[outcome.image_of[of_class & ~outcome.right]]),
            truths=count(clusters[outcome.truth_image[outcome.truth_class == number]]),
        )

    def only(self, kept: NDArray[np.bool_]) -> "ClassCounts":
        """The counts of some of the clusters (c,)."""
        return ClassCounts(self.hits[kept], self.spurious[kept], self.truths[kept])

    def precision(self) -> Interval:
        """TP / (TP + FP)."""
        return self._ratio(self.hits, self.hits + self.spurious, "no predictions of this class")

    def recall(self) -> Interval:
        """TP / (TP + FN)."""
        return self._ratio(self.hits, self.truths, NO_TRUTH)

    def f1(self) -> Interval:
        """2 TP / (2 TP + FP + FN)."""
        return self._ratio(2 * self.hits, self.hits + self.spurious + self.truths, NO_TRUTH)

    def _ratio(self, part: NDArray[np.int64], whole: NDArray[np.int64], empty: str) -> Interval:
        if not self.truths.sum():
            return Interval.not_applicable(NO_TRUTH)
        return ratio_interval(part, whole) if whole.sum() else Interval.not_applicable(empty)
