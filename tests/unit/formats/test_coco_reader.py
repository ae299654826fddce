"""COCO annotations of every kind, drawn with the shapes of an ontology; pycocotools is the reference for masks."""

from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from benchmark_qa.formats.class_mapping import MappingError, Target, mapping_of_document, parse_mapping
from benchmark_qa.formats.coco_labels import read_coco
from benchmark_qa.formats.coco_reader import CocoError
from benchmark_qa.formats.label_parts import LabelParts, filled, parts_of, same
from benchmark_qa.labels.ontology import Ontology, Shape
from benchmark_qa.labels.reader import read_label_row
from tests.unit.rows import image_row

WIDTH, HEIGHT = 40, 30


def thing(name: str, shape: str, attributes: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    own = f"F{name}{shape}"[:8]
    return {"id": "1", "name": name, "color": "#D33115", "shape": shape, "featureNodeHash": own,
            "attributes": attributes or []}  # fmt: skip


COLOUR = {
    "id": "1.1", "name": "colour", "type": "radio", "required": False, "featureNodeHash": "QCOLOUR",
    "options": [
        {"id": "1.1.1", "label": "red", "value": "red", "featureNodeHash": "ORED"},
        {"id": "1.1.2", "label": "blue", "value": "blue", "featureNodeHash": "OBLUE"},
    ],
}  # fmt: skip
AGE = {"id": "1.2", "name": "age", "type": "numeric", "required": False, "featureNodeHash": "QAGE"}
EDITOR = {
    "objects": [
        thing("box", "bounding_box", [COLOUR, AGE]),
        thing("turned", "rotatable_bounding_box"),
        thing("area", "polygon"),
        thing("mask", "bitmask"),
        thing("spot", "point"),
        thing("person", "skeleton"),
        thing("line", "polyline"),
        thing("both", "bounding_box") | {"featureNodeHash": "BOTHBOX"},
        thing("both", "polygon") | {"featureNodeHash": "BOTHPOLY"},
    ],
    "classifications": [],
    "skeleton_templates": [
        {
            "template": {
                "name": "person", "width": 1, "height": 1, "shape": "skeleton", "feature_node_hash": "T1",
                "skeleton": {
                    "0": {"x": 0, "y": 0, "name": "head", "featureHash": "NHEAD"},
                    "1": {"x": 0, "y": 1, "name": "foot", "featureHash": "NFOOT"},
                },
                "skeletonEdges": {"0": {"1": {"color": "#000000"}}},
            }
        }
    ],
}  # fmt: skip
TARGET = Target.of(EDITOR, {})
KEYPOINTS = {"person": ["foot", "head"], "spot": ["point"]}


def document(*annotations: dict[str, Any], name: str = "box", **image: Any) -> dict[str, Any]:
    return {
        "images": [{"id": 1, "file_name": "a/street.jpg", "width": WIDTH, "height": HEIGHT, **image}],
        "categories": [{"id": 5, "name": name, "keypoints": KEYPOINTS.get(name, [])}],
        "annotations": [
            {"id": place, "image_id": 1, "category_id": 5, "bbox": [4, 3, 8, 6], **each}
            for place, each in enumerate(annotations, start=1)
        ],
    }


def drawn(name: str, **annotation: Any) -> Any:
    """The annotations that the scoring engine reads of what is written."""
    reading = read_coco(document(annotation, name=name), TARGET)
    assert reading.faults == ()
    row = filled(image_row("data", width=WIDTH, height=HEIGHT), reading.labelled[0].parts)
    return read_label_row(row, Ontology.from_editor(EDITOR))


def reason(name: str = "box", **annotation: Any) -> str:
    (fault,) = read_coco(document(annotation, name=name), TARGET).faults
    return fault.reason


def test_a_box_is_a_share_of_its_image() -> None:
    geometry = drawn("box").drawings[Shape.BOUNDING_BOX].geometry
    assert geometry.tolist() == [[0.1, 0.1, 0.2, 0.2]]


def test_a_turned_box_keeps_its_rotation() -> None:
    geometry = drawn("turned", attributes={"rotation": 30.0}).drawings[Shape.ROTATABLE_BOUNDING_BOX].geometry
    assert geometry.tolist() == [[0.1, 0.1, 0.2, 0.2, 30.0]]


def test_polygons_of_several_parts_are_one_object() -> None:
    rings = [[4, 3, 12, 3, 12, 9], [20, 15, 24, 15, 24, 18, 20, 18]]
    polygons = drawn("area", segmentation=rings).drawings[Shape.POLYGON]
    assert len(polygons.feature) == 1
    assert polygons.geometry.points[:3].tolist() == [[0.1, 0.1], [0.3, 0.1], [0.3, 0.3]]


@pytest.mark.parametrize("compressed", [True, False])
def test_run_lengths_are_the_same_pixels_row_by_row(compressed: bool) -> None:
    pixels = np.random.default_rng(1).random((HEIGHT, WIDTH)) < 0.4
    encoded = coco_mask.encode(np.asfortranarray(pixels.astype(np.uint8)))
    if compressed:
        counts: Any = encoded["counts"].decode()
    else:
        flat = np.concatenate(([0], pixels.ravel(order="F").astype(int), [0]))
        changes = np.flatnonzero(np.diff(flat))
        edges = np.concatenate(([0], changes, [pixels.size] if changes[-1] != pixels.size else []))
        counts = np.diff(edges).astype(int).tolist()
    annotation = {"segmentation": {"size": [HEIGHT, WIDTH], "counts": counts}, "iscrowd": 1}
    runs = drawn("mask", **annotation).drawings[Shape.BITMASK].geometry
    found = np.zeros(HEIGHT * WIDTH, bool)
    for start, end in zip(runs.starts, runs.ends, strict=True):
        found[int(start) : int(end)] = True
    assert (found.reshape(HEIGHT, WIDTH) == pixels).all()


def test_polygons_of_a_mask_class_are_filled() -> None:
    runs = drawn("mask", segmentation=[[4, 3, 12, 3, 12, 9, 4, 9]]).drawings[Shape.BITMASK].geometry
    assert int((runs.ends - runs.starts).sum()) == 8 * 6


def test_keypoints_find_their_places_in_the_template_by_name() -> None:
    skeleton = drawn("person", keypoints=[8, 27, 1, 4, 3, 2]).drawings[Shape.SKELETON].geometry
    assert skeleton.points.tolist() == [[0.1, 0.1], [0.2, 0.9]]  # head, foot, as the template has them
    assert [skeleton.titles[node] for node in skeleton.node] == ["head", "foot"]
    assert drawn("spot", keypoints=[20, 15, 2]).drawings[Shape.POINT].geometry[0][:2].tolist() == [0.5, 0.5]


def test_of_two_classes_of_one_name_the_one_that_keeps_most_is_drawn() -> None:
    outline = drawn("both", segmentation=[[4, 3, 12, 3, 12, 9]])
    assert list(outline.drawings) == [Shape.POLYGON]
    assert list(drawn("both").drawings) == [Shape.BOUNDING_BOX]


def test_attributes_become_answers_and_unknown_ones_are_told() -> None:
    given = {"colour": "red", "age": 7, "occluded": False, "classifications": {"colour": "blue"}, "mood": "good"}
    reading = read_coco(document({"attributes": given}), TARGET)
    ((answers,),) = ([entry["classifications"] for entry in one.parts.object_answers.values()]
                     for one in reading.labelled)  # fmt: skip
    assert [(a["featureHash"], a["answers"]) for a in answers] == [
        ("QCOLOUR", [{"name": "blue", "featureHash": "OBLUE"}]),
        ("QAGE", 7),
    ]
    assert [fault.reason for fault in reading.faults] == ["class 'box' has no attribute 'mood'"]


def test_attributes_and_options_have_stated_names_too() -> None:
    stated = parse_mapping(["Box=box", "Box/Farbe=colour", "Box/Farbe/rot=red"])
    reading = read_coco(document({"attributes": {"Farbe": "rot"}}, name="Box"), Target.of(EDITOR, stated))
    assert reading.faults == ()
    (entry,) = reading.labelled[0].parts.object_answers.values()
    assert entry["classifications"][0]["answers"][0]["featureHash"] == "ORED"


@pytest.mark.parametrize(
    ("name", "annotation", "why"),
    [
        ("box", {"bbox": [1, 2, 0, 3]}, "without width or height"),
        ("box", {"bbox": [1, 2, float("nan"), 3]}, "no number"),
        ("box", {"bbox": None}, "no bbox of four numbers"),
        ("box", {"iscrowd": 1}, "a crowd region"),
        ("box", {"category_id": 9}, "no category 9"),
        ("area", {}, "no segmentation"),
        ("area", {"segmentation": [[1, 2, 3, 4]]}, "fewer than three points"),
        ("area", {"segmentation": {"size": [HEIGHT, WIDTH], "counts": "0"}}, "do not fill its image"),
        ("area", {"segmentation": {"size": [HEIGHT, WIDTH], "counts": [HEIGHT * WIDTH]}}, "a mask without a pixel"),
        ("mask", {"segmentation": {"size": [HEIGHT, WIDTH], "counts": [HEIGHT * WIDTH]}}, "a mask without a pixel"),
        ("mask", {"segmentation": [[90, 90, 95, 90, 95, 95]]}, "a mask without a pixel"),
        ("area", {"segmentation": [[90, 90, 95, 90, 95, 95]]}, "an outline that lies outside its image"),
        ("area", {"segmentation": [[5, 5, 9, 9, 7, 7]]}, "an outline that has no area"),
        ("spot", {"keypoints": [90, 15, 2]}, "a point that lies outside its image"),
        ("box", {"ignore": 1}, "is marked to be ignored"),
        ("mask", {"segmentation": {"size": [1, 1], "counts": "01"}}, "run lengths are of a mask of [1, 1]"),
        ("mask", {"segmentation": {"size": [HEIGHT, WIDTH], "counts": [5, 6]}}, "do not fill its image"),
        ("mask", {"segmentation": {"size": [HEIGHT, WIDTH], "counts": "\u00e4"}}, "cannot be read"),
        ("person", {"keypoints": [1, 2, 2]}, "has 1 keypoints, its class 2"),
        ("person", {"keypoints": [1, 2, 3, 1, 2, 2]}, "visibility is none of 0, 1, 2"),
        ("line", {}, "which COCO does not know"),
        ("boat", {}, "the ontology has no class 'boat'; it has 'both'"),
        ("box", {"id": None}, "no id"),
    ],
)
def test_what_cannot_be_drawn_is_told_with_its_reason(name: str, annotation: dict[str, Any], why: str) -> None:
    assert why in reason(name, **annotation)


def test_a_thousand_annotations_of_a_missing_class_are_one_fault() -> None:
    (fault,) = read_coco(document(*[{}] * 1_000, name="boat"), TARGET).faults
    assert fault.subject == "annotation 1 and 999 more"


@pytest.mark.parametrize(
    "broken",
    [{}, {"images": [], "annotations": []}, {"images": [{"id": 1}, {"id": 1}], "annotations": [], "categories": []}],
)
def test_what_is_no_coco_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(CocoError):
        read_coco(broken, TARGET)


def test_the_same_file_makes_the_same_labels_and_another_box_makes_others() -> None:
    one, again, other = (
        read_coco(document({"bbox": box}), TARGET).labelled[0].parts
        for box in ([4, 3, 8, 6], [4, 3, 8, 6], [4, 3, 8, 7])
    )
    assert same(one, again)
    assert not same(one, other)
    assert not same(one, LabelParts(()))
    row = filled(image_row("data", width=WIDTH, height=HEIGHT), one)
    assert same(parts_of(row), one)


def test_mappings_that_are_none_are_refused() -> None:
    for lines in (["car"], ["=Vehicle"], ["car=Vehicle", "car=Van"]):
        with pytest.raises(MappingError):
            parse_mapping(lines)
    with pytest.raises(MappingError):
        mapping_of_document(["car", "Vehicle"])
    with pytest.raises(MappingError, match="has no class 'Boks'; it has 'area'"):
        Target.of(EDITOR, {"car": "Boks"})
