"""Labels and predictions straight from Encord: the SDK over real sockets, real labels, the whole command."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmark_qa.formats.chosen_items import ChosenItems
from tests.integration.predictions.conftest import (
    MODEL_BRANCH,
    PROJECT,
    TWINS,
    UNFINISHED,
    UNITS,
    Site,
    data_hash,
    link,
    of_image,
    title,
)
from tests.unit.commands.findings.simulation import CLASSES


def table(site: Site, path: Path, name: Any) -> Path:
    """The model's predictions as a table; `name` gives each image its name there."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "class", "confidence", "x", "y", "w", "h"])
        for image in range(UNITS - UNFINISHED):
            for item in of_image(site.case.detections.predictions, image):
                writer.writerow([name(image), CLASSES[item["category_id"] - 1], item["score"], *item["bbox"]])
    return path


def evaluated(site: Site, *arguments: Any) -> Any:
    result = site.run("evaluate-predictions", *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def coco_of_the_finished(site: Site, folder: Path) -> tuple[Path, Path]:
    """The same labels and predictions as COCO files, without Encord, cut at the edges as Encord's drawings are."""
    kept = UNITS - UNFINISHED
    sizes = {image["id"]: (image["width"], image["height"]) for image in site.case.detections.truth["images"]}

    def cut(item: Mapping[str, Any]) -> dict[str, Any]:
        (x, y, w, h), (width, height) = item["bbox"], sizes[item["image_id"]]
        left, top, right, bottom = max(x, 0), max(y, 0), min(x + w, width), min(y + h, height)
        box = [left, top, right - left, bottom - top]
        return {**item, "bbox": box} | ({"area": box[2] * box[3]} if "area" in item else {})

    truth = dict(site.case.detections.truth)
    truth["images"] = truth["images"][:kept]
    truth["annotations"] = [cut(item) for item in truth["annotations"] if item["image_id"] <= kept]
    results = [cut(item) for item in site.case.detections.predictions if item["image_id"] <= kept]
    for name, content in (("truth", truth), ("results", results)):
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder / "truth.json", folder / "results.json"


@pytest.mark.parametrize("name", [data_hash, title, link, lambda n: f"{link(n)}?X-Signature=abc"])
def test_labels_of_a_project_and_a_table_score_as_the_same_coco_files(site: Site, tmp_path: Path, name: Any) -> None:
    from_encord = evaluated(site, PROJECT, table(site, tmp_path / "predictions.csv", name))
    from_files = evaluated(site, *coco_of_the_finished(site, tmp_path))
    assert from_encord["summary"] == pytest.approx(from_files["summary"], abs=1e-9)
    assert from_encord["images"] == UNITS - UNFINISHED
    short, tall, rider = from_encord["classes"]
    for ours, theirs in zip((short, tall), from_files["classes"], strict=True):
        assert (ours["name"], ours["true_positives"], ours["truths"]) == (
            theirs["name"], theirs["true_positives"], theirs["truths"],
        )  # fmt: skip
    assert (rider["name"], rider["ap"], rider["why"]) == ("rider", None, "no ground truth of this class")


def test_a_branch_of_labels_with_confidences_is_a_model(site: Site, tmp_path: Path) -> None:
    from_branch = evaluated(site, PROJECT, f"{PROJECT}:{MODEL_BRANCH}", "--unfinished")
    from_table = evaluated(site, PROJECT, table(site, tmp_path / "predictions.csv", title))
    assert from_branch["images"] == UNITS
    again = evaluated(site, PROJECT, f"{PROJECT}:{MODEL_BRANCH}")
    assert again["summary"] == pytest.approx(from_table["summary"], abs=1e-9)


def test_unfinished_labels_are_left_out_and_counted(site: Site, tmp_path: Path) -> None:
    result = site.run("evaluate-predictions", PROJECT, table(site, tmp_path / "predictions.csv", title))
    assert f"{UNFINISHED} data units are not finished and left out" in result.stderr


def test_client_metadata_becomes_slices(site: Site, tmp_path: Path) -> None:
    slices = evaluated(site, PROJECT, table(site, tmp_path / "predictions.csv", title), "--slices")["slices"]
    titles = {one["title"] for one in slices}
    assert {"weather = sun", "weather = rain", "weather = fog", "camera.lens = 0", "camera.lens = 1"} <= titles


def test_unmatched_images_are_named_and_too_many_refused(site: Site, tmp_path: Path) -> None:
    half = table(site, tmp_path / "half.csv", lambda n: title(n) if n % 2 else f"elsewhere-{n}.jpg")
    result = site.run("evaluate-predictions", PROJECT, half)
    assert result.exit_code == 2
    assert "(elsewhere-0.jpg, elsewhere-2.jpg, elsewhere-" in result.stderr
    allowed = site.run("evaluate-predictions", PROJECT, half, "--max-unmatched", 0.6)
    assert allowed.exit_code == 0
    assert "images (elsewhere-0.jpg, elsewhere-2.jpg, elsewhere-" in allowed.stderr


def test_what_is_found_is_written_as_a_choice_of_the_projects_data_units(site: Site, tmp_path: Path) -> None:
    predictions = table(site, tmp_path / "predictions.csv", link)
    result = site.run("find", PROJECT, predictions, "-o", tmp_path / "round 2.json", "--json")
    assert result.exit_code == 0, result.stderr
    chosen = ChosenItems.model_validate_json((tmp_path / "round 2.json").read_bytes())
    assert (chosen.project_hash, chosen.name) == (PROJECT, "round 2")
    faulty = {data_hash(fault.image) for fault in site.case.faults if fault.image < UNITS - UNFINISHED}
    found = [item.data_hash for item in chosen.items]
    assert set(found[:3]) <= faulty
    assert len(faulty & set(found)) >= len(faulty) // 2
    hashes = {item["object_hash"] for item in site.case.detections.truth["annotations"]}
    for item in chosen.items:
        assert item.title in {title(image) for image in range(UNITS)}
        for reason in item.reasons:
            assert reason.kind == "likely_label_error"
            assert reason.label_hash is not None
            assert reason.object_hash is None or reason.object_hash in hashes
    findings = json.loads(result.stdout)
    assert [one["name"] for one in findings["rare_classes"]] == ["rider"]


def test_stored_pictures_become_fields_and_show_contradicting_near_duplicates(site: Site, tmp_path: Path) -> None:
    result = site.run("find", PROJECT, table(site, tmp_path / "predictions.csv", title), "--pictures", "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    conditions = [condition for one in found["slices"] for condition in one["conditions"]]
    assert {"brightness", "sharpness"} <= {condition["field"] for condition in conditions}
    (pair,) = found["contradictions"]
    titles = {found["image_list"][image]["title"] for image in pair["images"]}
    assert titles == {title(image) for image in TWINS}


def test_pictures_of_labels_that_are_files_are_refused(site: Site, tmp_path: Path) -> None:
    result = site.run("find", coco_of_the_finished(site, tmp_path)[0], "--pictures")
    assert result.exit_code == 2
    assert "--pictures reads from Encord" in result.stderr


def test_a_project_that_is_not_there_is_a_clear_failure(site: Site, tmp_path: Path) -> None:
    result = site.run("find", "00000000-0000-4000-8000-000000000000")
    assert result.exit_code == 3
    assert len(result.stderr.strip().splitlines()) == 1
