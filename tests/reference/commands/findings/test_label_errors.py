"""Faults planted in real labels are found, over many draws."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark_qa.commands.findings.label_errors import find_label_errors
from benchmark_qa.commands.predictions.detections import Detections
from tests.unit.commands.findings.simulation import GOOD, KINDS, WEAK, Predictor, average_precision, case

SEEDS = range(20)


def mean_average_precision(pedestrians: dict[str, Any], predictor: Predictor) -> float:
    cases = [case(pedestrians, seed, predictor) for seed in SEEDS]
    assert all(len(one.faults) == 31 for one in cases)
    return float(np.mean([average_precision(find_label_errors(one.detections), one) for one in cases]))


def test_faults_planted_in_5_percent_of_real_labels_are_at_the_top_of_the_list(pedestrians: dict[str, Any]) -> None:
    """The predictor and the faults: `simulation`. docs/finding.md says what was seen, and what it does not prove."""
    assert mean_average_precision(pedestrians, GOOD) >= 0.8


def test_a_weaker_predictor_finds_less(pedestrians: dict[str, Any]) -> None:
    assert 0.7 <= mean_average_precision(pedestrians, WEAK) < mean_average_precision(pedestrians, GOOD)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_fault_is_found_among_as_many_places_as_there_are_faults(
    pedestrians: dict[str, Any], kind: str
) -> None:
    found = planted = 0
    for seed in SEEDS:
        one = case(pedestrians, seed)
        head = find_label_errors(one.detections)[: len(one.faults)]
        of_kind = [fault for fault in one.faults if fault.kind == kind]
        planted += len(of_kind)
        found += sum(any(error.fault == kind and error.image == fault.image for error in head) for fault in of_kind)
    assert found / planted >= 0.6


def test_labels_without_faults_have_few_sure_errors(pedestrians: dict[str, Any]) -> None:
    """What is left is the model's own: classes it takes for each other, and boxes of nothing."""
    clean, faulty = (
        [len([e for e in find_label_errors(case(pedestrians, seed, share=share).detections) if e.strength >= 0.7])
         for seed in SEEDS]
        for share in (0.0, 0.05)
    )  # fmt: skip
    assert np.mean(clean) < 0.25 * np.mean(faulty)


coordinates = st.floats(0, 200, allow_nan=False)


boxes = st.tuples(coordinates, coordinates, st.floats(0, 80), st.floats(0, 80)).map(list)


things = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), boxes, st.floats(0, 1)), max_size=12)


@settings(max_examples=60, deadline=None)
@given(things, things, st.randoms(use_true_random=False))
def test_any_labels_and_predictions_give_strengths_in_order_that_do_not_hang_on_the_order_of_the_file(
    labels: list[Any], predictions: list[Any], shuffle: Any
) -> None:
    def look(given_labels: list[Any], given_predictions: list[Any]) -> list[tuple[Any, ...]]:
        truth = {
            "images": [{"id": n} for n in range(3)],
            "categories": [{"id": n, "name": str(n)} for n in range(3)],
            "annotations": [{"image_id": i, "category_id": c, "bbox": box} for i, c, box, _ in given_labels],
        }
        results = [{"image_id": i, "category_id": c, "bbox": b, "score": s} for i, c, b, s in given_predictions]
        errors = find_label_errors(Detections.from_coco(truth, results), confidence=0.0)
        strengths = [error.strength for error in errors]
        assert strengths == sorted(strengths, reverse=True)
        assert all(0 <= strength <= 1 for strength in strengths)
        return errors

    errors = look(labels, predictions)
    for error in errors:
        assert (error.prediction is None) == (error.fault == "duplicate")
        assert len(error.annotations) == {"missing box": 0, "duplicate": 2}.get(error.fault, 1)
    again = list(labels)
    shuffle.shuffle(again)
    assert len(look(again, predictions)) == len(errors)
