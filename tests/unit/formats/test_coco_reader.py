"""COCO annotations of every kind, drawn with the shapes of an ontology; pycocotools is the reference for masks."""

from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from benchmark_qa.formats.class_mapping import MappingError, Target, mapping_of_document, parse_mapping
from benchmark_qa.formats.coco_labels import read_coco
from benchmark_qa.formats.coco_reader import CocoError
from benchmark_qa.formats.label_parts import LabelParts, LayoutError, filled, laid_out, parts_of, same
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
        ("person", {"keypoints": [90, 15, 2, 95, 15, 1]}, "keypoints that lie outside its image"),
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


def reading_of(*annotations: dict[str, Any], name: str = "box", **image: Any) -> Any:
    return read_coco(document(*annotations, name=name, **image), TARGET)


def test_run_lengths_of_a_polygon_class_keep_their_hole() -> None:
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pixels[3:23, 4:34] = 1
    pixels[8:13, 10:20] = 0
    encoded = coco_mask.encode(np.asfortranarray(pixels))
    segmentation = {"size": [HEIGHT, WIDTH], "counts": encoded["counts"].decode()}
    polygons = drawn("area", segmentation=segmentation).drawings[Shape.POLYGON].geometry
    assert np.diff(polygons.ring_offsets).tolist() == [4, 4]
    assert polygons.points[0].tolist() == pytest.approx([4 / WIDTH, 3 / HEIGHT])


def test_two_annotations_of_one_id_are_two_objects() -> None:
    reading = reading_of({"id": 1}, {"id": 1, "bbox": [20, 10, 5, 5]}, {"id": "1", "bbox": [1, 1, 5, 5]})
    objects = reading.labelled[0].parts.units[0]["objects"]
    assert len({drawing["objectHash"] for drawing in objects}) == 3
    assert len(reading.labelled[0].parts.object_answers) == 3


@pytest.mark.parametrize("ids", [(1.0, "1"), ("1", 1), (0, 0.0)])
def test_ids_are_one_however_they_are_written(ids: tuple[Any, Any]) -> None:
    reading = reading_of({"image_id": ids[1], "category_id": "5"}, id=ids[0], width=40.0, height=30.0)
    assert reading.faults == ()
    assert reading.labelled[0].size == (WIDTH, HEIGHT)
    assert len(reading.labelled[0].parts.units[0]["objects"]) == 1


def test_persons_without_a_keypoint_are_left_out_and_counted() -> None:
    reading = reading_of({"keypoints": [0] * 6}, {"keypoints": [8, 27, 1, 4, 3, 2]}, name="person")
    assert len(reading.labelled[0].parts.units[0]["objects"]) == 1
    assert reading.left_out == ("1 objects without a keypoint left out: nobody has drawn them",)
    assert [one.annotated for one in reading.labelled] == [True]
    nobody = reading_of({"keypoints": [0] * 6}, name="person")
    assert [one.annotated for one in nobody.labelled] == [False]  # an image of persons is not an empty one
    assert reading.faults == ()


def test_what_reaches_beyond_its_image_is_cut_off_and_counted() -> None:
    reading = reading_of({"bbox": [-4, -3, 8, 6]})
    (drawing,) = reading.labelled[0].parts.units[0]["objects"]
    assert drawing["boundingBox"] == pytest.approx({"x": 0, "y": 0, "w": 0.1, "h": 0.1})
    assert reading.left_out == ("1 objects cut off at the edges of their images",)
    reading = reading_of({"segmentation": [[-10, 0, 10, 0, 10, 15, -10, 15]]}, name="area")
    (drawing,) = reading.labelled[0].parts.units[0]["objects"]
    assert max(drawing["polygons"][0][0]) <= 0.5
    assert min(drawing["polygons"][0][0]) == 0


def test_an_exact_drawing_counts_while_the_box_is_still_about_it() -> None:
    hole = {"polygons": [[[0.1, 0.1, 0.3, 0.1, 0.3, 0.3, 0.1, 0.3], [0.15, 0.15, 0.25, 0.15, 0.25, 0.25]]]}
    outline = {"segmentation": [[4, 3, 12, 3, 12, 9, 4, 9]], "drawing": hole}
    (drawing,) = reading_of(outline, name="area").labelled[0].parts.units[0]["objects"]
    assert len(drawing["polygons"][0]) == 2
    moved = {**outline, "bbox": [14, 3, 8, 6], "segmentation": [[14, 3, 22, 3, 22, 9, 14, 9]]}
    (drawing,) = reading_of(moved, name="area").labelled[0].parts.units[0]["objects"]
    assert len(drawing["polygons"][0]) == 1


def test_an_image_without_annotations_is_marked() -> None:
    assert [one.annotated for one in reading_of().labelled + reading_of({}).labelled] == [False, True]


def test_frames_of_one_data_unit_are_one() -> None:
    images = [
        {"id": at, "file_name": f"walk_f{at:06d}.jpg", "width": WIDTH, "height": HEIGHT, "data_hash": HASH, "frame": at}
        for at in (2, 7)
    ]
    annotations = [{"id": at, "image_id": at, "category_id": 5, "bbox": [4, 3, 8, 6]} for at in (2, 7)]
    given = {"images": images, "categories": [{"id": 5, "name": "box"}], "annotations": annotations}
    (one,) = read_coco(given, TARGET).labelled
    assert list(one.parts.units[0]) == ["2", "7"]
    group = laid_out(one.parts, 8, flat=True)
    assert [len(unit["objects"]) for unit in group.units] == [0, 0, 1, 0, 0, 0, 0, 1]
    with pytest.raises(LayoutError, match="of frame 7, the data unit has 7 images"):
        laid_out(one.parts, 7, flat=True)


HASH = "66ad2d36-e402-593b-83a2-10847914587b"
