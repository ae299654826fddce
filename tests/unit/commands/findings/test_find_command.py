"""`benchmark-qa find` as a person runs it: files in, tables, JSON and a choice out, an exit code."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet
from typer.testing import CliRunner, Result

from benchmark_qa.cli import app
from benchmark_qa.formats.chosen_items import ChosenItems
from tests.unit.commands.findings.simulation import CLASSES, Case, case_of, exported_rows

PROJECT = "11111111-1111-4111-8111-111111111111"
IMAGES = 160


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["find", *map(str, arguments)])


@pytest.fixture(scope="module")
def planted(pedestrians: dict[str, Any]) -> Case:
    return case_of(pedestrians, IMAGES)


@pytest.fixture
def labels(planted: Case, tmp_path: Path) -> Path:
    return exported_rows(planted, IMAGES, tmp_path / "labels.json")


def lines(planted: Case) -> list[dict[str, Any]]:
    found = []
    for item in planted.detections.predictions:
        image = {"image": f"{item['image_id'] - 1:04d}.png", "class": CLASSES[item["category_id"] - 1]}
        found.append(image | {"confidence": item["score"]} | dict(zip("xywh", item["bbox"], strict=True)))
    return found


def table(planted: Case, path: Path) -> Path:
    """The predictions in the layout of the file's name."""
    rows = lines(planted)
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".parquet":
        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    else:
        path.write_text(json.dumps(rows))
    return path


@pytest.mark.parametrize("name", ["p.csv", "p.jsonl", "p.parquet", "p.json"])
def test_every_layout_of_a_table_finds_the_same(planted: Case, labels: Path, tmp_path: Path, name: str) -> None:
    result = run(labels, table(planted, tmp_path / name), "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    errors = found["label_errors"]
    faulty = {fault.image for fault in planted.faults}
    assert len({error["image"] for error in errors[: len(planted.faults)]} & faulty) >= 0.7 * len(faulty)
    assert found["image_list"][errors[0]["image"]]["data_hash"] == f"unit{errors[0]['image']:04d}"
    assert {one["name"] for one in found["classes"]} == set(CLASSES)
    assert found["contradictions"] is None


def test_the_tables_name_images_faults_and_slices(planted: Case, labels: Path, tmp_path: Path) -> None:
    result = run(labels, table(planted, tmp_path / "p.csv"), "--enough", 200)
    assert result.exit_code == 0
    for words in ("likely label errors", "duplicate", ".png", "missed", "spurious", "worst of", "classes in fewer"):
        assert words in result.stdout


def test_a_choice_from_files_needs_the_project_and_can_be_read_back(
    planted: Case, labels: Path, tmp_path: Path
) -> None:
    predictions, output = table(planted, tmp_path / "p.csv"), tmp_path / "chosen.json"
    refused = run(labels, predictions, "--output", output)
    assert refused.exit_code == 2
    assert "--project" in refused.stderr
    options = ["--output", output, "--project", PROJECT, "--name", "Round 2", "--most", 4]
    result = run(labels, predictions, *options)
    assert result.exit_code == 0
    assert "4 data units chosen" in result.stderr
    chosen = ChosenItems.model_validate_json(output.read_bytes())
    assert (chosen.project_hash, chosen.name, len(chosen.items)) == (PROJECT, "Round 2", 4)
    missed = run(labels, predictions, *options[:4], "--kind", "missed_by_model", "--kind", "likely_label_error")
    assert missed.exit_code == 0
    kinds = {r.kind for i in ChosenItems.model_validate_json(output.read_bytes()).items for r in i.reasons}
    assert kinds == {"missed_by_model", "likely_label_error"}


def test_a_folder_without_the_pictures_is_named(labels: Path, tmp_path: Path) -> None:
    result = run(labels, "--images", tmp_path)
    assert result.exit_code == 2
    assert "holds no image under the title of a data unit" in result.stderr


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.csv", "image,class\n0001.png,short\n", "has no x"),
        ("p.csv", b"\xff\xfe\x00broken", "is not a readable table"),
        ("p.jsonl", "\n[\n", "line 2: is not JSON"),
        ("p.jsonl", "[1]\n", "line 1: is not a JSON object"),
        ("p.parquet", "no parquet", "is not a Parquet file"),
        ("p.json", "{}", "p.json is neither a list of COCO results nor a COCO data set"),
    ],
)
def test_unusable_tables_end_with_one_line_and_code_2(
    labels: Path, tmp_path: Path, name: str, content: Any, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = run(labels, path)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
