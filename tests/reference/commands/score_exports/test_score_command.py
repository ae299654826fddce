"""The figures of a whole real crowd, scored offline."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.commands.score_exports.test_score_command import run, write
from tests.unit.rows import box_row


@pytest.fixture(scope="module")
def pedestrian_files(pedestrians: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("exports")
    truth = [box_row(image["id"], image["ground_truth"]) for image in pedestrians["images"]]
    labels = [
        box_row(image["id"], boxes, branch_name=annotator)
        for image in pedestrians["images"]
        for annotator, boxes in image["annotations"].items()
    ]
    return write(folder / "truth.json", truth), write(folder / "labels.json", labels)


def test_the_pedestrian_crowd_scored_offline_has_the_reference_figures(pedestrian_files: tuple[Path, Path]) -> None:
    result = run(*pedestrian_files, "--json")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    people = report["annotators"]
    assert len(report["annotators"]) == 41
    assert len(report["tasks"]) == sum(person["tasks"] for person in people) == 3283
    counts = [sum(person[key] for person in people) for key in ("true_positives", "false_positives", "false_negatives")]
    assert counts == [3556, 340, 756]
    wanted = {"tasks", "precision", "recall", "f1", "mean_similarity", "score"}
    assert all(wanted <= person.keys() for person in people)


def test_the_table_pools_all_annotators_in_its_last_line(pedestrian_files: tuple[Path, Path]) -> None:
    result = run(*pedestrian_files)
    assert result.exit_code == 0
    assert "3,556" in result.stdout
    assert "0.8665" in result.stdout
