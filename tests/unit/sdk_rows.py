"""Label rows made by the real SDK: every modality and every shape, filled and written with `to_encord_dict`."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import numpy as np
from encord.constants.enums import DataType
from encord.objects import LabelRowV2, OntologyStructure, Shape
from encord.objects.bitmask import BitmaskCoordinates
from encord.objects.classification import Classification
from encord.objects.coordinates import (
    AudioCoordinates,
    BoundingBoxCoordinates,
    CircleCoordinates,
    Coordinates,
    Cuboid2DIsometricCoordinates,
    Cuboid2DPerspectiveCoordinates,
    CuboidCoordinates,
    EllipseCoordinates,
    HtmlCoordinates,
    PointCoordinate,
    PointCoordinate3D,
    PolygonCoordinates,
    PolylineCoordinates,
    RotatableBoundingBoxCoordinates,
    SkeletonCoordinate,
    SkeletonCoordinates,
    TextCoordinates,
    TimeRangeCoordinates,
    Visibility,
)
from encord.objects.frames import Range
from encord.objects.html_node import HtmlNode, HtmlRange
from encord.objects.ontology_object import Object
from encord.objects.ontology_object_instance import ObjectInstance
from encord.orm.label_row import AnnotationTaskStatus, LabelRowMetadata, LabelStatus

from encord.ontology import Ontology as SdkOntology  # isort: skip

WIDTH, HEIGHT = 64, 48
WHEN = datetime(2026, 1, 2)

SHAPES = {
    "box": "bounding_box",
    "rotated": "rotatable_bounding_box",
    "polygon": "polygon",
    "line": "polyline",
    "point": "point",
    "skeleton": "skeleton",
    "mask": "bitmask",
    "cuboid": "cuboid",
    "flat cuboid": "cuboid_2d",
    "circle": "circle",
    "ellipse": "ellipse",
    "sound": "audio",
    "stretch": "time_range",
    "words": "text",
    "cloud": "segmentation",
    "other box": "bounding_box",
}


def feature(name: str) -> str:
    return f"O{name.replace(' ', '')[:7]:_<7}"


def editor() -> dict[str, Any]:
    """An ontology with every shape, every kind of question, nested and dynamic ones."""
    return {
        "objects": [
            {
                "id": str(index),
                "name": name,
                "color": "#D33115",
                "shape": shape,
                "featureNodeHash": feature(name),
                "attributes": _attributes(name, index),
            }
            for index, (name, shape) in enumerate(SHAPES.items(), start=1)
        ],
        "classifications": [_classification(*row) for row in CLASSIFICATIONS],
        "skeleton_templates": [_skeleton_template()],
    }


CLASSIFICATIONS = (
    ("weather", "radio", None),
    ("hazards", "checklist", None),
    ("remark", "text", None),
    ("count", "numeric", None),
    ("quality", "radio", "global"),
)


def _classification(name: str, kind: str, level: str | None) -> dict[str, Any]:
    number = str([row[0] for row in CLASSIFICATIONS].index(name) + 1)
    item: dict[str, Any] = {"id": number, "featureNodeHash": f"C{name:_<7}", "attributes": []}
    if level:
        item["level"] = level
    root: dict[str, Any] = {
        "id": f"{number}.1",
        "name": name,
        "type": kind,
        "required": False,
        "featureNodeHash": f"R{name:_<7}",
    }
    if kind in ("radio", "checklist"):
        root["options"] = _options(f"{number}.1", name, nested=kind == "radio" and level is None)
    item["attributes"].append(root)
    return item


def _options(prefix: str, name: str, *, nested: bool) -> list[dict[str, Any]]:
    options: list[dict[str, Any]] = [
        {"id": f"{prefix}.{i}", "label": label, "value": label, "featureNodeHash": f"{label[:2]}{name:_<6}"[:8]}
        for i, label in enumerate(("good", "fair", "bad"), start=1)
    ]
    if nested:
        why = {"id": f"{prefix}.3.1", "name": f"why {name}", "type": "text", "required": False, "dynamic": False}
        options[2]["options"] = [why | {"featureNodeHash": f"W{name:_<7}"}]
    return options


def _attributes(name: str, number: int) -> list[dict[str, Any]]:
    if name not in ("box", "sound", "cloud"):
        return []
    tag = name[:4]
    attributes: list[dict[str, Any]] = [
        {
            "id": f"{number}.1",
            "name": "state",
            "type": "radio",
            "required": False,
            "dynamic": False,
            "featureNodeHash": f"S{tag:_<7}",
            "options": _options(f"{number}.1", tag, nested=True),
        },
        {
            "id": f"{number}.2",
            "name": "note",
            "type": "text",
            "required": False,
            "dynamic": False,
            "featureNodeHash": f"N{tag:_<7}",
        },
        {
            "id": f"{number}.3",
            "name": "size",
            "type": "numeric",
            "required": False,
            "dynamic": False,
            "featureNodeHash": f"Z{tag:_<7}",
        },
    ]
    if name == "box":
        attributes.append(
            {
                "id": f"{number}.4",
                "name": "moves",
                "type": "checklist",
                "required": False,
                "dynamic": True,
                "featureNodeHash": f"D{tag:_<7}",
                "options": _options(f"{number}.4", "move", nested=False),
            }
        )
    return attributes


def _skeleton_template() -> dict[str, Any]:
    points = {
        str(i): {"x": 0.1 * i, "y": 0.1, "name": name, "color": "#000000", "value": name, "featureHash": f"K{name:_<7}"}
        for i, name in enumerate(("nose", "hand", "foot"))
    }
    return {
        "template": {
            "name": "skeleton",
            "width": 0.2,
            "height": 0.2,
            "skeleton": points,
            "skeletonEdges": {"0": {"1": {"color": "#000000"}}},
            "feature_node_hash": feature("skeleton"),
            "shape": "skeleton",
        }
    }


STRUCTURE = OntologyStructure.from_dict(editor())


class _Ontology:
    """What `LabelRowV2` asks of an ontology."""

    structure = STRUCTURE


def new_row(data_type: str, unit: Mapping[str, Any] | None = None, **extra: Any) -> LabelRowV2:
    """An empty, initialised label row of one data unit, as the SDK reads it from the platform."""
    spaces = extra.pop("spaces", {})
    kind = DataType(data_type)
    mime = {"audio": "audio/mpeg", "plain_text": "text/plain", "video": "video/mp4"}.get(data_type, "image/jpeg")
    metadata = LabelRowMetadata(
        label_hash="label",
        branch_name="main",
        created_at=WHEN,
        last_edited_at=WHEN,
        file_type=(unit or {}).get("data_type", mime),
        data_hash="data",
        dataset_hash="dataset",
        dataset_title="dataset",
        data_title="title",
        data_type=kind.to_upper_case_string(),
        data_link="link",
        label_status=LabelStatus.LABEL_IN_PROGRESS,
        annotation_task_status=AnnotationTaskStatus.QUEUED,
        workflow_graph_node=None,
        is_shadow_data=False,
        frames_per_second=10,
        number_of_frames=20,
        duration=2,
        height=HEIGHT,
        width=WIDTH,
        audio_codec="mp3",
        audio_sample_rate=44100,
        audio_bit_depth=16,
        audio_num_channels=1,
        spaces=spaces,
    )
    row = LabelRowV2(metadata, None, _Ontology())  # type: ignore[arg-type]
    row.from_labels_dict(empty_dict(data_type, unit, spaces=spaces, **extra))
    return row


def empty_dict(data_type: str, unit: Mapping[str, Any] | None = None, **extra: Any) -> dict[str, Any]:
    audio = {"audio_codec": "mp3", "audio_sample_rate": 44100, "audio_bit_depth": 16, "audio_num_channels": 1}
    base = {
        "data_hash": "data",
        "data_title": "title",
        "data_type": "image/jpeg",
        "data_link": "link",
        "data_sequence": 0,
        "width": WIDTH,
        "height": HEIGHT,
        "labels": {},
        **(audio if data_type == "audio" else {}),
        **(unit or {}),
    }
    units = {"data": base}
    if data_type == "img_group":
        units = {f"image{i}": {**base, "data_hash": f"image{i}", "data_sequence": str(i)} for i in range(20)}
    return {
        "label_hash": "label",
        "branch_name": "main",
        "created_at": None,
        "last_edited_at": None,
        "data_hash": "data",
        "dataset_hash": "dataset",
        "dataset_title": "dataset",
        "data_title": "title",
        "data_type": data_type,
        "annotation_task_status": "QUEUED",
        "is_shadow_data": False,
        "label_status": "LABEL_IN_PROGRESS",
        "data_units": units,
        "object_answers": {},
        "classification_answers": {},
        "object_actions": {},
        "spaces": {},
        **extra,
    }


def mask(left: int, top: int, right: int, bottom: int) -> BitmaskCoordinates:
    pixels = np.zeros((HEIGHT, WIDTH), bool)
    pixels[top:bottom, left:right] = True
    return BitmaskCoordinates(pixels)


def _corners(*numbers: float) -> list[PointCoordinate]:
    return [PointCoordinate(x, y) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]


def skeleton(shift: float = 0.0, hidden: Visibility = Visibility.INVISIBLE) -> SkeletonCoordinates:
    places = ((0.2, 0.2, Visibility.VISIBLE), (0.5, 0.4, Visibility.OCCLUDED), (0.7, 0.9, hidden))
    return SkeletonCoordinates(
        values=[
            SkeletonCoordinate(x=x + shift, y=y, name=name, feature_hash=f"K{name:_<7}", value=name, visibility=v)
            for (x, y, v), name in zip(places, ("nose", "hand", "foot"), strict=True)
        ],
        name="skeleton",
    )


RING = [(0.1, 0.1), (0.6, 0.1), (0.6, 0.7), (0.1, 0.7)]
HOLE = [(0.2, 0.2), (0.3, 0.2), (0.3, 0.4), (0.2, 0.4)]
ISLAND = [(0.8, 0.8), (0.9, 0.8), (0.85, 0.95)]


def _ring(points: list[tuple[float, float]]) -> list[PointCoordinate]:
    return [PointCoordinate(x, y) for x, y in points]


def coordinates() -> dict[str, Coordinates]:
    """One drawing of every shape that lies on frames."""
    return {
        "box": BoundingBoxCoordinates(height=0.3, width=0.25, top_left_x=0.1, top_left_y=0.2),
        "other box": BoundingBoxCoordinates(height=0.2, width=0.1, top_left_x=0.7, top_left_y=0.1),
        "rotated": RotatableBoundingBoxCoordinates(height=0.3, width=0.2, top_left_x=0.4, top_left_y=0.4, theta=33.0),
        "polygon": PolygonCoordinates(polygons=[[_ring(RING), _ring(HOLE)], [_ring(ISLAND)]]),
        "line": PolylineCoordinates(_corners(0.1, 0.1, 0.5, 0.2, 0.9, 0.9)),  # type: ignore[arg-type]
        "point": PointCoordinate(0.3, 0.6),
        "skeleton": skeleton(),
        "mask": mask(5, 6, 20, 30),
        "flat cuboid": Cuboid2DPerspectiveCoordinates(
            front=_corners(0.1, 0.1, 0.4, 0.1, 0.4, 0.5, 0.1, 0.5),
            vanishing_point=PointCoordinate(0.8, 0.3),
            scale_ratio=0.6,
        ),
        "circle": CircleCoordinates(0.5, 0.5, 0.2),
        "ellipse": EllipseCoordinates(0.4, 0.6, 0.2, 0.1, 20.0),
    }


def isometric() -> Cuboid2DIsometricCoordinates:
    return Cuboid2DIsometricCoordinates(
        front=_corners(0.1, 0.1, 0.4, 0.1, 0.4, 0.5, 0.1, 0.5), offset=PointCoordinate(0.1, -0.05)
    )


def instance(name: str) -> ObjectInstance:
    return STRUCTURE.get_child_by_title(name, type_=Object).create_instance()


def draw(row: LabelRowV2, name: str, where: Coordinates, frames: Any = 0) -> ObjectInstance:
    drawn = instance(name)
    drawn.set_for_frames(where, frames=frames)
    row.add_object_instance(drawn)
    return drawn


def answer(row: LabelRowV2, name: str, given: Any, frames: Any = 0) -> None:
    asked = STRUCTURE.get_child_by_title(name, type_=Classification)
    item = asked.create_instance()
    attribute = asked.attributes[0]
    if isinstance(given, list):
        given = [option for option in attribute.options if option.label in given]  # type: ignore[attr-defined]
    elif attribute.get_property_type().value == "radio":
        given = next(option for option in attribute.options if option.label == given)  # type: ignore[attr-defined]
    item.set_answer(given)
    item.set_for_frames(frames)
    row.add_classification_instance(item)


def describe(drawn: ObjectInstance) -> ObjectInstance:
    """Answer every static attribute of a box."""
    state, note, size = (drawn.ontology_item.attributes[i] for i in range(3))
    bad = state.options[2]  # type: ignore[attr-defined]
    drawn.set_answer(bad, attribute=state)
    drawn.set_answer("it broke", attribute=bad.nested_options[0])
    drawn.set_answer("a note", attribute=note)
    drawn.set_answer(2.5, attribute=size)
    return drawn


def _frames_row(
    data_type: str, frames: int, unit: Mapping[str, Any] | None = None, skip: tuple[str, ...] = ()
) -> LabelRowV2:
    row = new_row(data_type, unit)
    for name, where in coordinates().items():
        if name in skip:
            continue
        drawn = draw(row, name, where, frames=list(range(frames)))
        if name == "flat cuboid":
            draw(row, name, isometric(), frames=list(range(frames)))
        if name == "box":
            describe(drawn)
            if frames > 1:
                moves = drawn.ontology_item.attributes[3]
                drawn.set_answer(list(moves.options[:2]), attribute=moves, frames=[Range(0, frames // 2)])  # type: ignore[attr-defined]
                drawn.set_answer(list(moves.options[2:]), attribute=moves, frames=[Range(frames // 2 + 1, frames - 1)])  # type: ignore[attr-defined]
    answer(row, "weather", "bad", frames=0)
    answer(row, "hazards", ["good", "bad"], frames=0)
    answer(row, "remark", "a remark", frames=0)
    answer(row, "count", 3, frames=0)
    return row


def image() -> LabelRowV2:
    return _frames_row("image", 1)


def image_group() -> LabelRowV2:
    return _frames_row("img_group", 3)


def video() -> LabelRowV2:
    return _frames_row("video", 10, {"data_type": "video/mp4", "data_fps": 10, "data_duration": 2})


def dicom() -> LabelRowV2:
    return _frames_row("dicom", 4, {"data_type": "application/dicom"})


def nifti() -> LabelRowV2:
    return _frames_row("nifti", 4, {"data_type": "application/octet-stream"})


def pdf() -> LabelRowV2:
    unit = {"data_type": "application/pdf", "width": 0, "height": 0}
    return _frames_row("pdf", 2, unit, skip=("mask",))


def scene() -> LabelRowV2:
    row = new_row("scene", {"data_type": "application/json", "width": 0, "height": 0})
    for frame in range(3):
        box = CuboidCoordinates(position=(frame, 2, 0.5), orientation=(0.1, 0.2, 0.3), size=(4, 2, 1.5))
        draw(row, "cuboid", box, frames=frame)
    draw(row, "point", PointCoordinate3D(1.0, 2.0, 3.0))
    line = [PointCoordinate3D(0.0, 0.0, 0.0), PointCoordinate3D(4.0, 1.0, 0.5)]
    draw(row, "line", PolylineCoordinates(line))
    return row


def audio() -> LabelRowV2:
    row = new_row("audio", {"data_type": "audio/mpeg"})
    describe(draw(row, "sound", AudioCoordinates(range=[Range(100, 900), Range(1200, 1500)])))
    draw(row, "sound", AudioCoordinates(range=[Range(300, 400)]))
    return row


def time_series() -> LabelRowV2:
    row = new_row("time_series", {"data_type": "text/csv"})
    draw(row, "stretch", TimeRangeCoordinates(range=[Range(10, 90)]))
    return row


def text() -> LabelRowV2:
    row = new_row("plain_text", {"data_type": "text/plain"})
    draw(row, "words", TextCoordinates(range=[Range(3, 9), Range(20, 20)]))
    return row


def html() -> LabelRowV2:
    row = new_row("plain_text", {"data_type": "text/html"})
    start, end = HtmlNode(xpath="/html/body/p[1]/text()", offset=2), HtmlNode(xpath="/html/body/p[1]/text()", offset=9)
    other = HtmlNode(xpath="/html/body/p[2]/text()", offset=4)
    ranges = [HtmlRange(start=start, end=end), HtmlRange(start=end, end=other)]
    draw(row, "words", HtmlCoordinates(range=ranges))
    return row


ROWS: Mapping[str, Callable[[], LabelRowV2]] = {
    maker.__name__: maker
    for maker in (image, image_group, video, dicom, nifti, pdf, scene, audio, time_series, text, html)
}

__all__ = ["ROWS", "SHAPES", "STRUCTURE", "SdkOntology", "Shape", "draw", "editor", "feature", "new_row"]
