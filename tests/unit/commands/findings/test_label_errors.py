"""Likely label errors: planted in real labels, and by hand."""

from typing import Any

import numpy as np
import pytest

from benchmark_qa.commands.findings.label_errors import LabelError, doubts, find_label_errors, shift_chances
from benchmark_qa.commands.predictions.detections import Detections, PredictionInputError

Box = tuple[str, list[float], float]


# --- faults planted in real labels, a simulated predictor ---------------------------------------------------


# --- by hand ------------------------------------------------------------------------------------------------


def scene(labels: list[Box], predictions: list[Box], crowd: list[float] | None = None) -> Detections:
    """One image with these boxes among eighty others on which labels and model agree, with a little noise."""
    random = np.random.default_rng(5)
    ids = {"person": 1, "bicycle": 2}
    annotations = [{"image_id": 0, "category_id": ids[name], "bbox": box} for name, box, _ in labels]
    results = [
        {"image_id": 0, "category_id": ids[name], "bbox": box, "score": score} for name, box, score in predictions
    ]
    if crowd:
        annotations.append({"image_id": 0, "category_id": 1, "bbox": crowd, "iscrowd": 1})
    for image in range(1, 81):
        kind = 1 + image % 2
        box = [*random.uniform(0, 500, 2), *random.uniform(60, 100, 2)]
        annotations.append({"image_id": image, "category_id": kind, "bbox": box})
        noisy = [side + float(random.normal(0, 2)) for side in box]
        results.append({"image_id": image, "category_id": kind, "bbox": noisy, "score": float(random.beta(8, 2))})
        results.append({"image_id": image, "category_id": kind, "bbox": [600, 600, 50, 50], "score": 0.2})
    return Detections.from_coco(
        {
            "images": [{"id": image} for image in range(81)],
            "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "bicycle"}],
            "annotations": annotations,
        },
        results,
    )


def found_in_the_first_image(detections: Detections, **options: Any) -> list[LabelError]:
    return [error for error in find_label_errors(detections, **options) if error.image == 0]


HERE, BESIDE, FAR = [100.0, 100.0, 80.0, 80.0], [140.0, 130.0, 80.0, 80.0], [400.0, 400.0, 80.0, 80.0]


def test_a_confident_prediction_where_nothing_is_labelled_is_a_missing_box() -> None:
    (error,) = found_in_the_first_image(scene([], [("person", HERE, 0.95)]))
    assert (error.fault, error.annotations, error.prediction, error.class_name) == ("missing box", (), 0, "person")
    assert error.strength > 0.6


def test_a_label_beside_its_object_is_a_shifted_box() -> None:
    (error,) = found_in_the_first_image(scene([("person", BESIDE, 1)], [("person", HERE, 0.95)]))
    assert (error.fault, error.annotations, error.prediction) == ("shifted box", (0,), 0)
    assert error.strength > 0.6


def test_a_confident_prediction_of_another_class_is_a_wrong_class() -> None:
    (error,) = found_in_the_first_image(scene([("person", HERE, 1)], [("bicycle", HERE, 0.95)]))
    assert (error.fault, error.annotations, error.class_name) == ("wrong class", (0,), "person")
    assert error.strength > 0.6


@pytest.mark.parametrize("second", ["person", "bicycle"])
def test_a_second_label_on_one_object_is_a_duplicate(second: str) -> None:
    labels = [("person", HERE, 1.0), (second, [102.0, 100.0, 80.0, 80.0], 1.0)]
    (error,) = found_in_the_first_image(scene(labels, [("person", HERE, 0.95)]))
    assert (error.fault, error.annotations, error.confidence) == ("duplicate", (0, 1), None)
    assert error.strength > 0.9


def test_two_objects_that_the_model_sees_both_are_no_duplicates() -> None:
    close = [105.0, 100.0, 80.0, 80.0]
    labels = [("person", HERE, 1.0), ("person", close, 1.0)]
    assert found_in_the_first_image(scene(labels, [("person", HERE, 0.9), ("person", close, 0.9)])) == []


def test_what_agrees_is_no_error_and_what_the_model_says_twice_is_not_missing() -> None:
    predictions = [("person", HERE, 0.9), ("person", [103.0, 100.0, 80.0, 80.0], 0.8), ("bicycle", HERE, 0.7)]
    assert found_in_the_first_image(scene([("person", HERE, 1)], predictions)) == []


def test_a_label_that_the_model_does_not_see_is_no_error() -> None:
    assert found_in_the_first_image(scene([("person", HERE, 1)], [])) == []


def test_a_missing_box_in_a_crowd_of_others_is_found_although_it_overlaps_its_neighbour() -> None:
    labels = [("person", HERE, 1.0)]
    (error,) = found_in_the_first_image(scene(labels, [("person", HERE, 0.9), ("person", BESIDE, 0.95)]))
    assert (error.fault, error.prediction) == ("missing box", 1)


def test_a_prediction_in_a_crowd_region_of_its_class_is_not_missing() -> None:
    assert found_in_the_first_image(scene([], [("person", FAR, 0.95)], crowd=[350, 350, 200, 200])) == []
    (error,) = found_in_the_first_image(scene([], [("bicycle", FAR, 0.95)], crowd=[350, 350, 200, 200]))
    assert error.class_name == "bicycle"


def test_what_is_less_confident_is_not_listed() -> None:
    doubtful = scene([], [("person", HERE, 0.6)])
    assert found_in_the_first_image(doubtful, confidence=0.7) == []
    assert len(found_in_the_first_image(doubtful, confidence=0.5)) == 1


def test_without_labels_or_without_predictions_nothing_breaks() -> None:
    truth = {"images": [{"id": 1}], "categories": [{"id": 1, "name": "person"}], "annotations": []}
    assert find_label_errors(Detections.from_coco(truth, [])) == []
    lonely = [{"image_id": 1, "category_id": 1, "bbox": HERE, "score": 0.9}]
    (error,) = find_label_errors(Detections.from_coco(truth, lonely))
    assert (error.fault, error.strength) == ("missing box", pytest.approx(0.9))
    labelled = {**truth, "annotations": [{"image_id": 1, "category_id": 1, "bbox": HERE}]}
    assert find_label_errors(Detections.from_coco(labelled, [])) == []


def test_confidences_beyond_one_are_refused() -> None:
    with pytest.raises(PredictionInputError, match="confidences outside"):
        find_label_errors(scene([], [("person", HERE, 7.0)]))


@pytest.mark.parametrize("others", [60, 3], ids=["measured by the class's average", "too few for an average"])
def test_doubts_grow_with_the_confidence_of_who_contradicts(others: int) -> None:
    confidences = np.array([0.95, 0.8, 0.6, *([0.9] * 3 * others)])
    agreed = np.repeat([0, 1, 2], others)
    given, predicted = np.array([1, 1, 1, *agreed]), np.array([0, 0, 0, *agreed])
    rest = np.where(given == predicted, (given + 1) % 3, given)
    strength = doubts(given, predicted, confidences, rest)
    assert strength[0] > strength[1] > strength[2] > strength[3:].max()
    if others < 10:
        assert strength[:3] == pytest.approx(confidences[:3])


def test_an_overlap_as_usual_is_no_sign_of_a_shift_and_a_small_one_is() -> None:
    usual = np.random.default_rng(0).beta(30, 5, 400)
    chances = shift_chances(np.array([0.9, np.median(usual), 0.5, 0.3]), usual)
    assert chances[0] == 0
    assert chances[1] < 0.02
    assert chances[3] > chances[2] > 0.5
