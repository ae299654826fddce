"""Predictions judged side by side with `pycocotools.COCOeval`, and what the figures mean."""

import contextlib
import copy
import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from benchmark_qa.commands.predictions.detections import Detections, PredictionInputError
from benchmark_qa.commands.predictions.evaluation import evaluate_predictions
from benchmark_qa.commands.predictions.result import PredictionScore

SIDE = 400
CLASSES = ("person", "bicycle", "never in the truth", "never predicted")
TINY, MEDIUM, LARGE = (8, 30), (40, 90), (110, 250)

Truth = dict[str, Any]
Results = list[dict[str, Any]]


# --- data of our own making: every size, crowd regions, empty images, classes without truth ------------------


def dataset(seed: int, *, images: int = 25, masks: bool = False) -> tuple[Truth, Results]:
    """Boxes of all three sizes, with crowd regions, images without objects, and predictions of all kinds."""
    random = np.random.default_rng(seed)
    annotations: list[dict[str, Any]] = []
    results: Results = []
    for image in range(images):
        for _ in range(random.integers(0, 8) if image % 4 else 0):
            box, category = any_box(random), int(random.choice([0, 1, 3]))
            crowd = bool(random.random() < 0.15)
            area = box[2] * box[3] * float(random.uniform(0.6, 1.0))
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": category, "bbox": box}
                | {"area": area, "iscrowd": int(crowd)}
            )
            for _ in range(random.integers(0, 4) if category != 3 else 0):
                shaken = [max(1.0, value + float(random.normal(0, box[2] / 12))) for value in box]
                given = int(random.choice([category, category, category, 0, 1]))
                results.append(result(image, given, shaken, random))
        for _ in range(random.integers(0, 3)):
            results.append(result(image, int(random.choice([0, 1, 2])), any_box(random), random))
    truth = {
        "images": [{"id": image, "width": SIDE, "height": SIDE} for image in range(images)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(CLASSES)],
        "annotations": annotations,
    }
    if masks:
        truth["annotations"] = [masked(item) for item in annotations]
        results = [
            {key: value for key, value in masked(item).items() if key not in ("bbox", "area")} for item in results
        ]
    return truth, results


def any_box(random: np.random.Generator) -> list[float]:
    low, high = [TINY, MEDIUM, LARGE][random.integers(3)]
    width, height = random.uniform(low, high, 2)
    return [
        float(random.uniform(0, SIDE - width)),
        float(random.uniform(0, SIDE - height)),
        float(width),
        float(height),
    ]


def result(image: int, category: int, box: list[float], random: np.random.Generator) -> dict[str, Any]:
    # Rounded, so that equal confidences happen.
    return {"image_id": image, "category_id": category, "bbox": box, "score": round(float(random.random()), 2)}


def masked(item: dict[str, Any]) -> dict[str, Any]:
    """The ellipse in the box, as a run-length encoded mask."""
    x, y, width, height = item["bbox"]
    rows, cols = np.mgrid[:SIDE, :SIDE]
    inside = ((cols - x - width / 2) / (width / 2)) ** 2 + ((rows - y - height / 2) / (height / 2)) ** 2 <= 1
    encoded = coco_mask.encode(np.asfortranarray(inside.astype(np.uint8)))
    area = float(coco_mask.area(encoded))
    return {**item, "segmentation": {**encoded, "counts": encoded["counts"].decode()}, "area": area}


# --- the reference -----------------------------------------------------------------------------------------


def reference(truth: Truth, results: Results, region: str = "bbox", **params: Any) -> COCOeval:
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        known.dataset = copy.deepcopy(truth)
        for number, annotation in enumerate(known.dataset["annotations"], start=1):
            annotation["id"] = number
        known.createIndex()
        evaluator = COCOeval(known, known.loadRes(copy.deepcopy(results)), region)
        for name, value in params.items():
            setattr(evaluator.params, name, value)
        evaluator.evaluate()
        evaluator.accumulate()
        if not params:
            evaluator.summarize()
    return evaluator


def mean_or_none(values: NDArray[np.float64]) -> float | None:
    applicable = values[values > -1]
    return float(applicable.mean()) if applicable.size else None


def assert_follows_the_protocol(truth: Truth, results: Results, region: Any = "bbox") -> PredictionScore:
    ours = evaluate_predictions(Detections.from_coco(truth, results), region=region)
    theirs = reference(truth, results, region)
    assert list(ours.summary.values()) == [
        None if value < 0 else pytest.approx(value, abs=1e-12) for value in theirs.stats
    ]
    precision, recall = theirs.eval["precision"], theirs.eval["recall"]
    for number, figures in enumerate(ours.classes):
        expected = {
            "ap": precision[:, :, number, 0, 2],
            "ap50": precision[0, :, number, 0, 2],
            "ap75": precision[5, :, number, 0, 2],
            "ap_small": precision[:, :, number, 1, 2],
            "ap_medium": precision[:, :, number, 2, 2],
            "ap_large": precision[:, :, number, 3, 2],
            "ar": recall[:, number, 0, 2],
        }
        for name, values in expected.items():
            value = mean_or_none(values)
            assert getattr(figures, name) == (None if value is None else pytest.approx(value, abs=1e-12)), name
    assert_counts_agree(ours, truth, results, region)
    return ours


def assert_counts_agree(ours: PredictionScore, truth: Truth, results: Results, region: str) -> None:
    """Counts at one confidence, from the matches that COCOeval keeps of every image and class."""
    theirs = reference(
        truth, results, region, iouThrs=np.array([ours.iou]), areaRng=[[0, 1e10]], areaRngLbl=["all"], maxDets=[10_000]
    )
    counts = {category: [0, 0, 0] for category in theirs.params.catIds}
    for image in filter(None, theirs.evalImgs):
        score = np.array(image["dtScores"])
        seen = (score >= ours.confidence) & ~np.array(image["dtIgnore"][0], dtype=bool)
        hit = np.array(image["dtMatches"][0]) > 0
        counts[image["category_id"]][0] += int((seen & hit).sum())
        counts[image["category_id"]][1] += int((seen & ~hit).sum())
        counts[image["category_id"]][2] += int((np.array(image["gtIgnore"]) == 0).sum())
    for (tp, fp, truths), figures in zip(counts.values(), ours.classes, strict=True):
        assert (figures.true_positives, figures.false_positives, figures.truths) == (tp, fp, truths)
        assert figures.false_negatives == truths - tp
        assert figures.recall.estimate == (tp / truths if truths else None)
        assert figures.precision.estimate == (tp / (tp + fp) if truths and tp + fp else None)


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_a_size_without_truth_is_not_applicable(size: str) -> None:
    truth, results = dataset(1)
    low, high = {"small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e10)}[size]
    truth["annotations"] = [item for item in truth["annotations"] if not low <= item["area"] <= high]
    ours = assert_follows_the_protocol(truth, results)
    assert ours.summary[f"AP_{size}"] is None
    assert ours.summary[f"AR_{size}"] is None
    assert ours.summary["AP"] is not None


def test_objects_on_the_border_of_two_sizes_count_as_in_cocoeval() -> None:
    truth, results = dataset(4)
    for item, side in zip(truth["annotations"], (32, 96, 32, 96), strict=False):
        item |= {"area": float(side**2), "iscrowd": 0}
    ours = assert_follows_the_protocol(truth, results)
    assert ours.summary["AP_medium"] is not None


@pytest.mark.parametrize("kept", ["nothing but crowd regions", "no object at all", "one class of four"])
def test_sparse_truth_scores_as_in_cocoeval(kept: str) -> None:
    truth, results = dataset(6)
    wanted = {
        "nothing but crowd regions": lambda item: item["iscrowd"],
        "no object at all": lambda item: False,
        "one class of four": lambda item: item["category_id"] == 1,
    }[kept]
    truth["annotations"] = [item for item in truth["annotations"] if wanted(item)]
    ours = assert_follows_the_protocol(truth, results)
    without = [figures for figures in ours.classes if not figures.truths]
    assert len(without) == (3 if kept == "one class of four" else 4)
    for figures in without:
        assert (figures.ap, figures.ar, figures.recall.estimate, figures.f1.estimate) == (None, None, None, None)
        assert figures.why == "no ground truth of this class"


def test_more_than_100_predictions_in_an_image_are_cut_as_in_cocoeval() -> None:
    random = np.random.default_rng(0)
    truth, _ = dataset(0, images=2)
    assert_follows_the_protocol(truth, [result(1, 0, any_box(random), random) for _ in range(150)])


# --- what the figures mean ---------------------------------------------------------------------------------


def scene(*predicted: tuple[str, list[float], float]) -> tuple[Truth, Results]:
    """One person and one bicycle in two images (the second empty); predictions on the first."""
    truth = {
        "images": [{"id": "a", "width": 100, "height": 100}, {"id": "b", "width": 100, "height": 100}],
        "categories": [{"id": 7, "name": "person"}, {"id": 9, "name": "bicycle"}, {"id": 11, "name": "boat"}],
        "annotations": [
            {"id": 0, "image_id": "a", "category_id": 7, "bbox": [0, 0, 10, 10]},
            {"id": 1, "image_id": "a", "category_id": 9, "bbox": [50, 50, 20, 20]},
        ],
    }
    ids = {"person": 7, "bicycle": 9, "boat": 11}
    return truth, [
        {"image_id": "a", "category_id": ids[name], "bbox": box, "score": score} for name, box, score in predicted
    ]


def judge(*predicted: tuple[str, list[float], float], **options: Any) -> PredictionScore:
    return evaluate_predictions(Detections.from_coco(*scene(*predicted)), **options)


def test_a_perfect_model_scores_one() -> None:
    score = judge(("person", [0, 0, 10, 10], 0.9), ("bicycle", [50, 50, 20, 20], 0.8))
    applicable = [value for value in score.summary.values() if value is not None]
    assert applicable == pytest.approx([1.0] * 8)
    assert score.macro_f1 == 1
    assert score.confusion.cells == ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0))


def test_annotation_number_0_is_matched_like_any_other() -> None:
    # COCO evaluators read annotation id 0 as "no match"; scene() has such an id on its person.
    assert judge(("person", [0, 0, 10, 10], 0.9)).classes[0].true_positives == 1


def test_a_class_without_truth_is_not_applicable_and_a_class_without_predictions_scores_zero() -> None:
    score = judge(("boat", [0, 0, 10, 10], 0.9), ("person", [0, 0, 10, 10], 0.9))
    person, bicycle, boat = score.classes
    assert (boat.ap, boat.recall.estimate, boat.precision.estimate, boat.f1.estimate, boat.best_f1) == (None,) * 5
    assert boat.f1.reason == "no ground truth of this class"
    assert boat.why == "no ground truth of this class"
    assert boat.false_positives == 1
    assert (bicycle.ap, bicycle.recall.estimate, bicycle.f1.estimate) == (0, 0, 0)
    assert bicycle.precision.estimate is None
    assert bicycle.precision.reason == "no predictions of this class"
    assert (person.ap, person.f1.estimate) == (pytest.approx(1), 1)
    assert score.worst_class == "bicycle"
    assert score.macro_f1 == 0.5


def test_nothing_in_truth_and_predictions_is_not_applicable() -> None:
    truth, _ = scene()
    score = evaluate_predictions(Detections.from_coco({**truth, "annotations": []}, []))
    assert set(score.summary.values()) == {None}
    assert (score.macro_f1, score.worst_class, score.calibration.error) == (None, None, None)
    assert score.calibration.why == "no predictions"
    assert "AP n/a" in str(score)


def test_a_prediction_in_a_crowd_region_counts_nowhere() -> None:
    truth, results = scene(("person", [0, 0, 10, 10], 0.9), ("person", [85, 85, 10, 10], 0.8))
    crowd = {"id": 5, "image_id": "a", "category_id": 7, "bbox": [80, 80, 20, 20], "iscrowd": 1}
    truth["annotations"].append(crowd)
    score = evaluate_predictions(Detections.from_coco(truth, results))
    person = score.classes[0]
    assert (person.truths, person.predictions, person.precision.estimate, person.recall.estimate) == (1, 1, 1, 1)
    assert score.crowd_regions == 1
    assert score.calibration.error == pytest.approx(0.1)


def test_confidence_decides_what_is_seen_and_the_best_one_is_named() -> None:
    shots = (("person", [0, 0, 10, 10], 0.6), ("person", [30, 0, 10, 10], 0.4), ("person", [60, 0, 10, 10], 0.3))
    person = judge(*shots, confidence=0.35).classes[0]
    assert (person.true_positives, person.false_positives, person.precision.estimate, person.recall.estimate) == (
        1,
        1,
        0.5,
        1,
    )
    assert (person.best_f1, person.best_confidence) == (1, 0.6)
    assert judge(*shots, confidence=0.7).classes[0].recall.estimate == 0


def test_predictions_of_equal_confidence_stay_or_go_together() -> None:
    person = judge(("person", [0, 0, 10, 10], 0.6), ("person", [30, 0, 10, 10], 0.6)).classes[0]
    assert (person.best_f1, person.best_confidence) == (pytest.approx(2 / 3), 0.6)


def test_confusion_names_what_was_taken_for_what() -> None:
    score = judge(("bicycle", [0, 0, 10, 9], 0.9), ("person", [80, 0, 10, 10], 0.9))
    assert score.confusion.names == ("person", "bicycle", "boat")
    assert score.confusion.cells == ((0, 1, 0, 0), (0, 0, 0, 1), (0, 0, 0, 0), (1, 0, 0, 0))


def test_a_prediction_below_the_confidence_is_in_no_cell_of_the_confusion() -> None:
    score = judge(("bicycle", [0, 0, 10, 9], 0.2), ("person", [0, 0, 10, 10], 0.3), confidence=0.5)
    assert score.confusion.cells == ((0, 0, 0, 1), (0, 0, 0, 1), (0, 0, 0, 0), (0, 0, 0, 0))


@pytest.mark.parametrize("seed", range(3))
def test_the_confusion_adds_up(seed: int) -> None:
    truth, results = dataset(seed)
    score = evaluate_predictions(Detections.from_coco(truth, results), confidence=0.4)
    cells = np.array(score.confusion.cells)
    for number, figures in enumerate(score.classes):
        assert cells[number].sum() == figures.truths
        assert cells[number, number] == figures.true_positives
        assert cells[:, number].sum() == figures.true_positives + figures.false_positives


def test_calibration_is_worked_by_hand() -> None:
    # docs/metrics/predictions.md: one right of two at 0.9 and 0.95, one wrong at 0.15.
    score = judge(
        ("person", [0, 0, 10, 10], 0.95), ("person", [40, 0, 10, 10], 0.9), ("bicycle", [0, 60, 10, 10], 0.15)
    )
    assert score.calibration.error == pytest.approx((2 * abs(0.925 - 0.5) + 0.15) / 3)
    last = score.calibration.bins[-1]
    assert (last.low, last.high, last.predictions, last.confidence, last.precision) == (
        0.9,
        1.0,
        2,
        pytest.approx(0.925),
        0.5,
    )


def test_confidences_beyond_one_leave_calibration_out() -> None:
    score = judge(("person", [0, 0, 10, 10], 7.5))
    assert score.calibration.error is None
    assert score.calibration.why == "confidences are not in [0, 1]"
    assert score.summary["AP"] == pytest.approx(0.5)


def test_predictions_on_unknown_images_are_told_and_count_nowhere() -> None:
    truth, results = scene(("person", [0, 0, 10, 10], 0.9))
    stray = [{**results[0], "image_id": "z"}, {**results[0], "image_id": "z"}, {**results[0], "image_id": 4}]
    detections = Detections.from_coco(truth, [*stray, *results])
    assert detections.unmatched == ("z", 4)
    score = evaluate_predictions(detections)
    assert (score.unmatched_images, score.predictions, score.classes[0].precision.estimate) == (2, 1, 1)


def test_polygons_compare_as_areas() -> None:
    truth, results = scene(("person", [0, 0, 10, 10], 0.9))
    square = [[0.0, 0.0, 0.0, 10.0, 10.0, 10.0, 10.0, 0.0]]
    half = [[0.0, 0.0, 0.0, 10.0, 6.0, 10.0, 6.0, 0.0]]
    truth["annotations"] = [{**truth["annotations"][0], "segmentation": square}]
    drawn = [{key: value for key, value in results[0].items() if key != "bbox"} | {"segmentation": half}]
    score = evaluate_predictions(Detections.from_coco(truth, drawn), region="segm")
    assert score.summary["AP50"] == pytest.approx(1)
    assert score.summary["AP75"] == 0
    assert evaluate_predictions(Detections.from_coco(truth, drawn)).classes[0].true_positives == 1


def test_the_result_is_plain_json() -> None:
    score = judge(("person", [0, 0, 10, 10], 0.9))
    assert json.loads(json.dumps(score.to_dict(), allow_nan=False))["classes"][0]["name"] == "person"


def test_input_is_not_changed() -> None:
    truth, results = dataset(2, images=6, masks=True)
    before = copy.deepcopy((truth, results))
    for region in ("bbox", "segm"):
        evaluate_predictions(Detections.from_coco(truth, results), region=region)  # type: ignore[arg-type]
    assert (truth, results) == before


# --- broken input ------------------------------------------------------------------------------------------


def broken_truth() -> Iterator[tuple[str, Any, str]]:
    truth, _ = scene()
    first, second = truth["annotations"]
    yield "a list", [], "truth is not a COCO data set"
    yield "no images", {**truth, "images": None}, "truth has no list images"
    yield "image twice", {**truth, "images": truth["images"] * 2}, "truth.images[2] has the id 'a' of another one"
    yield "unnamed class", {**truth, "categories": [{"id": 7}]}, "truth.categories[0] has no name"
    for key, value, message in [
        ("image_id", "z", "is on image 'z', which is not in truth.images"),
        ("image_id", [], "has a image_id that is no id"),
        ("category_id", 8, "has category 8, which is not in truth.categories"),
        ("bbox", [1, 2, 3], "bbox is not [x, y, width, height]"),
        ("bbox", [1, 2, -3, 4], "bbox has a negative size"),
        ("bbox", [1, 2, float("nan"), 4], "bbox is not a finite number: nan"),
        ("bbox", None, "has neither bbox nor segmentation"),
        ("area", "large", "area is not a finite number: 'large'"),
        ("segmentation", [[1, 2, 3, 4]], "segmentation[0] is not a list of x and y of three or more points"),
        ("segmentation", {"counts": "abc"}, "segmentation has no size"),
        ("segmentation", {"counts": "abc", "size": [4, 4]}, "segmentation.counts ends in the middle of a number"),
        ("segmentation", {"counts": "12", "size": [4, 4]}, "segmentation.counts do not add up to height x width"),
        ("segmentation", {"counts": [10, 10**9], "size": [4, 4]}, "counts do not add up to height x width"),
        ("segmentation", {"counts": 7, "size": [4, 4]}, "segmentation has no counts"),
    ]:
        yield f"{key} {value}", {**truth, "annotations": [{**first, key: value}, second]}, message


@pytest.mark.parametrize(
    ("truth", "message"), [case[1:] for case in broken_truth()], ids=[case[0] for case in broken_truth()]
)
def test_broken_truth_is_named(truth: Any, message: str) -> None:
    with pytest.raises(PredictionInputError) as caught:
        Detections.from_coco(truth, []).require_areas()  # an outline matters where areas are compared
    assert message in str(caught.value)


def test_two_objects_of_one_id_are_two_objects() -> None:
    truth, _ = scene()
    first = truth["annotations"][0]
    detections = Detections.from_coco({**truth, "annotations": [first, first]}, [])
    assert [item["id"] for item in detections.truth["annotations"]] == [1, 2]


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        ("text", "predictions are neither a list of COCO results nor a COCO data set"),
        ([3], "predictions[0] is not a JSON object"),
        ([{"image_id": "a"}], "predictions[0] has no category_id"),
        ([{"image_id": "a", "category_id": 7, "bbox": [0, 0, 1, 1]}], "predictions[0].score is not a finite number"),
        (
            [{"image_id": "a", "category_id": 7, "bbox": [0, 0, 1, 1], "score": float("inf")}],
            "predictions[0].score is not a finite number: inf",
        ),
    ],
)
def test_broken_predictions_are_named(predictions: Any, message: str) -> None:
    with pytest.raises(PredictionInputError) as caught:
        Detections.from_coco(scene()[0], predictions)
    assert message in str(caught.value)


def test_areas_are_refused_where_only_boxes_are_given() -> None:
    with pytest.raises(PredictionInputError, match=r"'\w+' on .*\) has no segmentation: only boxes can be compared"):
        judge(("person", [0, 0, 10, 10], 0.9), region="segm")


def test_a_mask_of_another_size_than_its_image_is_named() -> None:
    truth, results = dataset(1, images=3, masks=True)
    truth["images"][results[0]["image_id"]]["width"] = SIDE + 1
    with pytest.raises(PredictionInputError, match="is not of its image's size"):
        evaluate_predictions(Detections.from_coco(truth, results), region="segm")


@pytest.mark.parametrize("iou", [0.0, -1.0, 1.5, float("nan")])
def test_an_iou_out_of_range_is_named(iou: float) -> None:
    with pytest.raises(PredictionInputError, match="iou must be in"):
        judge(iou=iou)
