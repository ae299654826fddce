"""Tables of predictions and findings on terminals of several widths: nothing is cut off."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from benchmark_qa.commands.predictions.detections import Detections
from benchmark_qa.commands.predictions.evaluation import compare_predictions
from benchmark_qa.commands.predictions.page import Evaluation, print_evaluation
from benchmark_qa.commands.predictions.slices import find_slices
from tests.unit.commands.findings.simulation import GOOD, case

LONG = "pedestrian_with_a_very_long_umbrella_and_a_dog"


def terminal(width: int) -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, width=width, highlight=False, force_terminal=True, color_system=None), text


@pytest.fixture(scope="module")
def detections(pedestrians: dict[str, Any]) -> Detections:
    return case({**pedestrians, "images": pedestrians["images"][:120]}, 3, GOOD).detections


def evaluation(detections: Detections) -> Evaluation:
    comparison = compare_predictions(detections, detections)
    return Evaluation(
        score=comparison.second,
        differences=comparison.differences,
        slices=find_slices(detections),
        truth="truth.json",
        predictions="model.json",
        against="model.json",
        asked_at=datetime(2026, 11, 22, tzinfo=UTC),
    )


def test_a_confusion_matrix_that_is_wider_than_the_terminal_becomes_a_list_of_the_commonest() -> None:
    classes = [f"{LONG}_{number}" for number in range(9)]
    box = [10.0, 10.0, 50.0, 50.0]
    one_class_off = [
        {"image_id": image, "category_id": (image + 1) % 9, "bbox": box, "score": 0.9} for image in range(18)
    ]
    truth = {
        "images": [{"id": image} for image in range(18)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(classes)],
        "annotations": [{"image_id": image, "category_id": image % 9, "bbox": box} for image in range(18)],
    }
    console, text = terminal(80)
    print_evaluation(evaluation(Detections.from_coco(truth, one_class_off)), console)
    assert "the 9 commonest of 9 confusions" in text.getvalue()
    assert "\N{HORIZONTAL ELLIPSIS}" not in text.getvalue()
