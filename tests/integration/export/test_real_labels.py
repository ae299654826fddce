"""Real images' expert boxes, exported and read back: as many, where they were, and equal to themselves."""

from pathlib import Path
from typing import Any

import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tests.unit.sdk_rows import feature

from .gallery import data_hash, gallery
from .reading import as_results

IMAGES = 120


def test_real_boxes_come_back_and_have_an_ap_of_one(pedestrians: dict[str, Any], tmp_path: Path) -> None:
    images = pedestrians["images"][:IMAGES]

    def with_real_images(world: dict[str, Any]) -> None:
        world["datasets"][0]["data"] = [_unit(image) for image in images] + world["datasets"][0]["data"]
        production = world["projects"][0]
        production["tasks"] = [{"data_hash": data_hash(image["id"]), "stage": "Complete"} for image in images]
        world["labels"] = [_labels(image, production["hash"]) for image in images]

    with gallery(tmp_path / "gallery", with_real_images) as site:
        listed = tmp_path / "listed.json"
        listed.write_text(str([data_hash(image["id"]) for image in images]).replace("'", '"'))
        said = site.export(tmp_path / "out", "--format", "coco", "--data-hashes", listed)
    boxes = {image["id"]: image["ground_truth"] for image in images}
    assert said["counts"]["objects"] == {"box": sum(map(len, boxes.values()))}
    assert said["counts"]["images"] == IMAGES
    data = COCO(str(tmp_path / "out" / "coco" / "annotations" / "instances_train.json"))
    for image in data.imgs.values():
        found = sorted(a["bbox"] for a in data.imgToAnns[image["id"]])
        expected = sorted([float(n) for n in box] for box in boxes[image["data_title"].removesuffix(".jpg")])
        assert len(found) == len(expected)
        for ours, theirs in zip(found, expected, strict=True):
            assert ours == pytest.approx(theirs, abs=1e-3)
    evaluation = COCOeval(data, data.loadRes(as_results(data, "bbox")), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1, abs=1e-12)


def _unit(image: dict[str, Any]) -> dict[str, Any]:
    size = {"width": image["width"], "height": image["height"]}
    return {"hash": data_hash(image["id"]), "title": f"{image['id']}.jpg", **size}


def _labels(image: dict[str, Any], project: str) -> dict[str, Any]:
    width, height = image["width"], image["height"]
    objects = [
        {
            "objectHash": f"object{n:02d}",
            "featureHash": feature("box"),
            "name": "box",
            "shape": "bounding_box",
            "boundingBox": {"x": x / width, "y": y / height, "w": w / width, "h": h / height},
        }
        for n, (x, y, w, h) in enumerate(image["ground_truth"])
    ]
    unit = data_hash(image["id"])
    labels = {"data_units": {unit: {"labels": {"objects": objects, "classifications": []}}}}
    return {"project": project, "data_hash": unit, "labels": labels}
