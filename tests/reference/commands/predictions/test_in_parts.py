"""Predictions that are evaluated by groups of images: the same figures, whatever the size of a group."""

import json
from pathlib import Path

import pytest

from benchmark_qa.commands.predictions import evaluation, outcome
from benchmark_qa.commands.predictions.detections import Detections
from benchmark_qa.commands.predictions.evaluation import evaluate_predictions
from benchmark_qa.terminal import files
from benchmark_qa.terminal.files import ExportError, json_list_of
from tests.reference.test_coco_protocol import random_set


@pytest.mark.parametrize("at_once", [1, 40])
def test_the_figures_do_not_depend_on_the_size_of_a_group(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0
    for seed in range(12):
        truth, results = random_set(seed)
        detections = Detections.from_coco(truth, results)
        whole = evaluate_predictions(detections).to_dict()
        with monkeypatch.context() as patch:
            for module in (outcome, evaluation):
                patch.setattr(module, "AT_ONCE", at_once)
            assert evaluate_predictions(detections).to_dict() == whole, seed
        compared += len(results) > at_once
    assert compared > 0


def test_a_large_list_is_read_piece_by_piece_whatever_lies_between_objects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LARGE", 1)
    items = [
        {"image_id": number, "text": "}, {" * (number % 3), "segmentation": {"counts": "}{,", "size": [1, 2]},
         "parts": [{"a": 1}, {"b": [{"c": "]"}, {}]}] * (number % 4)}
        for number in range(60)
    ]  # fmt: skip
    path = tmp_path / "list.json"
    for block in (97, 1000, 1 << 20):
        monkeypatch.setattr(files, "BLOCK", block)
        for text in (json.dumps(items), json.dumps(items, indent=1), json.dumps(items, separators=(",", ":"))):
            path.write_text("\ufeff" + text)
            assert list(json_list_of(path) or ()) == items
    path.write_text(json.dumps(items)[:-30])
    with pytest.raises(ExportError, match=r"list\.json: is not JSON"):
        list(json_list_of(path) or ())
    path.write_text("[1, 2]")
    assert json_list_of(path) is None
