"""Data groups and scenes: labels in spaces, as the SDK writes and reads them."""

import json
from typing import Any

import pytest
from encord.objects import LabelRowV2
from encord.objects.classification import Classification
from encord.objects.coordinates import BoundingBoxCoordinates
from encord.objects.frames import Range
from encord.objects.html_node import HtmlNode, HtmlRange

from benchmark_qa.engine.task import score_task
from benchmark_qa.labels.annotations import Annotations
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.labels.reader import read_label_row
from tests.unit import sdk_rows

ONTOLOGY = Ontology.from_editor(sdk_rows.editor())
BOX = BoundingBoxCoordinates(height=0.3, width=0.2, top_left_x=0.1, top_left_y=0.1)


def child(name: str) -> dict[str, Any]:
    return {"layout_key": name, "file_name": name, "data_link": None}


SPACES = {
    "clip": {
        "space_type": "video",
        "child_info": child("clip"),
        "number_of_frames": 10,
        "width": 64,
        "height": 48,
        "data_duration": 1.0,
        "data_fps": 10.0,
        "labels": {},
    },
    "still": {"space_type": "image", "child_info": child("still"), "width": 64, "height": 48, "labels": {}},
    "voice": {"space_type": "audio", "child_info": child("voice"), "duration_ms": 5000, "labels": {}},
    "words": {"space_type": "text", "child_info": child("words"), "labels": {}},
    "page": {"space_type": "html", "child_info": child("page"), "labels": {}},
    "scan": {
        "space_type": "medical_file",
        "child_info": child("scan"),
        "number_of_frames": 5,
        "width": 64,
        "height": 48,
        "labels": {},
    },
    "stack": {
        "space_type": "medical_stack",
        "child_info": child("stack"),
        "frames": [{"width": 64, "height": 48, "instance_uid": str(i), "file_name": f"{i}.dcm"} for i in range(4)],
        "labels": {},
    },
    "slides": {
        "space_type": "image_sequence",
        "child_info": child("slides"),
        "number_of_frames": 2,
        "width": 64,
        "height": 48,
        "frames": [],
        "labels": {},
    },
    "signal": {"space_type": "time_series", "child_info": child("signal"), "labels": {}},
    "paper": {"space_type": "pdf", "child_info": child("paper"), "number_of_pages": 3, "labels": {}},
    "cloud": {
        "space_type": "point_cloud",
        "scene_info": {"stream_id": "lidar", "event_index": 0, "uri": "lidar/0.pcd"},
        "labels": {"objects": [], "classifications": []},
    },
}


def group() -> LabelRowV2:
    unit = {"data_type": "group"}
    row = sdk_rows.new_row("group", unit, spaces=json.loads(json.dumps(SPACES)))
    box = sdk_rows.instance("box")
    row.get_space(id="clip", type_="video").put_object_instance(box, [0, 1, 2], BOX)
    sdk_rows.describe(box)
    row.get_space(id="still", type_="image").put_object_instance(sdk_rows.instance("box"), BOX)
    row.get_space(id="voice", type_="audio").put_object_instance(sdk_rows.instance("sound"), ranges=Range(100, 400))
    row.get_space(id="words", type_="text").put_object_instance(sdk_rows.instance("words"), ranges=Range(3, 8))
    node = "/html/body/p/text()"
    where = HtmlRange(start=HtmlNode(xpath=node, offset=1), end=HtmlNode(xpath=node, offset=4))
    row.get_space(id="page", type_="html").put_object_instance(sdk_rows.instance("words"), ranges=[where])
    row.get_space(id="scan", type_="medical").put_object_instance(sdk_rows.instance("box"), [2], BOX)
    row.get_space(id="stack", type_="medical").put_object_instance(
        sdk_rows.instance("mask"), [3], sdk_rows.mask(3, 4, 20, 30)
    )
    row.get_space(id="slides", type_="image_sequence").put_object_instance(sdk_rows.instance("box"), [1], BOX)
    row.get_space(id="signal", type_="time_series").put_object_instance(
        sdk_rows.instance("stretch"), ranges=Range(10, 40)
    )
    row.get_space(id="paper", type_="pdf").put_object_instance(sdk_rows.instance("box"), [1], BOX)
    row.get_space(id="cloud", type_="point_cloud").put_object_instance(
        sdk_rows.instance("cloud"), ranges=[Range(0, 5), Range(10, 12)]
    )
    weather = sdk_rows.STRUCTURE.get_child_by_title("weather", type_=Classification)
    answer = weather.create_instance()
    answer.set_answer(weather.attributes[0].options[0])  # type: ignore[attr-defined]
    row.get_space(id="clip", type_="video").put_classification_instance(answer, frames=[Range(0, 4)])
    return row


@pytest.fixture(scope="module")
def content() -> dict[str, Any]:
    return json.loads(json.dumps(group().to_encord_dict()))


def test_every_space_of_a_data_group_is_read(content: dict[str, Any]) -> None:
    annotations = read_label_row(content, ONTOLOGY)
    drawn = {
        annotations.spaces[space]: frame
        for drawings in annotations.drawings.values()
        for space, frame in zip(drawings.space.tolist(), drawings.frame.tolist(), strict=True)
    }
    assert drawn == {
        "clip": 2,
        "still": 0,
        "voice": 0,
        "words": 0,
        "page": 0,
        "scan": 2,
        "stack": 3,
        "slides": 1,
        "signal": 0,
        "paper": 1,
        "cloud": 0,
    }
    (classification,) = annotations.classifications
    assert (classification.space, classification.spans) == ("clip", ((0.0, 4.0),))


def test_a_data_group_scores_one_against_itself(content: dict[str, Any]) -> None:
    annotations = read_label_row(content, ONTOLOGY)
    result = score_task(annotations, annotations, ONTOLOGY)
    assert result.score == 1.0
    assert result.objects.true_positives == 13
    assert result.attributes.correct == 12  # four answers in each of the three frames


def test_the_same_box_in_another_space_is_another_box(content: dict[str, Any]) -> None:
    moved = json.loads(json.dumps(content))
    moved["spaces"]["still"]["labels"], moved["spaces"]["scan"]["labels"] = (
        {},
        {**moved["spaces"]["scan"]["labels"], "0": moved["spaces"]["still"]["labels"]["0"]},
    )
    result = score_task(read_label_row(content, ONTOLOGY), read_label_row(moved, ONTOLOGY), ONTOLOGY)
    assert (result.objects.false_negatives, result.objects.false_positives) == (1, 1)
    assert sorted(c.explain().split(",")[0] for c in result.conflicts) == [
        "missing box in still at frame 0",
        "spurious box in scan at frame 0",
    ]


def test_scene_images_are_the_same_place_in_both_layouts() -> None:
    box = {"objectHash": "object00", "featureHash": sdk_rows.feature("box"), "shape": "bounding_box"}
    box["boundingBox"] = BOX.to_dict()  # type: ignore[assignment]
    labels = {"objects": [box], "classifications": []}
    info = {"stream_id": "front", "event_index": 7, "start_frame": 3, "uri": "front/7.jpg"}
    space = {"space_type": "scene_image", "scene_info": info, "labels": labels, "width": 64, "height": 48}
    unit = {"data_type": "application/json", "labels": {}}
    in_spaces = sdk_rows.empty_dict("scene", unit, spaces={"id": space})
    in_unit = sdk_rows.empty_dict("scene", {**unit, "labels": {"front#3": labels}})
    first, second = (read_label_row(row, ONTOLOGY) for row in (in_spaces, in_unit))
    assert score_task(first, second, ONTOLOGY).objects.true_positives == 1


def events_row(*events: tuple[int, str, float], linear: bool = False) -> Annotations:
    """A continuous scene with one point that moves: (nanosecond, event, x)."""
    labels = {
        str(at): {
            "objects": [
                {
                    "objectHash": "object00",
                    "featureHash": sdk_rows.feature("point"),
                    "shape": "point",
                    "event": kind,
                    "point": {"0": {"x": x, "y": 0.0, "z": 0.0}},
                    **({"interpolate": "linear"} if linear else {}),
                }
            ]
        }
        for at, kind, x in events
    }
    unit = {"data_type": "application/json", "labels": labels}
    return read_label_row(sdk_rows.empty_dict("scene", unit, scene={"isContinuous": True}), ONTOLOGY)


def test_events_are_compared_wherever_anything_happens_in_either_row() -> None:
    truth = events_row((0, "upsert", 0.0), (100, "upsert", 9.0), (200, "delete", 0.0))
    assert score_task(truth, truth, ONTOLOGY).score == 1.0
    assert score_task(truth, truth, ONTOLOGY).objects.true_positives == 2
    late = events_row((0, "upsert", 0.0), (150, "upsert", 9.0), (200, "delete", 0.0))
    result = score_task(truth, late, ONTOLOGY).objects
    assert (result.true_positives, result.false_negatives) == (2, 1)  # at 100 the two are nine units apart


def test_an_object_that_moves_in_a_straight_line_is_where_the_sdk_says() -> None:
    from benchmark_qa.labels.events import at_common_times

    truth = events_row((0, "upsert", 0.0), (100, "upsert", 10.0), (200, "delete", 0.0), linear=True)
    labels = events_row((0, "upsert", 0.0), (25, "upsert", 2.5), (100, "upsert", 10.0), (200, "delete", 0.0))
    sampled, _ = at_common_times(truth, labels)
    (drawings,) = sampled.drawings.values()
    order = drawings.frame.argsort()
    assert drawings.frame[order].tolist() == [0, 25, 100]
    assert drawings.geometry[order, 0].tolist() == [0.0, 2.5, 10.0]
    assert score_task(truth, labels, ONTOLOGY).score == 1.0


def test_a_cuboid_turns_between_events_as_in_the_sdk() -> None:
    import numpy as np
    from encord.objects.interpolation import _slerp_orientation

    from benchmark_qa.labels.events import _turned

    random = np.random.default_rng(5)
    for _ in range(50):
        start, end = random.uniform(-1.5, 1.5, (2, 3))
        share = float(random.random())
        wanted = _slerp_orientation(tuple(start), tuple(end), share)
        assert _turned(start, end, share) == pytest.approx(wanted, abs=1e-9)


def test_a_group_is_read_by_the_sdk_as_by_us(content: dict[str, Any]) -> None:
    unit = {"data_type": "group"}
    row = sdk_rows.new_row("group", unit, spaces=json.loads(json.dumps(SPACES)))
    row.from_labels_dict(content)
    theirs = {(space.space_id, item.object_hash) for space in row.get_spaces() for item in space.get_object_instances()}
    annotations = read_label_row(content, ONTOLOGY)
    ours = {
        (annotations.spaces[space], annotations.instances[instance])
        for drawings in annotations.drawings.values()
        for space, instance in zip(drawings.space.tolist(), drawings.instance.tolist(), strict=True)
    }
    assert ours == theirs


def test_a_layered_image_keeps_the_labels_of_its_root_layer() -> None:
    spaces = {
        "root": {
            "space_type": "image",
            "root_info": {"file_name": "layers.tif"},
            "width": 64,
            "height": 48,
            "labels": {},
        },
        "layer": {"space_type": "image", "child_info": child("layer"), "width": 64, "height": 48, "labels": {}},
    }
    row = sdk_rows.new_row("image", spaces=spaces)
    for name in spaces:
        row.get_space(id=name, type_="image").put_object_instance(sdk_rows.instance("box"), BOX)
    weather = sdk_rows.STRUCTURE.get_child_by_title("weather", type_=Classification)
    answer = weather.create_instance()
    answer.set_answer(weather.attributes[0].options[0])  # type: ignore[attr-defined]
    row.get_space(id="root", type_="image").put_classification_instance(answer)
    annotations = read_label_row(json.loads(json.dumps(row.to_encord_dict())), ONTOLOGY)
    result = score_task(annotations, annotations, ONTOLOGY)
    assert (result.objects.true_positives, result.classifications.expected, result.score) == (2, 1, 1.0)
