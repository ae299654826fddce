"""`benchmark-qa evaluate-predictions` as a person runs it: files in, tables or JSON out, an exit code."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from benchmark_qa.cli import app
from tests.unit.rows import box_row

TRUTH = {
    "images": [{"id": 1, "width": 100, "height": 100}, {"id": 2, "width": 100, "height": 100}],
    "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "boat"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 10], "area": 100, "iscrowd": 0}],
}
RESULTS = [
    {"image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 10], "score": 0.9},
    {"image_id": 2, "category_id": 2, "bbox": [0, 0, 10, 10], "score": 0.8},
]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["evaluate-predictions", *map(str, arguments)])


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return write(tmp_path / "truth.json", TRUTH), write(tmp_path / "results.json", RESULTS)


def test_coco_files_give_every_figure_as_json(files: tuple[Path, Path]) -> None:
    result = run(*files, "--json")
    assert result.exit_code == 0
    score = json.loads(result.stdout)
    person, boat = score["classes"]
    assert score["summary"]["AP"] == pytest.approx(1)
    assert score["summary"]["AP_large"] is None
    assert (person["f1"]["estimate"], person["truths"]) == (1, 1)
    assert (boat["ap"], boat["f1"]["estimate"], boat["why"]) == (None, None, "no ground truth of this class")


def test_the_tables_say_not_applicable(files: tuple[Path, Path]) -> None:
    result = run(*files)
    assert result.exit_code == 0
    boat = [line for line in result.stdout.splitlines() if "boat" in line]
    assert "".join(boat).count("n/a") == 8
    assert "AP_large n/a" in result.stdout
    assert "expected calibration error 0.450" in result.stdout


def test_the_page_is_one_file_with_the_figures(files: tuple[Path, Path], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    result = run(*files, "--format", "html", "--output", page, "--against", files[1])
    assert (result.exit_code, result.stdout) == (0, "")
    html = page.read_text()
    assert "Model predictions" in html
    assert "http" not in html.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert str(tmp_path) not in html


def test_tables_and_json_go_to_a_file_too(files: tuple[Path, Path], tmp_path: Path) -> None:
    for options, word in ((["--json"], '"summary"'), ([], "by class")):
        assert run(*files, *options, "-o", tmp_path / "out").exit_code == 0
        assert word in (tmp_path / "out").read_text()


def test_label_rows_with_confidences_are_predictions_too(tmp_path: Path) -> None:
    truth = write(tmp_path / "truth.json", [box_row("a", [[0, 0, 100, 100]]), box_row("b", [])])
    model = box_row("a", [[0, 0, 100, 100], [500, 0, 100, 100]])
    for item, confidence in zip(model["data_units"]["a"]["labels"]["objects"], (0.9, 0.3), strict=True):
        item["confidence"] = confidence
    folder = tmp_path / "model"
    folder.mkdir()
    write(folder / "a.json", model)
    write(folder / "z.json", box_row("z", [[0, 0, 1, 1]]))
    result = run(truth, folder, "--json", "--confidence", 0.2)
    assert result.exit_code == 2
    assert "1 of the 2 images" in result.stderr
    assert "(z) are not in" in result.stderr
    assert "--max-unmatched 0.50 would let them be" in result.stderr
    result = run(truth, folder, "--json", "--confidence", 0.2, "--max-unmatched", 0.5)
    assert result.exit_code == 0
    assert "1 images (z) have predictions but no labels and count nowhere" in result.stderr
    (figures,) = json.loads(result.stdout)["classes"]
    assert (figures["name"], figures["true_positives"], figures["false_positives"]) == ("pedestrian", 1, 1)


def crowd_files(pedestrians: dict[str, Any], folder: Path) -> tuple[Path, Path, Path]:
    """Truth, and two annotators of each image in the roles of two models, as label rows."""
    images = [image for image in pedestrians["images"] if len(image["annotations"]) > 1][:120]
    rows = [box_row(image["id"], image["ground_truth"]) for image in images]
    models = [
        [box_row(image["id"], list(image["annotations"].values())[number]) for image in images] for number in (0, 1)
    ]
    return (
        write(folder / "truth.json", rows),
        write(folder / "first.json", models[0]),
        write(folder / "second.json", models[1]),
    )


def test_slices_come_from_the_rows_and_from_a_metadata_file(pedestrians: dict[str, Any], tmp_path: Path) -> None:
    truth, _, model = crowd_files(pedestrians, tmp_path)
    known = json.loads(truth.read_text())
    for number, row in enumerate(known):
        row["dataset_title"] = f"set {number % 2}"
    write(truth, known)
    metadata = write(
        tmp_path / "metadata.json", {row["data_hash"]: {"site": number % 3} for number, row in enumerate(known)}
    )
    slices = json.loads(run(truth, model, "--metadata", metadata, "--json").stdout)["slices"]
    titles = {one["title"] for one in slices}
    assert titles >= {"dataset_title = set 0", "dataset_title = set 1", "site = 0", "site = 1", "site = 2"}
    assert titles >= {"object size = large", "objects in the image = 2"}
    assert "dataset_title = set 1" in run(truth, model, "--slices").stdout


@pytest.mark.parametrize(
    ("metadata", "message"),
    [([], "is not a JSON object of objects"), ({"1": 3}, "is not a JSON object of objects"), ({"9": {}}, "no image")],
)
def test_an_unusable_metadata_file_is_named(
    files: tuple[Path, Path], tmp_path: Path, metadata: Any, message: str
) -> None:
    result = run(*files, "--metadata", write(tmp_path / "metadata.json", metadata))
    assert result.exit_code == 2
    assert message in result.stderr


def test_label_rows_without_a_data_unit_in_common_end_with_code_2(tmp_path: Path) -> None:
    truth = write(tmp_path / "truth.json", box_row("a", [[0, 0, 9, 9]]))
    result = run(truth, write(tmp_path / "model.json", box_row("b", [[0, 0, 9, 9]])))
    assert result.exit_code == 2
    assert "no prediction of" in result.stderr


@pytest.mark.parametrize(
    ("truth", "results", "message"),
    [
        (TRUTH, [{"image_id": 1}], "model.json[0] has no category_id"),
        (TRUTH, [{**RESULTS[0], "image_id": 77}], "no prediction of"),
        (
            TRUTH,
            [{**RESULTS[0], "image_id": 77}, {**RESULTS[0], "bbox": [0, 0, -1, 1]}],
            "model.json[1].bbox has a neg",
        ),
        (TRUTH, [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]}], "model.json[0] has no score"),
        (
            TRUTH,
            {**TRUTH, "annotations": [{**TRUTH["annotations"][0], "score": 0.5}, *TRUTH["annotations"]]},
            "model.json[1] has no score",
        ),
        (TRUTH, "[", "is not JSON"),
        ([{"no": "row"}], [], "item 0 is not a label row"),
        ({**TRUTH, "annotations": 3}, [], "truth has no list annotations"),
    ],
)
def test_unusable_files_end_with_one_line_and_code_2(tmp_path: Path, truth: Any, results: Any, message: str) -> None:
    model = tmp_path / "model.json"
    model.write_text(results if isinstance(results, str) else json.dumps(results))
    result = run(write(tmp_path / "truth.json", truth), model)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("options", [[], ["--json"], ["--format", "html"]])
def test_where_nothing_can_be_written_nothing_is_evaluated(
    files: tuple[Path, Path], tmp_path: Path, options: list[str]
) -> None:
    for output, problem in (("nowhere/it.txt", "there is no folder"), (".", "is a folder")):
        result = run(*files, "--output", tmp_path / output, *options)
        assert result.exit_code == 2
        assert problem in result.stderr
    locked = run(*files, "--output", "/dev/full", *options)
    assert (locked.exit_code, locked.stderr.splitlines()[-1]) == (2, "/dev/full: No space left on device")


def test_a_table_without_even_a_heading_is_no_model_that_predicts_nothing(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    table = tmp_path / "model.csv"
    table.write_text("")
    assert "is empty" in run(files[0], table).stderr
    table.write_text("image,class,confidence,x,y,w,h\n")
    assert run(files[0], table).exit_code == 0
    table.write_text("image;class\n1;person\n")
    assert "has no x (a column x or left; there are: image, class)" in run(files[0], table).stderr


def test_labels_without_confidences_are_certain_and_that_is_said(files: tuple[Path, Path], tmp_path: Path) -> None:
    boxes = "1,person,10,10,20,20\n"
    table = tmp_path / "labels.csv"
    table.write_text("image,class,x,y,w,h\n" + boxes)
    said = "no object has a confidence: each counts as certain"
    assert said in run(files[0], table).stderr
    again = write(tmp_path / "labels.json", TRUTH)
    result = run(files[0], again, "--json")
    assert said in result.stderr
    assert json.loads(result.stdout)["summary"]["AP"] == pytest.approx(1)
    table.write_text("image,class,confidence,x,y,w,h\n" + "1,person,0,10,10,20,20\n1,person,,30,10,20,20\n")
    assert "labels.csv[1] has no confidence (a column confidence or score)" in run(files[0], table).stderr


def test_the_share_that_a_refusal_names_is_enough(files: tuple[Path, Path], tmp_path: Path) -> None:
    unknown = [{**RESULTS[0], "image_id": number} for number in (77, 78, 79, 80)]
    model = write(tmp_path / "model.json", [*RESULTS, *unknown, {**RESULTS[0], "image_id": 81}])
    refused = run(files[0], model)
    assert refused.exit_code == 2
    share = re.search(r"--max-unmatched (\S+) would", refused.stderr)
    assert share is not None
    assert run(files[0], model, "--max-unmatched", share[1]).exit_code == 0


def test_a_missing_file_is_named(files: tuple[Path, Path], tmp_path: Path) -> None:
    result = run(files[0], tmp_path / "nothing.json")
    assert result.exit_code == 2
    assert "nothing.json: No such file or directory" in result.stderr
