"""Failure slices and two models side by side, on the real pedestrian crowd with faults planted on purpose."""

from typing import Any

import numpy as np
import pytest

from benchmark_qa.commands.predictions.detections import Detections, PredictionInputError
from benchmark_qa.commands.predictions.evaluation import compare_predictions
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


# --- slices ------------------------------------------------------------------------------------------------


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


def test_slices_of_few_images_are_left_out(pedestrians: dict[str, Any]) -> None:
    fields = [{"id": number} if number < 4 else {"id": "rest"} for number in range(len(pedestrians["images"]))]
    detections = Detections.from_coco(truth_of(pedestrians), model(pedestrians, recall=0.9))
    assert not [one for one in find_slices(detections, fields) if one.conditions[0].field == "id"]


def test_fields_for_another_number_of_images_are_named(pedestrians: dict[str, Any]) -> None:
    detections = Detections.from_coco(truth_of(pedestrians), [])
    with pytest.raises(PredictionInputError, match="fields are 1 for 469 images"):
        find_slices(detections, [{}])


# --- two models --------------------------------------------------------------------------------------------


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
