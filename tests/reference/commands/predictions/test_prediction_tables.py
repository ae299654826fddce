"""No figure is cut off, at any width."""

from typing import Any

import pytest

from benchmark_qa.commands.findings.findings import find, print_findings
from benchmark_qa.commands.predictions.detections import Detections
from benchmark_qa.commands.predictions.page import print_evaluation
from tests.unit.commands.findings.simulation import GOOD, case
from tests.unit.commands.predictions.test_prediction_tables import evaluation, terminal


@pytest.fixture(scope="module")
def detections(pedestrians: dict[str, Any]) -> Detections:
    return case({**pedestrians, "images": pedestrians["images"][:120]}, 3, GOOD).detections


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_figure_is_cut_off(detections: Detections, width: int) -> None:
    console, text = terminal(width)
    print_evaluation(evaluation(detections), console)
    print_findings(find(detections, has_predictions=True), ["street/a long name of an image.jpg"] * 120, console)
    assert max(map(len, text.getvalue().splitlines())) <= width
    assert "\N{HORIZONTAL ELLIPSIS}" not in text.getvalue()
    assert "precision" in text.getvalue()
