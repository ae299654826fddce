"""What was exported goes back: an import of the files onto the project they came from finds its own labels."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmark_qa.cli import app

from .gallery import EMPTY, EVERY_SHAPE, GROUP, PRODUCTION, VIDEO, Gallery, data_hash


def imported(site: Gallery, source: Path) -> dict[str, Any]:
    """What an import onto the project would do. Without a configuration nothing says that it is the production one."""
    environment = {**site.environment, "BENCHMARK_QA_CONFIG": ""}
    command = ["truth", "import", str(source), "--project", PRODUCTION, "--dry-run", "--skip-unmatched", "--json"]
    done = CliRunner().invoke(app, command, env=environment)
    assert done.exit_code in (0, 4), done.output
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def exported(site: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("round trip") / "out"
    site.export(out, "--format", "coco", "--format", "encord")
    return out


def test_encord_json_says_the_same(site: Gallery, exported: Path) -> None:
    said = imported(site, exported / "encord")
    assert said["other_truth"] == said["written"] == said["faults"] == []
    assert {data_hash(title) for title in (EVERY_SHAPE, VIDEO, GROUP, EMPTY)} <= set(said["unchanged"])


def test_coco_files_find_their_data_units_and_lose_what_has_no_place_in_them(site: Gallery, exported: Path) -> None:
    said = imported(site, exported / "coco" / "annotations" / "instances_train.json")
    assert said["found_by"].keys() == {"data hash"}
    assert said["faults"] == []
    assert data_hash(VIDEO) in said["unchanged"]
    assert data_hash(EVERY_SHAPE) in said["other_truth"]  # polylines, keypoints and classifications are not in the file
    assert any("images without annotations left as they are" in line for line in said["left_out"])


@pytest.mark.parametrize("task", ["detect", "segment", "pose", "obb"])
def test_yolo_folders_find_their_data_units(site: Gallery, tmp_path: Path, task: str) -> None:
    site.export(tmp_path / "out", "--format", "yolo", "--yolo-task", task)
    said = imported(site, tmp_path / "out" / "yolo")
    assert said["found_by"].keys() == {"data hash"}
    assert data_hash(EVERY_SHAPE) in (*said["written"], *said["other_truth"])


def test_a_project_is_exported_without_the_configuration_of_a_service(site: Gallery, tmp_path: Path) -> None:
    environment = {**site.environment, "BENCHMARK_QA_CONFIG": "", "DATABASE_URL": ""}
    command = ["export", "--project", PRODUCTION, "--out", str(tmp_path / "out"), "--format", "coco"]
    done = CliRunner().invoke(app, command, env=environment)
    assert done.exit_code in (0, 4), done.output
    assert (tmp_path / "out" / "coco" / "annotations" / "instances_train.json").exists()
    refused = CliRunner().invoke(app, [*command, "--weigh"], env=environment)
    assert refused.exit_code == 2
    assert "set BENCHMARK_QA_CONFIG" in refused.stderr
