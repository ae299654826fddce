"""The YOLO export, read by the rules that ultralytics documents and by nothing of the writer's."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from .gallery import EMPTY, EVERY_SHAPE, NO_SIZE, OVER_EDGE, SAME_ONE, SAME_STEM, SAME_TWO, UNOPENED, Gallery

IMAGE_FORMATS = {"avif", "bmp", "dng", "heic", "heif", "jp2", "jpeg", "jpg", "mpo", "png", "tif", "tiff", "webp"}


@dataclass
class Label:
    name: str
    numbers: np.ndarray[Any, Any]


def read_yolo(folder: Path, part: str, columns: int | None = None) -> dict[str, list[Label]]:
    """Image path to its labels.

    `data.yaml` names a list of images per part; lines of it that start with `./` lie beside it. The labels of an image
    are where its last `/images/` is `/labels/`, with the ending `.txt`. A line is a class number and numbers in
    [0, 1]; one number outside, or a class that has no name, and the reader drops the image.
    """
    about = yaml.safe_load((folder / "data.yaml").read_text(encoding="utf-8"))
    found: dict[str, list[Label]] = {}
    for line in (folder / about[part]).read_text(encoding="utf-8").strip().splitlines():
        assert line.startswith("./")
        image = str(folder / line[2:])
        assert image.rsplit(".", 1)[1].lower() in IMAGE_FORMATS
        label = "/labels/".join(image.rsplit("/images/", 1)).rsplit(".", 1)[0] + ".txt"
        lines = Path(label).read_text(encoding="utf-8").strip().splitlines()
        labels = []
        for row in lines:
            number, *numbers = row.split()
            table = np.array(numbers, float)
            if columns is None:
                assert len(table) >= 6
                assert len(table) % 2 == 0
            else:
                assert len(table) == columns
            if columns in (None, 4, 8):
                assert ((table >= 0) & (table <= 1)).all()
            labels.append(Label(about["names"][int(number)], table))
        assert image not in found
        found[image] = labels
    assert len({Path(path).with_suffix("") for path in found}) == len(found)
    return found


def whole(folder: Path, columns: int | None = None) -> dict[str, list[Label]]:
    """Both parts, by the image's file name."""
    parts = [read_yolo(folder, part, columns) for part in ("train", "val")]
    assert not parts[0].keys() & parts[1].keys()
    return {Path(path).name: labels for part in parts for path, labels in part.items()}


def test_boxes_come_back_where_they_were_drawn(site: Gallery, tmp_path: Path) -> None:
    said = site.export(tmp_path / "out", "--format", "yolo")
    found = whole(tmp_path / "out" / "yolo", columns=4)
    boxes = {label.name: label.numbers for label in found[EVERY_SHAPE]}
    assert boxes["box"] == pytest.approx([0.1 + 0.125, 0.2 + 0.15, 0.25, 0.3], abs=1e-6)
    assert boxes["mask"] == pytest.approx([12.5 / 64, 18 / 48, 15 / 64, 24 / 48], abs=1e-6)
    assert boxes["circle"] == pytest.approx([0.5, 0.5, 0.4, 0.4 * 64 / 48], abs=1e-5)
    assert found[EMPTY] == found[UNOPENED] == []
    assert NO_SIZE not in found
    tally = said["formats"]["yolo"]["written"]
    assert sum(map(len, found.values())) == sum(tally["objects"].values())
    assert len(found) == tally["images"]
    assert tally["not_representable"] == {"polyline": 1, "cuboid_2d": 1, "audio": 1, "skeleton": 2, "point": 1}


def test_what_reaches_beyond_the_image_is_cut_off(site: Gallery, tmp_path: Path) -> None:
    said = site.export(tmp_path / "out", "--format", "yolo")
    (label,) = whole(tmp_path / "out" / "yolo", columns=4)[OVER_EDGE]
    assert label.numbers == pytest.approx([0.9, 0.2, 0.2, 0.4], abs=1e-6)
    altered = said["formats"]["yolo"]["written"]["altered"]
    assert altered["cut off at the edges of the image"] == 1
    assert altered["polygon written as the box about it"] > 0  # a class of polygons gets no polygon back from it


def test_a_ring_covers_what_the_polygon_with_hole_and_island_covers(site: Gallery, tmp_path: Path) -> None:
    site.export(tmp_path / "out", "--format", "yolo", "--yolo-task", "segment")
    found = whole(tmp_path / "out" / "yolo")
    rings = {label.name: label.numbers.reshape(-1, 2) for label in found[EVERY_SHAPE]}
    assert filled(rings["mask"]).sum() / SCALE**2 == pytest.approx(15 * 24, rel=0.01)
    polygon = filled(rings["polygon"])
    for x, y, inside in ((0.15, 0.15, 1), (0.85, 0.85, 1), (0.25, 0.3, 0), (0.7, 0.5, 0)):
        assert polygon[int(y * 48 * SCALE), int(x * 64 * SCALE)] == inside
    expected = (0.5 * 0.6 - 0.1 * 0.2 + 0.1 * 0.15 / 2) * 64 * 48
    assert polygon.sum() / SCALE**2 == pytest.approx(expected, rel=0.01)


SCALE = 32


def filled(ring: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Pixels inside a ring on a magnified image, by OpenCV, which training uses; it counts the outline in."""
    image = np.zeros((48 * SCALE, 64 * SCALE), np.uint8)
    corners = np.round(ring * [64, 48] * SCALE * 256 - 128).astype(np.int32)
    cv2.fillPoly(image, [corners], 1, shift=8)
    return image


def test_poses_have_three_numbers_a_keypoint(site: Gallery, tmp_path: Path) -> None:
    site.export(tmp_path / "out", "--format", "yolo", "--yolo-task", "pose")
    folder = tmp_path / "out" / "yolo"
    assert yaml.safe_load((folder / "data.yaml").read_text())["kpt_shape"] == [3, 3]
    poses = {label.name: label.numbers for label in whole(folder, columns=4 + 9)[EVERY_SHAPE]}
    keypoints = poses["skeleton"][4:].reshape(3, 3)
    assert keypoints == pytest.approx(np.array([[0.2, 0.2, 2], [0.5, 0.4, 1], [0, 0, 0]]), abs=1e-5)
    assert poses["skeleton"][:4] == pytest.approx([0.35, 0.3, 0.3, 0.2], abs=1e-5)
    assert poses["point"][4:7] == pytest.approx([0.3, 0.6, 2], abs=1e-5)


def test_turned_boxes_have_four_corners(site: Gallery, tmp_path: Path) -> None:
    site.export(tmp_path / "out", "--format", "yolo", "--yolo-task", "obb")
    corners = {label.name: label.numbers for label in whole(tmp_path / "out" / "yolo", columns=8)[EVERY_SHAPE]}
    pixels = corners["rotated"].reshape(4, 2) * [64, 48]
    (x, y), (width, height), _ = cv2.minAreaRect(pixels.astype(np.float32))
    assert (x, y) == pytest.approx((32, 26.4), abs=0.01)
    assert sorted((width, height)) == pytest.approx([12.8, 14.4], abs=0.01)


def test_names_that_would_share_a_label_file_do_not(site: Gallery, tmp_path: Path) -> None:
    site.export(tmp_path / "out", "--format", "yolo")
    folder = tmp_path / "out" / "yolo"
    index = [json.loads(line) for line in (folder / "images.jsonl").read_text(encoding="utf-8").splitlines()]
    files = {entry["data_title"]: entry["file"] for entry in index}
    stems = {files[title].rsplit(".", 1)[0].casefold() for title in (SAME_ONE, SAME_TWO, SAME_STEM)}
    assert len(stems) == 3


def test_a_data_unit_stays_in_its_part_whatever_is_added(site: Gallery, tmp_path: Path) -> None:
    few = site.export(tmp_path / "few", "--format", "yolo", "--title", "same*", "--split", "train=0.5,val=0.5")
    many = site.export(tmp_path / "many", "--format", "yolo", "--split", "train=0.5,val=0.5")
    assert few["rows"] == 2
    assert many["counts"]["splits"]["val"] > 0
    parts = []
    for name in ("few", "many"):
        lines = (tmp_path / name / "yolo" / "images.jsonl").read_text(encoding="utf-8").splitlines()
        entries = map(json.loads, lines)
        parts.append({entry["data_hash"]: entry["file"].split("/")[1] for entry in entries})
    assert parts[0].items() <= parts[1].items()


def test_yolo_has_no_place_for_weights_and_needs_its_two_parts(site: Gallery, tmp_path: Path) -> None:
    for wrong in (("--weigh",), ("--split", "train=1"), ("--split", "train=0.5,val=0.6")):
        done = site.run("export", "--out", tmp_path / "out", "--format", "yolo", *wrong)
        assert done.exit_code == 2, wrong
    assert not (tmp_path / "out").exists()
