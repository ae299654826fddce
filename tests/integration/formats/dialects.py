"""The same labels of two pictures in every format and dialect that is read, as the tools themselves write them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from pycocotools import mask as coco_mask

WIDTH, HEIGHT = 200, 100
BOX, OTHER_BOX = [20.0, 10.0, 40.0, 30.0], [100.0, 20.0, 50.0, 40.0]
RING = [20.0, 10.0, 60.0, 10.0, 60.0, 40.0]
MIDDLE, EXTENT, DEGREES = (100.0, 50.0), (40.0, 20.0), 30.0
ELLIPSE = (40.0, 25.0, 20.0, 15.0)
HEAD, FOOT, SPOT = (20.0, 10.0), (60.0, 40.0), (70.0, 60.0)
CLASSES = {
    "car": "bounding_box", "area": "polygon", "cover": "bitmask", "round": "ellipse",
    "tilted": "rotatable_bounding_box", "person": "skeleton", "spot": "point",
}  # fmt: skip
NUMBERS = {name: number for number, name in enumerate(CLASSES)}


def pixels() -> Any:
    """The mask: a bar with a hole."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:40, 20:60] = 1
    mask[20:30, 30:50] = 0
    return mask


def corners() -> list[tuple[float, float]]:
    """The corners of the turned box."""
    turn, half = np.radians(DEGREES), np.array(EXTENT) / 2
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    around = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    return [(float(x), float(y)) for x, y in around @ rotation.T + MIDDLE]


def run_lengths(*, compressed: bool) -> dict[str, Any]:
    mask = pixels()
    if compressed:
        return {"size": [HEIGHT, WIDTH], "counts": coco_mask.encode(np.asfortranarray(mask))["counts"].decode()}
    flat = mask.ravel(order="F").astype(np.int8)
    changes = np.flatnonzero(np.diff(flat, prepend=0))
    return {"size": [HEIGHT, WIDTH], "counts": np.diff([0, *changes, flat.size]).tolist()}


def annotations(*names: str, compressed: bool = False, **more: Any) -> list[dict[str, Any]]:
    """COCO annotations of these classes on the first image, and the other car on the second."""
    drawn: Mapping[str, dict[str, Any]] = {
        "car": {"bbox": BOX, "segmentation": [], "area": 1200.0},
        "area": {"bbox": BOX, "segmentation": [RING], "area": 600.0},
        "cover": {"bbox": BOX, "segmentation": run_lengths(compressed=compressed), "area": 1000.0, "iscrowd": 1},
        "person": {"bbox": BOX, "keypoints": [*HEAD, 2, *FOOT, 1], "num_keypoints": 2},
        "tilted": {"bbox": [80.0, 40.0, 40.0, 20.0], "segmentation": [], "attributes": {"rotation": DEGREES}},
    }
    found = [{"image_id": 0, "category_id": NUMBERS[name], "iscrowd": 0, **drawn[name]} for name in names]
    second = {"image_id": 1, "category_id": 0, "bbox": OTHER_BOX, "segmentation": [], "area": 2000.0, "iscrowd": 0}
    return [{"id": number, **each, **more} for number, each in enumerate([*found, second])]


def coco(objects: list[dict[str, Any]], *names: Mapping[str, Any], numbers: Mapping[str, int] = NUMBERS) -> Any:
    listed = names or tuple({"file_name": f"{name}.jpg"} for name in ("a", "b", "empty"))
    return {
        "info": {}, "licenses": [],
        "images": [{"id": at, "width": WIDTH, "height": HEIGHT, **name} for at, name in enumerate(listed)],
        "categories": [{"id": number, "name": name, "supercategory": "",
                        **({"keypoints": ["head", "foot"]} if name == "person" else {})}
                       for name, number in numbers.items()],
        "annotations": objects,
    }  # fmt: skip


def dumped(document: Any, *, mark: bool = False) -> bytes:
    return (b"\xef\xbb\xbf" if mark else b"") + orjson.dumps(document)


def plain_coco() -> dict[str, bytes]:
    """Text ids, sizes like 200.0, a byte order mark."""
    document = coco(annotations("car", "area", "cover", "person"))
    for image in document["images"]:
        image |= {"id": str(image["id"]), "width": 200.0, "height": 100.0}
    for each in document["annotations"]:
        each["image_id"] = str(each["image_id"])
    return {"instances.json": dumped(document, mark=True)}


def roboflow() -> dict[str, bytes]:
    names = [{"file_name": f"{name}_jpg.rf.0123456789abcdef0123456789abcdef.jpg", "extra": {"name": f"{name}.jpg"}}
             for name in ("a", "b", "empty")]  # fmt: skip
    document = coco(annotations("car", "area"), *names)
    document["categories"].insert(0, {"id": 9, "name": "things", "supercategory": "none"})
    return {"train/_annotations.coco.json": dumped(document)}


def cvat_coco() -> dict[str, bytes]:
    objects = annotations("car", "area", "cover", "tilted")
    for each in objects:
        each["attributes"] = {"occluded": False, "rotation": 0.0, **each.get("attributes", {})}
    return {"annotations/instances_default.json": dumped(coco(objects))}


def label_studio_coco() -> dict[str, bytes]:
    names = [{"file_name": f"images/0a1b2c3d-{name}.jpg"} for name in ("a", "b", "empty")]
    return {"result.json": dumped(coco(annotations("car", "area", ignore=0), *names))}


def ultralytics() -> dict[str, bytes]:
    """`predictions.json` of a validation run: ids are stems, boxes have three decimals."""
    stems = ("a", "b")
    results = [{"image_id": stems[each["image_id"]], "file_name": f"{stems[each['image_id']]}.jpg", "score": 0.9,
                "category_id": each["category_id"], "bbox": each["bbox"]} for each in annotations("car")]  # fmt: skip
    return {"predictions.json": dumped(results), "judged.json": dumped(coco([]))}


def detectron2() -> dict[str, bytes]:
    """`coco_instances_results.json`: ids are those of the data set that was judged."""
    kept = ("image_id", "category_id", "bbox", "segmentation")
    results = [{**{key: each[key] for key in kept if each.get(key)}, "score": 0.9}
               for each in annotations("car", "cover", compressed=True)]  # fmt: skip
    for each in results:
        each.setdefault("image_id", 0)
        each.setdefault("category_id", 0)
    return {"coco_instances_results.json": dumped(results), "judged.json": dumped(coco([]))}


def mmdetection() -> dict[str, bytes]:
    results = [{"image_id": each["image_id"], "bbox": each["bbox"], "score": 0.9, "category_id": each["category_id"]}
               for each in annotations("car")]  # fmt: skip
    return {"results.bbox.json": dumped(results), "judged.json": dumped(coco([]))}


def yolo(lines: Mapping[str, str], more: str = "") -> dict[str, bytes]:
    names = "".join(f"  {number}: {name}\n" for name, number in NUMBERS.items())
    files = {f"labels/train/{stem}.txt": text.encode() for stem, text in lines.items()}
    return {"data.yaml": f"path: .\ntrain: images/train\n{more}names:\n{names}".encode(), **files}


def shares(points: Any) -> str:
    return " ".join(f"{x / WIDTH:.8f} {y / HEIGHT:.8f}" for x, y in points)


def middle(box: list[float]) -> str:
    x, y, w, h = box
    return f"{(x + w / 2) / WIDTH:.8f} {(y + h / 2) / HEIGHT:.8f} {w / WIDTH:.8f} {h / HEIGHT:.8f}"


def yolo_detect() -> dict[str, bytes]:
    return yolo({"a": f"0 {middle(BOX)}\n", "b": f"0 {middle(OTHER_BOX)}\n", "empty": ""})


def yolo_segment() -> dict[str, bytes]:
    ring = shares([RING[at : at + 2] for at in (0, 2, 4)])
    return yolo({"a": f"1 {ring}\n", "b": "", "empty": ""})


def yolo_pose() -> dict[str, bytes]:
    points = f"{shares([HEAD])} 2 {shares([FOOT])} 1"
    return yolo({"a": f"5 {middle(BOX)} {points}\n", "b": "", "empty": ""}, "kpt_shape: [2, 3]\n")


def yolo_obb() -> dict[str, bytes]:
    return yolo({"a": f"4 {shares(corners())}\n", "b": "", "empty": ""})


def voc() -> dict[str, bytes]:
    def file(name: str, box: list[float] | None) -> bytes:
        x, y, w, h = map(int, box or [0, 0, 0, 0])
        drawn = "" if box is None else (
            f"<object><name>car</name><bndbox><xmin>{x}</xmin><ymin>{y}</ymin><xmax>{x + w}</xmax>"
            f"<ymax>{y + h}</ymax></bndbox></object>"
        )  # fmt: skip
        return (
            f"<annotation><folder>x</folder><filename>{name}.jpg</filename><size><width>{WIDTH}</width>"
            f"<height>{HEIGHT}</height><depth>3</depth></size>{drawn}</annotation>"
        ).encode()

    return {f"Annotations/{name}.xml": file(name, box) for name, box in (("a", BOX), ("b", OTHER_BOX), ("empty", None))}


def cvat_xml() -> dict[str, bytes]:
    def box(values: list[float]) -> str:
        x, y, w, h = values
        return f'<box label="car" occluded="0" xtl="{x}" ytl="{y}" xbr="{x + w}" ybr="{y + h}"/>'

    part = pixels()[10:40, 20:60].ravel()
    changes = np.flatnonzero(np.diff(part.astype(np.int8), prepend=0))
    runs = ",".join(map(str, np.diff([0, *changes, part.size]).tolist()))
    points = "".join(
        f'<points label="{name}" outside="0" occluded="{hidden}" points="{x},{y}"/>'
        for name, (x, y), hidden in (("head", HEAD, 0), ("foot", FOOT, 1))
    )
    (mx, my), (w, h), (cx, cy, rx, ry) = MIDDLE, EXTENT, ELLIPSE
    drawn = (
        box(BOX),
        f'<polygon label="area" points="{RING[0]},{RING[1]};{RING[2]},{RING[3]};{RING[4]},{RING[5]}"/>',
        f'<mask label="cover" left="20" top="10" width="40" height="30" rle="{runs}"/>',
        f'<ellipse label="round" cx="{cx}" cy="{cy}" rx="{rx}" ry="{ry}"/>',
        f'<box label="tilted" xtl="{mx - w / 2}" ytl="{my - h / 2}" xbr="{mx + w / 2}" ybr="{my + h / 2}" '
        f'rotation="{DEGREES}"/>',
        f'<skeleton label="person">{points}</skeleton>',
        f'<points label="spot" points="{SPOT[0]},{SPOT[1]}"/>',
    )
    images = "".join(
        f'<image id="{at}" name="{name}.jpg" width="{WIDTH}" height="{HEIGHT}">{content}</image>'
        for at, (name, content) in enumerate((("a", "".join(drawn)), ("b", box(OTHER_BOX)), ("empty", "")))
    )
    return {"annotations.xml": f'<?xml version="1.0"?><annotations>{images}</annotations>'.encode()}


def label_studio() -> dict[str, bytes]:
    def region(kind: str, label: str, **value: Any) -> dict[str, Any]:
        return {"id": label, "type": kind, "original_width": WIDTH, "original_height": HEIGHT,
                "value": {**value, kind: [label]}}  # fmt: skip

    def box(values: list[float]) -> dict[str, Any]:
        x, y, w, h = values
        return {"x": x / 2, "y": y, "width": w / 2, "height": h, "rotation": 0}

    (cx, cy, rx, ry), (left, top) = ELLIPSE, corners()[0]
    turned = {"x": left / 2, "y": top, "width": EXTENT[0] / 2, "height": EXTENT[1], "rotation": DEGREES}
    first = [
        region("rectanglelabels", "car", **box(BOX)),
        region("polygonlabels", "area", points=[[RING[at] / 2, RING[at + 1]] for at in (0, 2, 4)]),
        region("ellipselabels", "round", x=cx / 2, y=cy, radiusX=rx / 2, radiusY=ry, rotation=0),
        region("rectanglelabels", "tilted", **turned),
        region("keypointlabels", "spot", x=SPOT[0] / 2, y=SPOT[1], width=0.5),
    ]
    tasks = [
        {"id": at, "data": {"image": f"/data/upload/1/0a1b2c3d-{name}.jpg"}, "annotations": [{"result": result}]}
        for at, (name, result) in enumerate((
            ("a", first), ("b", [region("rectanglelabels", "car", **box(OTHER_BOX))]), ("empty", [])))
    ]  # fmt: skip
    return {"tasks.json": dumped(tasks)}


def labelme() -> dict[str, bytes]:
    def shape(kind: str, label: str, *points: Any) -> dict[str, Any]:
        return {"label": label, "shape_type": kind, "points": [list(point) for point in points], "group_id": None}

    def box(values: list[float]) -> dict[str, Any]:
        x, y, w, h = values
        return shape("rectangle", "car", (x, y), (x + w, y + h))

    ring = shape("polygon", "area", *(RING[at : at + 2] for at in (0, 2, 4)))
    shapes = {"a": [box(BOX), ring, shape("point", "spot", SPOT)], "b": [box(OTHER_BOX)], "empty": []}
    about = {"version": "5.5.0", "imageWidth": WIDTH, "imageHeight": HEIGHT}
    return {f"{name}.json": dumped({**about, "imagePath": f"{name}.jpg", "shapes": drawn})
            for name, drawn in shapes.items()}  # fmt: skip


def table() -> dict[str, bytes]:
    rows = [f"{name};car;{';'.join(map(str, box))}" for name, box in (("a.jpg", BOX), ("b.jpg", OTHER_BOX))]
    return {"boxes.csv": ("image;class;x;y;w;h\r\n" + "\r\n".join(rows) + "\r\n").encode("utf-8-sig")}


DIALECTS: Mapping[str, tuple[Callable[[], dict[str, bytes]], str, tuple[str, ...]]] = {
    "COCO": (plain_coco, "instances.json", ("car", "area", "cover", "person")),
    "COCO of Roboflow": (roboflow, "", ("car", "area")),
    "COCO of CVAT": (cvat_coco, "", ("car", "area", "cover", "tilted")),
    "COCO of Label Studio": (label_studio_coco, "result.json", ("car", "area")),
    "COCO results of Ultralytics": (ultralytics, "predictions.json", ("car",)),
    "COCO results of Detectron2": (detectron2, "coco_instances_results.json", ("car", "cover")),
    "COCO results of MMDetection": (mmdetection, "results.bbox.json", ("car",)),
    "YOLO detect": (yolo_detect, "", ("car",)),
    "YOLO segment": (yolo_segment, "", ("area",)),
    "YOLO pose": (yolo_pose, "", ("person",)),
    "YOLO obb": (yolo_obb, "", ("tilted",)),
    "Pascal VOC": (voc, "", ("car",)),
    "CVAT XML": (cvat_xml, "annotations.xml", ("car", "area", "cover", "round", "tilted", "person", "spot")),
    "Label Studio JSON": (label_studio, "tasks.json", ("car", "area", "round", "tilted", "spot")),
    "labelme": (labelme, "", ("car", "area", "spot")),
    "table of boxes": (table, "boxes.csv", ("car",)),
}
"""By name: the files, the one to name on the command line (empty: the folder), and the classes in them."""


def write(files: Mapping[str, bytes], folder: Path) -> Path:
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return folder
