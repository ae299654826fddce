"""The COCO export as pycocotools reads it, and against the labels as the SDK reads them."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from benchmark_qa.commands.findings.choose_command import choose_data_units
from benchmark_qa.commands.findings.findings import find
from benchmark_qa.commands.predictions.truth import Truth

from .gallery import EMPTY, EVERY_SHAPE, GROUP, NO_SIZE, SAME_ONE, SAME_STEM, SAME_TWO, UNOPENED, VIDEO, Gallery
from .reading import as_results, drawn_by_class

TASKS = ("instances", "person_keypoints")


@pytest.fixture(scope="module")
def exported(site: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("coco") / "out"
    site.export(out, "--format", "coco")
    return out


def coco(exported: Path, task: str) -> COCO:
    return COCO(str(exported / "coco" / "annotations" / f"{task}_train.json"))


def entry(data: COCO, name: str) -> dict[str, Any]:
    return next(image for image in data.imgs.values() if image["file_name"] == name)


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_evaluated_against_itself_the_export_has_an_ap_of_one(exported: Path, kind: str) -> None:
    data = coco(exported, "instances")
    evaluation = COCOeval(data, data.loadRes(as_results(data, kind)), kind)
    if kind == "segm":
        evaluation.params.catIds = sorted({a["category_id"] for a in data.anns.values() if a["segmentation"]})
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1, abs=1e-12)  # AP
    assert evaluation.stats[8] == pytest.approx(1, abs=1e-12)  # AR
    assert len(data.anns) > 4


def test_keypoints_evaluated_against_themselves_have_an_ap_of_one(exported: Path) -> None:
    data = coco(exported, "person_keypoints")
    for category in data.cats.values():
        evaluation = COCOeval(data, data.loadRes(as_results(data, "keypoints")), "keypoints")
        evaluation.params.catIds = [category["id"]]
        evaluation.params.kpt_oks_sigmas = np.full(len(category["keypoints"]), 0.05)
        evaluation.evaluate()
        evaluation.accumulate()
        precision = evaluation.eval["precision"][:, :, 0, 0, -1]
        assert precision == pytest.approx(1, abs=1e-12), category["name"]


def test_every_object_is_as_the_sdk_reads_it(site: Gallery, exported: Path) -> None:
    row = site.row(EVERY_SHAPE)
    drawn = {item.object_name: item.get_annotations()[0].coordinates for item in row.get_object_instances()}
    by_name = {}
    for task in TASKS:
        data = coco(exported, task)
        for annotation in data.imgToAnns[entry(data, EVERY_SHAPE)["id"]]:
            by_name[task, data.cats[annotation["category_id"]]["name"]] = (data, annotation)

    box = drawn["box"]
    expected = [box.top_left_x * 64, box.top_left_y * 48, box.width * 64, box.height * 48]
    assert by_name["instances", "box"][1]["bbox"] == pytest.approx(expected, abs=1e-4)

    data, annotation = by_name["instances", "mask"]
    assert (data.annToMask(annotation).astype(bool) == drawn["mask"].to_numpy_array()).all()
    assert annotation["area"] == drawn["mask"].to_numpy_array().sum() == masks.area(annotation["segmentation"])
    assert annotation["bbox"] == masks.toBbox(annotation["segmentation"]).tolist()

    _, annotation = by_name["instances", "rotated"]
    corners = np.array(annotation["segmentation"][0]).reshape(4, 2)
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    assert sides == pytest.approx([0.2 * 64, 0.3 * 48, 0.2 * 64, 0.3 * 48], abs=1e-3)
    assert corners.mean(axis=0) == pytest.approx([0.5 * 64, 0.55 * 48], abs=1e-3)
    along = corners[1] - corners[0]
    assert np.degrees(np.arctan2(along[1], along[0])) == pytest.approx(33, abs=0.05)

    data, annotation = by_name["person_keypoints", "skeleton"]
    category = data.cats[annotation["category_id"]]
    assert category["keypoints"] == ["nose", "hand", "foot"]
    assert category["skeleton"] == [[1, 2]]
    assert annotation["keypoints"] == pytest.approx([12.8, 9.6, 2, 32, 19.2, 1, 0, 0, 0])
    assert annotation["num_keypoints"] == 2

    assert by_name["instances", "box"][1]["attributes"] == {"note": "tall"}
    assert entry(data, EVERY_SHAPE)["classifications"] == {"weather": "fair", "remark": "fog, «dense»"}


def test_a_polygon_with_a_hole_and_an_island_covers_what_was_drawn(exported: Path) -> None:
    data = coco(exported, "instances")
    polygon = next(c["id"] for c in data.cats.values() if c["name"] == "polygon")
    (annotation,) = [a for a in data.imgToAnns[entry(data, EVERY_SHAPE)["id"]] if a["category_id"] == polygon]
    mask = data.annToMask(annotation)
    inside = {(0.15, 0.15), (0.55, 0.65), (0.85, 0.85)}
    outside = {(0.25, 0.3), (0.7, 0.5), (0.05, 0.05)}  # the hole, between the parts, beside them
    assert all(mask[int(y * 48), int(x * 64)] for x, y in inside)
    assert not any(mask[int(y * 48), int(x * 64)] for x, y in outside)
    assert mask.sum() == pytest.approx(annotation["area"], rel=0.05)


def test_images_without_labels_stay_as_negatives_and_frames_of_films_are_images(exported: Path) -> None:
    data = coco(exported, "instances")
    names = {image["file_name"] for image in data.imgs.values()}
    assert {EMPTY, UNOPENED} <= names
    assert data.imgToAnns[entry(data, EMPTY)["id"]] == []
    assert {name for name in names if name.startswith("walk")} == {f"walk_f{n:06d}.jpg" for n in (2, 3, 7)}
    assert {name for name in names if name.startswith(GROUP)} == {f"{GROUP}_f{n:06d}.png" for n in range(3)}
    assert {image["frame"] for image in data.imgs.values() if image["data_title"] == VIDEO} == {2, 3, 7}


def test_titles_that_would_share_a_file_name_are_told_apart(exported: Path) -> None:
    names = {image["data_title"]: Path(image["file_name"]) for image in coco(exported, "instances").imgs.values()}
    stems = [names[title].stem.casefold() for title in (SAME_ONE, SAME_TWO, SAME_STEM)]
    assert len(set(stems)) == 3
    assert names[EVERY_SHAPE].name == EVERY_SHAPE


def test_an_image_of_unknown_size_is_left_out_and_reported(exported: Path) -> None:
    assert NO_SIZE not in {image["data_title"] for image in coco(exported, "instances").imgs.values()}
    said = json.loads((exported / "manifest.json").read_text())["formats"]["coco"]["written"]["instances"]
    assert said["images_without_size"] == 1
    assert said["on_images_without_size"] == {"bounding_box": 1}


def test_no_object_is_dropped_in_silence(site: Gallery, exported: Path) -> None:
    drawn = drawn_by_class(site)
    manifest = json.loads((exported / "manifest.json").read_text())
    for task in TASKS:
        said = manifest["formats"]["coco"]["written"][task]
        ways = ("objects", "not_representable", "in_other_files", "without_region", "on_images_without_size")
        assert sum(sum(said[way].values()) for way in ways) == drawn.total()
        data = coco(exported, task)
        assert Counter(data.cats[a["category_id"]]["name"] for a in data.anns.values()) == said["objects"]
        assert said["not_representable"] == {"polyline": 1, "cuboid_2d": 1, "audio": 1}


def test_what_is_found_in_an_export_can_be_sent_back(site: Gallery, exported: Path) -> None:
    truth = Truth.from_coco(json.loads((exported / "coco" / "annotations" / "instances_train.json").read_text()))
    detections = truth.alone()
    rare = find(detections, has_predictions=False)
    choice = choose_data_units(
        detections, rare, project_hash="p", name="rare", made_at=datetime.now(UTC), kinds=("rare_class",)
    )
    row = site.row(EVERY_SHAPE)
    (item,) = [item for item in choice.items if item.data_hash == row.data_hash]
    assert item.dataset_hash == row.dataset_hash
    assert {reason.label_hash for reason in item.reasons} == {row.label_hash}
