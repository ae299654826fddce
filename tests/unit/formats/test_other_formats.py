"""One picture with the same labels in every format that is read: all make the same objects."""

import contextlib
from typing import Any

import orjson
import pytest

from benchmark_qa.formats.class_mapping import Target
from benchmark_qa.formats.coco_building import CocoDocument, FormatError
from benchmark_qa.formats.coco_labels import read_coco
from benchmark_qa.formats.label_parts import ImageSize
from benchmark_qa.formats.table import format_of

WIDTH, HEIGHT = 200, 100


class InMemory:
    """A folder of files."""

    def __init__(self, **files: Any) -> None:
        self.contents = {
            name: content if isinstance(content, bytes) else content.encode() for name, content in files.items()
        }

    @property
    def files(self) -> list[str]:
        return sorted(self.contents)

    def read(self, name: str) -> bytes:
        return self.contents[name]

    def image_size(self, name: str) -> ImageSize | None:
        return (WIDTH, HEIGHT)


def folder(files: dict[str, Any]) -> InMemory:
    return InMemory(**files)


def read(files: dict[str, Any]) -> CocoDocument:
    known = format_of(folder(files))
    assert known is not None
    return known.read(folder(files))


def said(document: CocoDocument) -> list[tuple[str, str, list[float]]]:
    """Image, class and box of every object."""
    images = {image["id"]: image["file_name"] for image in document.document["images"]}
    classes = {entry["id"]: entry["name"] for entry in document.document["categories"]}
    return [
        (images[a["image_id"]], classes[a["category_id"]], [round(n, 6) for n in a["bbox"]])
        for a in document.document["annotations"]
    ]


YAML = "path: .\ntrain: images/train\nnames:\n  0: car\n  1: 'tall dog'\n"
VOC = """<annotation><folder>x</folder><filename>a.jpg</filename>{source}
<size><width>200</width><height>100</height><depth>3</depth></size>
<object><name>car</name><difficult>1</difficult>
<bndbox><xmin>20</xmin><ymin>10</ymin><xmax>60</xmax><ymax>40</ymax></bndbox></object>
</annotation>"""
CVAT = """<?xml version="1.0"?><annotations><version>1.1</version>
<image id="0" name="cam1/a.jpg" width="200" height="100">
<box label="car" xtl="20" ytl="10" xbr="60" ybr="40" occluded="1"><attribute name="colour">red</attribute></box>
<polygon label="area" points="20,10;60,10;60,40;20,40"/>
<ellipse label="round" cx="40" cy="25" rx="20" ry="15"/>
<mask label="mask" left="20" top="10" width="40" height="30" rle="0,1200"/>
<polyline label="lane" points="1,1;2,2"/>
<skeleton label="person"><points label="head" points="20,10" outside="0" occluded="0"/>
<points label="foot" points="60,40" outside="0" occluded="1"/></skeleton>
</image></annotations>"""
FILM = """<annotations><meta><task><original_size><width>200</width><height>100</height></original_size>
<source>film.mp4</source></task></meta><track id="0" label="car">
<box frame="3" outside="0" xtl="20" ytl="10" xbr="60" ybr="40"/>
<box frame="4" outside="1" xtl="20" ytl="10" xbr="60" ybr="40"/></track></annotations>"""
BOX = [20.0, 10.0, 40.0, 30.0]
LABELME: dict[str, Any] = {
    "version": "5", "imagePath": "..\\images\\a.jpg", "imageWidth": 200, "imageHeight": 100.0, "shapes": [
        {"label": "car", "shape_type": "rectangle", "points": [[60, 40], [20, 10]]},
        {"label": "area", "shape_type": "polygon", "points": [[20, 10], [60, 10], [60, 40], [20, 40]]},
        {"label": "round", "shape_type": "circle", "points": [[40, 25], [50, 25]]},
        {"label": "lane", "shape_type": "line", "points": [[40, 25], [50, 25]]},
    ],
}  # fmt: skip


def region(kind: str, label: str, **value: Any) -> dict[str, Any]:
    return {"id": "r", "type": kind, "original_width": 200, "original_height": 100, "value": {**value, kind: [label]}}


TASKS: list[dict[str, Any]] = [
    {
        "id": 1,
        "data": {"image": "/data/upload/1/0a1b2c3d-a.jpg"},
        "annotations": [
            {"was_cancelled": True, "result": [region("rectanglelabels", "car", x=1, y=1, width=1, height=1)]},
            {"result": [region("rectanglelabels", "car", x=10, y=10, width=20, height=30, rotation=0)]},
        ],
    }
]


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"data.yaml": YAML, "labels/train/a.txt": "0 0.2 0.25 0.2 0.3\n", "images/train/a.jpg": b""}, "YOLO"),
        ({"classes.txt": "car\n", "labels/a.txt": "0 0.2 0.25 0.2 0.3\n", "images/a.jpg": b""}, "YOLO"),
        ({"a.xml": VOC.format(source="")}, "Pascal VOC"),
        ({"annotations.xml": CVAT}, "CVAT"),
        ({"annotations.xml": FILM}, "CVAT"),
        ({"a.json": b"\xef\xbb\xbf" + orjson.dumps(LABELME)}, "labelme"),
        ({"tasks.json": orjson.dumps(TASKS)}, "Label Studio"),
    ],
)
def test_a_box_is_the_same_in_every_format(files: dict[str, Any], name: str) -> None:
    known = format_of(folder(files))
    assert known is not None
    assert known.name == name
    (file_name, label, box), *_ = sorted(said(read(files)), key=lambda entry: entry[1] != "car")
    assert (file_name.replace("\\", "/").rpartition("/")[2].replace("film.mp4", "a.jpg"), label) == ("a.jpg", "car")
    assert box == BOX


def test_coco_and_encord_files_are_none_of_these() -> None:
    for content in ({"images": [], "annotations": [], "categories": []}, [{"data_units": {}}]):
        assert format_of(folder({"a.json": orjson.dumps(content)})) is None


def test_the_challenges_own_voc_files_count_pixels_from_one() -> None:
    source = "<source><database>The VOC2007 Database</database></source>"
    ((_, _, box),) = said(read({"a.xml": VOC.format(source=source)}))
    assert box == [19, 9, 41, 31]


@pytest.mark.parametrize(
    ("line", "box", "score"),
    [
        ("1 0.2 0.25 0.2 0.3", BOX, None),
        ("1 0.2 0.25 0.2 0.3 0.9", BOX, 0.9),
        ("1 0.1 0.1 0.3 0.1 0.3 0.4 0.1 0.4", BOX, None),
        ("1 0.1 0.1 0.3 0.1 0.3 0.4 0.1 0.4 0.5", BOX, 0.5),
        ("1 0.1 0.1 0.3 0.1 0.3 0.4", BOX, None),
    ],
)
def test_a_line_of_yolo_is_a_box_a_turned_box_or_a_polygon(line: str, box: list[float], score: float | None) -> None:
    document = read({"data.yaml": YAML, "labels/a.txt": f"{line}\n", "images/a.jpg": b""})
    ((_, name, found),) = said(document)
    assert (name, found) == ("tall dog", box)
    assert document.document["annotations"][0].get("score") == score


def test_a_turned_box_of_yolo_keeps_its_angle() -> None:
    document = read({"data.yaml": YAML, "labels/a.txt": "0 0.5 0.3 0.55 0.5 0.5 0.7 0.45 0.5", "images/a.jpg": b""})
    drawing = document.document["annotations"][0]["drawing"]["rotatableBoundingBox"]
    assert (drawing["x"] + drawing["w"] / 2, drawing["y"] + drawing["h"] / 2) == pytest.approx((0.5, 0.5))
    assert drawing["theta"] == pytest.approx(63.4349, abs=1e-3)


def test_keypoints_of_yolo_follow_the_box() -> None:
    yaml = YAML + "kpt_shape: [2, 3]\n"
    document = read({"data.yaml": yaml, "labels/a.txt": "0 0.2 0.25 0.2 0.3 0.1 0.1 2 0 0 0", "images/a.jpg": b""})
    (annotation,) = document.document["annotations"]
    assert annotation["bbox"] == pytest.approx(BOX)
    assert annotation["keypoints"] == pytest.approx([20, 10, 2, 0, 0, 0])


def test_images_of_an_exports_list_are_known_by_data_hash_and_size() -> None:
    row = {"file": "images/train/a_b.jpg", "data_hash": "hash", "frame": 0, "width": 200, "height": 100}
    files = {"data.yaml": YAML, "labels/train/a_b.txt": "0 0.2 0.25 0.2 0.3", "images.jsonl": orjson.dumps(row)}
    (image,) = read(files).document["images"]
    assert (image["data_hash"], image["width"], image["file_name"]) == ("hash", 200, "images/train/a_b.jpg")


def test_what_cvat_draws_otherwise_is_drawn_or_counted() -> None:
    document = read({"annotations.xml": CVAT})
    assert [(name, box) for _, name, box in said(document) if name != "round"] == [
        (name, BOX) for name in ("car", "area", "mask", "person")
    ]
    assert document.left_out == ("1 polyline shapes left out: COCO has none",)
    car = document.document["annotations"][0]
    assert car["attributes"] == {"colour": "red", "occluded": True}


def test_a_rectangle_of_label_studio_turns_about_its_corner() -> None:
    turned = [{**TASKS[0], "annotations": [
        {"result": [region("rectanglelabels", "car", x=50, y=10, width=20, height=30, rotation=90)]}
    ]}]  # fmt: skip
    ((_, _, box),) = said(read({"tasks.json": orjson.dumps(turned)}))
    assert box == [70, 10, 30, 40]


THING = {"color": "#D33115", "attributes": []}
EDITOR = {
    "objects": [
        {**THING, "id": str(at), "name": name, "shape": shape, "featureNodeHash": f"F{name:0>7}"[:8]}
        for at, (name, shape) in enumerate(
            (("car", "bounding_box"), ("area", "polygon"), ("round", "ellipse"), ("mask", "bitmask"))
        )
    ],
    "classifications": [],
}


def test_a_file_of_cvat_becomes_labels_of_an_ontology() -> None:
    reading = read_coco(read({"annotations.xml": CVAT}).document, Target.of(EDITOR, {}))
    drawn = {drawing["name"]: drawing for drawing in reading.labelled[0].parts.units[0]["objects"]}
    assert drawn["car"]["boundingBox"] == pytest.approx({"x": 0.1, "y": 0.1, "w": 0.2, "h": 0.3})
    assert drawn["round"]["ellipse"] == pytest.approx({"x": 0.2, "y": 0.25, "rx": 0.1, "ry": 0.15, "theta": 0})
    assert drawn["area"]["polygons"][0][0] == pytest.approx([0.1, 0.1, 0.3, 0.1, 0.3, 0.4, 0.1, 0.4])
    assert "rleString" in drawn["mask"]["bitmask"]
    assert [fault.reason[:36] for fault in reading.faults] == [
        "class 'car' has no attribute 'colour",
        "the ontology has no class 'person'; ",
    ]


def test_shares_of_an_image_without_a_size_become_labels_too() -> None:
    files = {"data.yaml": YAML, "labels/a.txt": "0 0.2 0.25 0.2 0.3"}
    reading = read_coco(read(files).document, Target.of(EDITOR, {}))
    (one,) = reading.labelled
    assert (one.size, one.titles, one.ids) == (None, (), ("a",))
    (drawing,) = one.parts.units[0]["objects"]
    assert drawing["boundingBox"] == pytest.approx({"x": 0.1, "y": 0.1, "w": 0.2, "h": 0.3})


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"data.yaml": YAML, "labels/a.txt": "7 0.2 0.25 0.2 0.3"}, "labels/a.txt, line 1: class 7 has no name"),
        ({"data.yaml": YAML, "labels/a.txt": "0 0.2 x 0.2 0.3"}, "labels/a.txt, line 1: is not numbers"),
        ({"data.yaml": YAML, "labels/a.txt": "0 0.2"}, "is not a class number and places"),
        ({"data.yaml": "nc: 2\n", "labels/a.txt": "0 0.2 0.2 0.2 0.2"}, "neither a data.yaml with names"),
        ({"a.xml": "<annotation><object>"}, "a.xml: is not XML"),
        ({"a.xml": "<annotation/>"}, "a.xml: has no size"),
        ({"a.xml": CVAT.replace('xtl="20"', 'xtl="nan"')}, "xtl is not a number: 'nan'"),
        ({"a.xml": CVAT.replace('"0,1200"', '"0,12"')}, "runs do not fill its box"),
        ({"a.json": orjson.dumps({**LABELME, "imageWidth": None})}, "has no imageWidth"),
        ({"a.json": orjson.dumps({**LABELME, "shapes": [{"label": "a", "points": "x"}]})}, "not a list of [x, y]"),
        ({"a.json": orjson.dumps([{"id": 3, "data": {}}])}, "task 3: its data names no image"),
    ],
)
def test_files_that_are_not_well_formed_are_named_with_their_place(files: dict[str, Any], message: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(files)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "files",
    [
        {"t.json": orjson.dumps([{"data": {"image": "a.jpg"}, "annotations": [3, {"result": 5}, {"result": [7]}]}])},
        {"t.json": orjson.dumps([{"data": {"image": "a.jpg"}, "annotations": [
            {"result": [region("polygonlabels", "car", points=[[1], 2, "x"])]}]}])},
        {"a.json": orjson.dumps({**LABELME, "shapes": [{"group_id": [1], "label": 3, "shape_type": 4, "points": []}]})},
        {"a.xml": CVAT.replace('width="40" height="30" rle="0,1200"', 'width="-40" height="-30" rle="0,1200"')},
        {"data.yaml": YAML, "images.jsonl": "[", "labels/a.txt": "0 1 1 1 1"},
        {"data.yaml": YAML, "images.jsonl": "[1]", "labels/a.txt": "0 1e999 1 1 1"},
    ],
)  # fmt: skip
def test_nonsense_is_read_as_nothing_or_refused(files: dict[str, Any]) -> None:
    with contextlib.suppress(FormatError):
        assert said(read(files)) == []
