"""Whose image a prediction is on: from the files of a command line to the figures."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from benchmark_qa.cli import app

BOX = [20.0, 10.0, 40.0, 30.0]


def coco(*names: str, **more: Any) -> dict[str, Any]:
    return {
        "images": [
            {"id": number, "file_name": name, "width": 200, "height": 100} for number, name in enumerate(names, start=1)
        ],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [
            {"id": number, "image_id": number, "category_id": 1, "bbox": [20 + number, 10, 40, 30], **more}
            for number in range(1, len(names) + 1)
        ],
    }


def table(*names: str, confidence: float = 0.9, kind: str = "car") -> str:
    lines = [f'"{name}",{kind},{confidence},{20 + number},10,40,30' for number, name in enumerate(names, start=1)]
    return "\n".join(["image,class,confidence,x,y,w,h", *lines, ""])


@pytest.fixture
def run(tmp_path: Path) -> Any:
    def evaluate(labels: Any, predictions: Any, *options: object) -> Result:
        paths = []
        for name, content in (("labels", labels), ("predictions", predictions)):
            if isinstance(content, Path):
                paths.append(content)
                continue
            text = isinstance(content, str)
            path = tmp_path / f"{name}.{'csv' if text else 'json'}"
            path.write_text(content if text else json.dumps(content), encoding="utf-8-sig")
            paths.append(path)
        return CliRunner().invoke(app, ["evaluate-predictions", *map(str, (*paths, *options)), "--json"])

    return evaluate


def ap(result: Result) -> float:
    assert result.exit_code == 0, result.stderr
    return float(json.loads(result.stdout)["summary"]["AP"])


def result_of(name: str | None, image: Any, number: int, **more: Any) -> dict[str, Any]:
    named = {} if name is None else {"file_name": name}
    return {**named, "image_id": image, "category_id": 1, "bbox": [20 + number, 10, 40, 30], "score": 0.9, **more}


def test_in_a_list_of_results_the_file_name_wins_over_the_id_and_it_is_said(run: Any) -> None:
    results = [result_of("2.jpg", 2, 1), result_of("1.jpg", 1, 2)]
    result = run(coco("2.jpg", "1.jpg"), results)
    assert ap(result) == pytest.approx(1)
    assert "file_name says which image a result is on; image_id is not looked at" in result.stderr


@pytest.mark.parametrize("ids", [("000000000139", "b"), (139, "b"), (139.0, "b.jpg")])
def test_ultralytics_ids_are_names_without_their_ending(run: Any, ids: tuple[Any, Any]) -> None:
    result = run(
        coco("val/000000000139.jpg", "val/b.jpg"), [result_of(None, own, at + 1) for at, own in enumerate(ids)]
    )
    assert ap(result) == pytest.approx(1)


def test_how_every_image_was_found_and_what_was_left_out_is_said(run: Any) -> None:
    labels = coco("a.jpg", "train/b.jpg", "train/c.jpg", unicodedata.normalize("NFD", "ü.jpg"))
    result = run(labels, table("a.jpg", "b.jpg", "val/c.jpg", "ü.jpg", "A.jpg"), "--max-unmatched", 1)
    assert result.exit_code == 0
    assert "3 of 5 images found (2 by full name, 1 by the end of the name)" in result.stderr
    assert "'val/c.jpg' is not 'train/c.jpg': the folder differs" in result.stderr
    assert "'A.jpg' is 'a.jpg' but for upper and lower case" in result.stderr


@pytest.mark.parametrize("kind", ["json", "csv", "jsonl"])
def test_a_list_of_names_settles_what_no_rule_can(run: Any, tmp_path: Path, kind: str) -> None:
    labels = coco("cam1/a.jpg", "cam2/a.jpg")
    for number, image in enumerate(labels["images"], start=1):
        image["data_hash"] = f"hash-{number}"
    names = {"one.png": "hash-1", "two.png": "hash-2"}
    written = {
        "json": json.dumps(names),
        "csv": "image,data_hash\n" + "".join(f"{name},{own}\n" for name, own in names.items()),
        "jsonl": "".join(json.dumps({"file": name, "data_hash": own}) + "\n" for name, own in names.items()),
    }
    listed = tmp_path / f"map.{kind}"
    listed.write_text(written[kind])
    assert run(labels, table("one.png", "two.png")).exit_code == 2
    result = run(labels, table("one.png", "two.png"), "--map-images", listed)
    assert ap(result) == pytest.approx(1)
    assert "2 of 2 images found (2 by the map)" in result.stderr


def test_a_list_that_is_none_is_refused(run: Any, tmp_path: Path) -> None:
    listed = tmp_path / "map.json"
    for content, message in (("[]", "neither an export's file"), ('{"a": 3}', "means no image"), ("{", "is not JSON")):
        listed.write_text(content)
        result = run(coco("a.jpg"), table("a.jpg"), "--map-images", listed)
        assert result.exit_code == 2
        assert message in result.stderr
    assert "holds no images.jsonl" in run(coco("a.jpg"), table("a.jpg"), "--map-images", tmp_path).stderr


def test_confidences_in_percent_are_refused_with_their_place(run: Any) -> None:
    for predictions, place in (
        (table("a.jpg", confidence=90), "[0]"),
        ([result_of(None, 1, 1, score=90)], "[0].score"),
    ):
        result = run(coco("a.jpg"), predictions)
        assert result.exit_code == 2
        assert f"{place}" in result.stderr
        assert "a confidence lies between 0 and 1 (divide percent by 100)" in result.stderr
    assert ap(run(coco("a.jpg"), [result_of(None, 1, 1, score=1.0000001)])) == pytest.approx(1)


def test_a_class_in_other_bytes_is_the_same_and_another_spelling_is_named(run: Any) -> None:
    labels = coco("a.jpg")
    labels["categories"][0]["name"] = "Fußgänger"
    assert ap(run(labels, table("a.jpg", kind=unicodedata.normalize("NFD", "Fußgänger")))) == pytest.approx(1)
    result = run(labels, table("a.jpg", kind="fußgänger"))
    assert "class 'fußgänger' is not class 'Fußgänger' of the labels: it is spelt otherwise" in result.stderr


def test_more_than_a_hundred_objects_of_a_class_on_an_image_are_said(run: Any) -> None:
    labels = coco("a.jpg")
    labels["annotations"] = [{"id": n, "image_id": 1, "category_id": 1, "bbox": [n, 10, 0.5, 30]} for n in range(101)]
    result = run(labels, [result_of(None, 1, 1)])
    assert "the best 100 predictions of a class on an image" in result.stderr
    assert "1 with more objects" in json.loads(result.stdout)["notes"][0]


def test_a_bad_outline_counts_for_boxes_and_is_named_for_areas(run: Any) -> None:
    labels = coco("a.jpg", segmentation=[[1, 2, 3, 4]])
    assert ap(run(labels, table("a.jpg"))) == pytest.approx(1)
    result = run(labels, [result_of(None, 1, 1, segmentation=[[21, 10, 61, 10, 61, 40]])], "--region", "segm")
    assert result.exit_code == 2
    assert "truth.annotations[0].segmentation[0] is not a list of x and y of three or more points" in result.stderr


def test_yolo_predictions_are_judged_against_labels_in_pixels(run: Any, tmp_path: Path) -> None:
    """The folder that `yolo predict save_txt save_conf` writes, with the names beside: no picture, no size."""
    (tmp_path / "runs" / "labels").mkdir(parents=True)
    (tmp_path / "runs" / "classes.txt").write_text("car\n")
    for number, name in enumerate(("a", "b"), start=1):
        x = (20 + number + 20) / 200
        (tmp_path / "runs" / "labels" / f"{name}.txt").write_text(f"0 {x} 0.25 0.2 0.3 0.9\n")
    assert ap(run(coco("val/a.jpg", "val/b.png"), tmp_path / "runs")) == pytest.approx(1)


def test_labels_of_another_tool_are_the_truth(run: Any, tmp_path: Path) -> None:
    image = {"imagePath": "a.jpg", "imageWidth": 200, "imageHeight": 100}
    shapes = [{"label": "car", "shape_type": "rectangle", "points": [[21, 10], [61, 40]]}]
    labelme = tmp_path / "a.json"
    labelme.write_text(json.dumps({**image, "shapes": shapes}))
    assert ap(run(labelme, table("a.jpg"))) == pytest.approx(1)
    (tmp_path / "yolo" / "labels").mkdir(parents=True)
    (tmp_path / "yolo" / "classes.txt").write_text("car\n")
    (tmp_path / "yolo" / "labels" / "a.txt").write_text("0 0.2 0.25 0.2 0.3\n")
    refused = run(tmp_path / "yolo", table("a.jpg"))
    assert refused.exit_code == 2
    assert "the size of 1 images is not known" in refused.stderr


@pytest.mark.parametrize("separator", [";", "\t", ","])
def test_the_separator_of_a_table_is_found_from_its_header(run: Any, separator: str) -> None:
    comma = "," if separator == ";" else "."
    text = "image,class,confidence,x,y,w,h\n".replace(",", separator)
    text += separator.join(["a.jpg", "car", f"0{comma}9", "21", f"10{comma}0", "40", "30"]) + "\n"
    assert ap(run(coco("a.jpg"), text)) == pytest.approx(1)


def test_a_table_of_boxes_is_the_truth(run: Any, tmp_path: Path) -> None:
    labels = tmp_path / "truth.csv"
    labels.write_text("image,class,x,y,w,h\na.jpg,car,21,10,40,30\n")
    assert ap(run(labels, table("a.jpg"))) == pytest.approx(1)
    labels.write_text("image,class,x,y,w\na.jpg,car,21,10,40\n")
    refused = run(labels, table("a.jpg"))
    assert refused.exit_code == 2
    assert (
        "truth.csv[0] has no h (a column h or height or box_height; there are: image, class, x, y, w)" in refused.stderr
    )


def test_ids_and_sizes_are_one_however_they_are_written(run: Any) -> None:
    labels = coco("a.jpg", segmentation=[[21, 10, 61, 10, 61, 40, 21, 40]])
    labels["images"][0] |= {"id": "1", "width": 200.0, "height": 100.0}
    labels["categories"][0]["id"] = "1"
    outline = [[21.0, 10.0, 61.0, 10.0, 61.0, 40.0, 21.0, 40.0]]
    result = run(labels, [result_of(None, 1.0, 1, segmentation=outline)], "--region", "segm")
    assert ap(result) == pytest.approx(1)


def test_names_of_metadata_that_mean_no_image_are_counted(run: Any, tmp_path: Path) -> None:
    metadata = tmp_path / "metadata.json"
    metadata.write_text(json.dumps({"a.jpg": {"site": "north"}, "gone.jpg": {"site": "south"}}))
    result = run(coco("a.jpg"), table("a.jpg"), "--metadata", metadata)
    assert result.exit_code == 0
    assert "1 of 2 names mean no image (gone.jpg)" in result.stderr
