"""`benchmark-qa score` as a person runs it: files in, table or JSON out, an exit code."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from benchmark_qa.cli import app
from benchmark_qa.terminal.files import load_rows
from tests.unit.rows import PEDESTRIAN_EDITOR, answer_row, box_row


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["score", *map(str, arguments)])


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_one_row_against_one_row_and_every_conflict_explained(tmp_path: Path) -> None:
    truth = write(tmp_path / "truth.json", box_row("image", [[0, 0, 100, 100], [500, 500, 100, 100]]))
    labels = write(tmp_path / "labels.json", box_row("image", [[0, 0, 100, 100], [800, 500, 100, 100]]))
    result = run(truth, labels, "--explain")
    assert result.exit_code == 0
    assert "missing pedestrian at frame 0" in result.stdout
    assert "spurious pedestrian at frame 0" in result.stdout


def test_by_creator_each_person_answers_for_their_own_labels_only(tmp_path: Path) -> None:
    row = box_row("image", [[0, 0, 100, 100], [500, 500, 100, 100]])
    objects = row["data_units"]["image"]["labels"]["objects"]
    objects[0]["createdBy"], objects[1]["createdBy"] = "a@example.com", "b@example.com"
    truth = write(tmp_path / "truth.json", box_row("image", [[0, 0, 100, 100], [500, 500, 100, 100]]))
    result = run(truth, write(tmp_path / "labels.json", row), "--by", "creator", "--json")
    people = json.loads(result.stdout)["annotators"]
    assert {person["annotator"]: person["true_positives"] for person in people} == {
        "a@example.com": 1,
        "b@example.com": 1,
    }


def test_labels_that_name_nobody_belong_to_the_only_person_that_the_row_names(tmp_path: Path) -> None:
    row = box_row("image", [[0, 0, 100, 100], [500, 500, 100, 100]])
    row["data_units"]["image"]["labels"]["objects"][0]["createdBy"] = "a@example.com"
    truth = write(tmp_path / "truth.json", box_row("image", [[0, 0, 100, 100], [500, 500, 100, 100]]))
    people = json.loads(run(truth, write(tmp_path / "labels.json", row), "--json").stdout)["annotators"]
    assert {person["annotator"]: person["true_positives"] for person in people} == {"a@example.com": 2}


def test_a_directory_of_exports_is_read_whole_and_csv_comes_out(tmp_path: Path) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()
    for branch in ("first", "second"):
        write(folder / f"{branch}.json", answer_row("image", True, branch_name=branch))
    truth = write(tmp_path / "truth.json", answer_row("image", True))
    lines = run(truth, folder, "--format", "csv").stdout.splitlines()
    assert lines[0].startswith("annotator,tasks,")
    assert [line.split(",")[0] for line in lines[1:]] == ["first", "second"]


def test_the_folder_of_an_export_is_read_though_other_files_stand_in_it(tmp_path: Path) -> None:
    (tmp_path / "out" / "encord" / "label_rows").mkdir(parents=True)
    write(tmp_path / "out" / "encord" / "label_rows" / "00000.json", answer_row("image", True))
    write(tmp_path / "out" / "encord" / "ontology.json", {"objects": []})
    write(tmp_path / "out" / "manifest.json", {"files": []})
    assert [row["data_hash"] for row in load_rows(tmp_path / "out")] == ["image"]
    assert load_rows(tmp_path / "out" / "encord") == load_rows(tmp_path / "out")


def test_an_ontology_of_ones_own_is_used_and_unknown_features_are_named(tmp_path: Path) -> None:
    row = box_row("image", [[0, 0, 100, 100]])
    truth, labels = write(tmp_path / "truth.json", row), write(tmp_path / "labels.json", row)
    ontology = write(tmp_path / "ontology.json", {"editor": PEDESTRIAN_EDITOR})
    assert run(truth, labels, "--ontology", ontology).exit_code == 0
    empty = write(tmp_path / "empty.json", {"objects": [], "classifications": []})
    result = run(truth, labels, "--ontology", empty)
    assert result.exit_code == 2
    assert "'PedestrX' is not in the ontology" in result.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("[1]", "item 0 is not a label row"),
        ("{}", "item 0 is not a label row"),
        ("[]", "no data unit of"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_fault(tmp_path: Path, content: str, words: str) -> None:
    labels = tmp_path / "labels.json"
    labels.write_text(content)
    result = run(write(tmp_path / "truth.json", answer_row("image", True)), labels)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "labels.json" in result.stderr


def test_faulty_rules_are_named_by_their_key(tmp_path: Path) -> None:
    row = write(tmp_path / "row.json", answer_row("image", True))
    result = run(row, row, "--config", write(tmp_path / "rules.json", {"iou_threshold": 2, "colour": "red"}))
    assert result.exit_code == 2
    assert "iou_threshold" in result.stderr
    assert "colour" in result.stderr


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_narrow_terminal_shows_names_whole_and_says_what_is_left_out(
    width: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmark_qa.commands.score_exports.command import Grouping, ScoreFiles, _print_table, _scored
    from benchmark_qa.terminal import printing

    name = "anna.kowalska-of-the-night-shift@labelling.example.com"
    truth = write(tmp_path / "truth.json", box_row("image", [[0, 0, 100, 100]]))
    labels = write(tmp_path / "labels.json", box_row("image", [[0, 0, 100, 100]], branch_name=name))
    tasks, _ = _scored(ScoreFiles(truth, labels), Grouping.BRANCH)
    narrow = printing.plain_console(width=width, force_terminal=True, color_system=None)
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(printing, "plain_console", lambda **_: narrow)
        _print_table(tasks, False, wide=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith(name)]
    assert [line for line in lines if len(line) > width] == []
    assert "F1 [95 %]" in "\n".join(lines)
    assert "1.0000 [" in "\n".join(lines)
    assert ("mean IoU" in "\n".join(lines[:2])) != ("--wide or --json shows all" in lines[-1])


VOC = """<annotation><filename>a.jpg</filename><size><width>200</width><height>100</height></size>
<object><name>car</name><difficult>1</difficult>
<bndbox><xmin>20</xmin><ymin>10</ymin><xmax>60</xmax><ymax>40</ymax></bndbox></object></annotation>"""
CVAT = """<annotations><image id="0" name="a.jpg" width="200" height="100">
<box label="car" xtl="20" ytl="10" xbr="60" ybr="40" occluded="0"/></image></annotations>"""
IN_PIXELS = {"bbox": [20, 10, 40, 30], "segmentation": [[20, 10, 60, 10, 60, 40, 20, 40]]}
COCO = {
    "images": [{"id": 0, "file_name": "train/a.jpg", "width": 200, "height": 100}],
    "categories": [{"id": 0, "name": "car"}],
    "annotations": [{"id": 0, "image_id": 0, "category_id": 0, **IN_PIXELS}],
}
RESULTS = [{"image_id": "a", "category_id": 0, "bbox": [20, 10, 40, 30], "score": 0.5}]
LABELME = {"imagePath": "a.jpg", "imageWidth": 200, "imageHeight": 100, "shapes": [
    {"label": "car", "shape_type": "rectangle", "points": [[20, 10], [60, 40]]}]}  # fmt: skip
TASKS = [{"data": {"image": "a.jpg"}, "annotations": [{"result": [
    {"type": "rectanglelabels", "original_width": 200, "original_height": 100,
     "value": {"x": 10, "y": 10, "width": 20, "height": 30, "rectanglelabels": ["car"]}}]}]}]  # fmt: skip
TABLE = "image,class,x,y,w,h\na.jpg,car,20,10,40,30\n"


def box_of_a_jpg() -> dict[str, Any]:
    """The same box as a label row; its size is that of the other files."""
    row = json.loads(json.dumps(box_row("unit", [[20, 10, 40, 30]], width=200, height=100)))
    row["data_title"] = row["data_units"]["unit"]["data_title"] = "a.jpg"
    row["data_units"]["unit"]["labels"]["objects"][0]["name"] = "car"
    return dict(row)


@pytest.fixture(scope="module")
def same_box(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One box on one picture, in a file of each format."""
    folder = tmp_path_factory.mktemp("formats")
    texts = {"voc.xml": VOC, "cvat.xml": CVAT, "table.csv": TABLE}
    texts |= {"yolo/classes.txt": "car\n", "yolo/labels/a.txt": "0 0.2 0.25 0.2 0.3\n"}
    documents = {"coco.json": COCO, "results.json": RESULTS, "labelme.json": LABELME, "tasks.json": TASKS}
    texts |= {name: json.dumps(each) for name, each in documents.items()}
    texts["rows.json"] = json.dumps([box_of_a_jpg()])
    for name, content in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    return {name.split(".")[0].split("/")[0]: folder / name.split("/")[0] for name in texts}


FORMATS = ("voc", "cvat", "yolo", "coco", "results", "labelme", "tasks", "table", "rows")


@pytest.mark.parametrize("labels", FORMATS)
@pytest.mark.parametrize("truth", FORMATS)
def test_files_of_any_two_formats_are_scored_against_each_other(
    same_box: dict[str, Path], truth: str, labels: str
) -> None:
    sizes = {"yolo", "results", "table"}  # formats that do not know how large the picture is
    result = run(same_box[truth], same_box[labels], "--json", "--map", "0=car")
    if truth in sizes and labels in sizes and not truth == labels == "yolo":
        assert "its image has no width and height" in result.stderr
        assert result.exit_code != 0
        return
    assert result.exit_code == 0, result.output
    (task,) = json.loads(result.stdout)["tasks"]
    assert task["score"] == pytest.approx(1.0)
    assert task["objects"]["true_positives"] == 1
    assert ("1 of 1 images found" in result.stderr) == (truth != "rows" or labels != "rows")


def test_attributes_that_only_one_file_has_are_named_and_not_compared(same_box: dict[str, Path]) -> None:
    result = run(same_box["voc"], same_box["coco"])
    assert "class 'car': only one side has the attributes difficult: they are not compared" in result.stderr


def test_an_object_that_cannot_be_used_is_named_and_the_others_are_scored(tmp_path: Path) -> None:
    bad = {"id": 1, "image_id": 0, "category_id": 0, "bbox": [300, 10, 40, 30]}
    lost = {"id": 2, "image_id": 0, "category_id": 9, "bbox": [20, 10, 40, 30]}
    truth = write(tmp_path / "truth.json", COCO)
    labels = write(tmp_path / "labels.json", {**COCO, "annotations": [*COCO["annotations"], bad, lost]})
    result = run(truth, labels, "--json")
    assert result.exit_code == 4
    assert "annotation 1: has a bbox that lies outside its image" in result.stderr
    assert "annotation 2: the file has no category 9" in result.stderr
    assert [(one["annotator"], one["true_positives"]) for one in json.loads(result.stdout)["annotators"]] == [
        ("labels", 1)
    ]


def test_an_image_that_is_not_in_the_truth_is_named(tmp_path: Path, same_box: dict[str, Path]) -> None:
    labels = write(tmp_path / "labels.csv", TABLE)
    labels.write_text(TABLE + "A.jpg,car,20,10,40,30\n")
    result = run(same_box["voc"], labels)
    assert result.exit_code == 4
    assert "'A.jpg' is 'a.jpg' but for upper and lower case" in result.stderr


def test_a_classes_shape_of_an_ontology_decides_how_a_file_is_read(tmp_path: Path, same_box: dict[str, Path]) -> None:
    item = {"name": "vehicle", "shape": "bounding_box", "featureNodeHash": "feature1", "attributes": []}
    ontology = write(tmp_path / "ontology.json", {"objects": [item], "classifications": []})
    options = ("--ontology", ontology, "--map", "car=vehicle", "--json")
    result = run(same_box["voc"], same_box["coco"], *options)
    assert result.exit_code == 4  # 'difficult' is no attribute of this class
    assert [(one["annotator"], one["true_positives"]) for one in json.loads(result.stdout)["annotators"]] == [
        ("coco", 1)
    ]
    unknown = run(same_box["coco"], same_box["coco"], "--ontology", ontology, "--map", "car=lorry")
    assert unknown.exit_code == 2
    assert "the ontology has no class 'lorry'" in unknown.stderr
