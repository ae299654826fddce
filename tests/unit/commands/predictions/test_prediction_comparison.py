"""Failure slices and two models side by side, on the real pedestrian crowd with faults planted on purpose."""

import json
from typing import Any

import numpy as np
import pytest

from benchmark_qa.commands.predictions.detections import Detections, PredictionInputError
from benchmark_qa.commands.predictions.evaluation import compare_predictions, evaluate_predictions
from benchmark_qa.commands.predictions.slices import find_slices

Results = list[dict[str, Any]]


def truth_of(pedestrians: dict[str, Any]) -> dict[str, Any]:
    return {
        "images": [{key: image[key] for key in ("id", "width", "height")} for image in pedestrians["images"]],
        "categories": [{"id": 1, "name": "pedestrian"}],
        "annotations": [
            {"image_id": image["id"], "category_id": 1, "bbox": box}
            for image in pedestrians["images"]
            for box in image["ground_truth"]
        ],
    }


def model(pedestrians: dict[str, Any], *, recall: float, noise: float = 0.05, seed: int = 0) -> Results:
    """A simulated model: finds each real box with a probability, a little off, and adds boxes of nothing.

    These have the sizes of real ones, so that the model is as good at one size as at another.
    """
    random = np.random.default_rng(seed)
    sizes = [box[2:] for image in pedestrians["images"] for box in image["ground_truth"]]
    results = []
    for image in pedestrians["images"]:
        for x, y, width, height in image["ground_truth"]:
            if random.random() < recall:
                shift = random.normal(0, noise, 4) * [width, height, width, height]
                box = [x + shift[0], y + shift[1], width * np.exp(shift[2] / width), height * np.exp(shift[3] / height)]
                results.append(prediction(image["id"], box, random.uniform(0.5, 1)))
        if random.random() < 0.3:
            width, height = sizes[random.integers(len(sizes))]
            corner = random.uniform(0, [1280 - width, 720 - height])
            results.append(prediction(image["id"], [*corner, width, height], random.uniform(0.2, 0.8)))
    return results


def prediction(image: str, box: Any, score: float) -> dict[str, Any]:
    return {"image_id": image, "category_id": 1, "bbox": [float(value) for value in box], "score": float(score)}


def first_images(pedestrians: dict[str, Any], count: int) -> dict[str, Any]:
    return {**pedestrians, "images": pedestrians["images"][:count]}


def random_fields(images: int, seed: int) -> list[dict[str, Any]]:
    """Fields that have nothing to do with how good the model is."""
    random = np.random.default_rng(seed)
    return [
        {
            "weather": str(random.choice(["sun", "rain", "fog", "snow"], p=[0.5, 0.2, 0.2, 0.1])),
            "camera": int(random.integers(1, 7)),
            "night": bool(random.random() < 0.3),
            "hour": float(random.uniform(0, 24)),
            "site": None if random.random() < 0.1 else f"site {random.integers(1, 9)}",
        }
        for _ in range(images)
    ]


# --- slices ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"), [("weather", "fog"), ("camera", 3), ("night", True), ("site", "site 5"), ("weather", "snow")]
)
def test_a_planted_slice_with_30_percent_lower_recall_comes_first(
    pedestrians: dict[str, Any], field: str, value: object
) -> None:
    """The predictor is simulated with the same recall of 0.9 everywhere; 30 % of what it finds in the slice is lost."""
    fields = random_fields(len(pedestrians["images"]), seed=8)
    bad = {image["id"] for image, known in zip(pedestrians["images"], fields, strict=True) if known[field] == value}
    random = np.random.default_rng(3)
    results = [item for item in model(pedestrians, recall=0.9) if item["image_id"] not in bad or random.random() >= 0.3]
    detections = Detections.from_coco(truth_of(pedestrians), results)
    first, *_ = find_slices(detections, fields)
    assert (first.metric, first.title) == ("recall", f"{field} = {value}")
    assert first.gap_low > 0
    assert f"{field} = {value}: recall" in str(first)
    assert {detections.images[image] for image in first.failing_images} <= bad
    json.dumps(first.to_dict(), allow_nan=False)


def test_a_planted_slice_comes_first_in_nearly_all_of_many_draws(pedestrians: dict[str, Any]) -> None:
    """30 draws of fields, predictor and losses; seen: first in 40 of 40 (docs/finding.md)."""
    planted = [("weather", "fog"), ("camera", 3), ("night", True), ("site", "site 5"), ("weather", "snow")]
    truth = truth_of(pedestrians)
    first = 0
    for seed in range(30):
        field, value = planted[seed % len(planted)]
        fields = random_fields(len(pedestrians["images"]), seed=seed)
        bad = {image["id"] for image, known in zip(pedestrians["images"], fields, strict=True) if known[field] == value}
        random = np.random.default_rng(seed + 100)
        found = model(pedestrians, recall=0.9, seed=seed)
        kept = [item for item in found if item["image_id"] not in bad or random.random() >= 0.3]
        slices = find_slices(Detections.from_coco(truth, kept), fields)
        first += (slices[0].metric, slices[0].title) == ("recall", f"{field} = {value}")
    assert first >= 28


def test_harmless_slices_are_seldom_called_worse_for_certain(pedestrians: dict[str, Any]) -> None:
    """Nothing is planted: with all gaps in their intervals 95 times of 100, an alarm in one draw of 20 is expected."""
    truth = truth_of(pedestrians)
    alarms = 0
    for seed in range(20):
        fields = random_fields(len(pedestrians["images"]), seed=seed)
        slices = find_slices(Detections.from_coco(truth, model(pedestrians, recall=0.9, seed=seed)), fields)
        assert len(slices) > 50
        alarms += any(one.gap_low > 0 for one in slices)
    assert alarms <= 3


def test_two_conditions_that_are_bad_together_only_are_a_slice_of_their_own(pedestrians: dict[str, Any]) -> None:
    fields = random_fields(len(pedestrians["images"]), seed=8)
    bad = {
        image["id"]
        for image, known in zip(pedestrians["images"], fields, strict=True)
        if known["weather"] == "sun" and known["night"]
    }
    random = np.random.default_rng(1)
    results = [item for item in model(pedestrians, recall=0.95) if item["image_id"] not in bad or random.random() > 0.7]
    first, *_ = find_slices(Detections.from_coco(truth_of(pedestrians), results), fields)
    assert {str(condition) for condition in first.conditions} == {"weather = sun", "night = True"}
    assert first.gap_low > 0


def test_label_statistics_are_slices_too_and_agree_with_counting(pedestrians: dict[str, Any]) -> None:
    results = [
        item for item in model(pedestrians, recall=0.9) if item["bbox"][2] * item["bbox"][3] >= 96**2
    ]  # a model blind to what is not large
    detections = Detections.from_coco(truth_of(pedestrians), results)
    slices = {one.title: one for one in find_slices(detections) if one.metric == "recall" and len(one.conditions) == 1}
    assert {"object size = large", "objects in the image = [1, 2)", "object at the edge = yes"} <= slices.keys()
    large = slices["object size = large"]
    areas = np.array([item["area"] for item in detections.truth["annotations"]])
    assert large.count == int((areas >= 96**2).sum())
    assert slices["object size = medium"].gap > 0.5
    assert slices["object size = medium"].gap_low > 0


def test_a_number_with_many_values_is_cut_at_its_quartiles(pedestrians: dict[str, Any]) -> None:
    fields = random_fields(len(pedestrians["images"]), seed=2)
    dark = {image["id"] for image, known in zip(pedestrians["images"], fields, strict=True) if known["hour"] > 18}
    results = [item for item in model(pedestrians, recall=0.9) if item["image_id"] not in dark or item["score"] > 0.7]
    first, *others = find_slices(Detections.from_coco(truth_of(pedestrians), results), fields)
    (condition,) = first.conditions
    assert condition.field == "hour"
    low, high = map(float, condition.value.strip("[]").split(", "))
    assert 17 < low < high < 24.1
    assert len({one.title for one in [first, *others] if one.conditions[0].field == "hour"}) == 4


def test_slices_of_few_images_are_left_out(pedestrians: dict[str, Any]) -> None:
    fields = [{"id": number} if number < 4 else {"id": "rest"} for number in range(len(pedestrians["images"]))]
    detections = Detections.from_coco(truth_of(pedestrians), model(pedestrians, recall=0.9))
    assert not [one for one in find_slices(detections, fields) if one.conditions[0].field == "id"]


def test_a_slice_says_what_the_evaluation_of_its_images_alone_says(pedestrians: dict[str, Any]) -> None:
    fields = random_fields(len(pedestrians["images"]), seed=5)
    detections = Detections.from_coco(truth_of(pedestrians), model(pedestrians, recall=0.8))
    slices = find_slices(detections, fields)
    of_images = [one for one in slices if one.conditions[0].field in fields[0] and one.conditions[0].field != "hour"]
    assert len(of_images) > 30
    for one in of_images:
        (condition,) = one.conditions
        alone = detections.only([str(known[condition.field]) == condition.value for known in fields])
        (figures,) = evaluate_predictions(alone).classes
        assert getattr(figures, one.metric).estimate == pytest.approx(one.inside.estimate)


def test_fields_for_another_number_of_images_are_named(pedestrians: dict[str, Any]) -> None:
    detections = Detections.from_coco(truth_of(pedestrians), [])
    with pytest.raises(PredictionInputError, match="fields are 1 for 469 images"):
        find_slices(detections, [{}])


# --- two models --------------------------------------------------------------------------------------------


def test_a_model_that_finds_more_is_better_for_certain(pedestrians: dict[str, Any]) -> None:
    pedestrians = first_images(pedestrians, 200)
    truth = truth_of(pedestrians)
    worse = Detections.from_coco(truth, model(pedestrians, recall=0.7, seed=1))
    better = Detections.from_coco(truth, model(pedestrians, recall=0.85, seed=2))
    comparison = compare_predictions(worse, better)
    by_name = {difference.name: difference for difference in comparison.differences}
    assert {"AP", "AP50", "AP75", "AR100", "macro F1", "AP of pedestrian", "F1 of pedestrian"} == by_name.keys()
    gain = by_name["AP50"]
    assert gain.difference == pytest.approx(comparison.second.summary["AP50"] - comparison.first.summary["AP50"])  # type: ignore[operator]
    assert gain.is_certain
    assert gain.low < gain.difference < gain.high  # type: ignore[operator]
    json.dumps(comparison.to_dict(), allow_nan=False)


def test_models_alike_are_seldom_told_apart(pedestrians: dict[str, Any]) -> None:
    """Eight pairs of models that differ by their seeds only: at 95 % one false alarm or none is to be expected."""
    few = first_images(pedestrians, 60)
    truth = truth_of(few)
    alarms = 0
    for seed in range(8):
        pair = (Detections.from_coco(truth, model(few, recall=0.8, seed=2 * seed + more)) for more in (0, 1))
        alarms += compare_predictions(*pair).differences[0].is_certain
    assert alarms <= 1


def test_a_model_against_itself_differs_by_nothing(pedestrians: dict[str, Any]) -> None:
    pedestrians = first_images(pedestrians, 60)
    detections = Detections.from_coco(truth_of(pedestrians), model(pedestrians, recall=0.8))
    for difference in compare_predictions(detections, detections).differences:
        assert (difference.difference, difference.low, difference.high) == (0, 0, 0)
        assert not difference.is_certain


def test_too_few_images_give_a_difference_without_interval(pedestrians: dict[str, Any]) -> None:
    few = {**pedestrians, "images": [image for image in pedestrians["images"] if image["ground_truth"]][:3]}
    first, second = (Detections.from_coco(truth_of(few), model(few, recall=0.8, seed=seed)) for seed in (1, 2))
    for difference in compare_predictions(first, second).differences:
        assert difference.difference is not None
        assert (difference.low, difference.why) == (None, "too few images for an interval")


def test_models_on_different_truth_are_refused(pedestrians: dict[str, Any]) -> None:
    truth = truth_of(pedestrians)
    other = {**truth, "annotations": truth["annotations"][1:]}
    with pytest.raises(PredictionInputError, match="are not of the same ground truth"):
        compare_predictions(Detections.from_coco(truth, []), Detections.from_coco(other, []))
