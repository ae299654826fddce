"""Label rows with every kind of label, onto an ontology with other hashes and other names, and matching by names."""

import json
from typing import Any

import pytest

from benchmark_qa.formats.class_mapping import Target, parse_mapping
from benchmark_qa.formats.encord_reader import NotLabelRowsError, label_rows_of, read_label_rows
from benchmark_qa.formats.label_parts import Labelled, LabelParts, filled, parts_of, same
from benchmark_qa.images.data_units import DataUnit, joined_labels
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.labels.reader import read_label_row
from tests.unit.rows import BLUEBIRD_EDITOR, PEDESTRIAN_EDITOR, answer_row, box_row

OTHER = {"PedestrX": "HumanXXX", "IndigoQX": "QuestXXX", "IndigoRR": "RootXXXX", "OptionYY": "YesXXXXX",
         "OptionNN": "NoXXXXXX"}  # fmt: skip


def renamed(document: Any, **names: str) -> Any:
    """The same with other hashes, and other names."""
    text = json.dumps(document)
    for old, new in (OTHER | names).items():
        text = text.replace(f'"{old}"', f'"{new}"')
    return json.loads(text)


def test_boxes_and_answers_find_the_features_of_their_names() -> None:
    for editor, row in ((PEDESTRIAN_EDITOR, box_row("a", [[1, 2, 30, 40]])), (BLUEBIRD_EDITOR, answer_row("a", True))):
        theirs = renamed(editor)
        reading = read_label_rows([row], Target.of(theirs, {}))
        assert reading.faults == ()
        moved = filled(row, reading.labelled[0].parts)
        assert read_label_row(moved, Ontology.from_editor(theirs))
        assert same(parts_of(moved), parts_of(renamed(row)))


def test_names_that_differ_are_stated() -> None:
    theirs = renamed(PEDESTRIAN_EDITOR, pedestrian="person")
    row = box_row("a", [[1, 2, 30, 40]])
    unknown = read_label_rows([row], Target.of(theirs, {}))
    assert "the ontology has no class 'pedestrian'" in unknown.faults[0].reason
    assert unknown.labelled[0].parts.empty
    stated = read_label_rows([row], Target.of(theirs, parse_mapping(["pedestrian=person"])))
    assert stated.faults == ()
    birds = {"Indigo Bunting": "blue bird", "yes": "true"}
    lines = ["Indigo Bunting=blue bird", "Indigo Bunting/Indigo Bunting/yes=true"]
    answered = read_label_rows(
        [answer_row("a", True)], Target.of(renamed(BLUEBIRD_EDITOR, **birds), parse_mapping(lines))
    )
    assert answered.faults == ()
    (entry,) = answered.labelled[0].parts.classification_answers.values()
    assert entry["featureHash"] == "QuestXXX"
    assert entry["classifications"][0]["answers"] == [{"name": "true", "featureHash": "YesXXXXX"}]


@pytest.mark.parametrize(("theirs", "ours"), [("caf\u00e9", "cafe\u0301"), ("lane one", "lane\u00a0one ")], ids=ascii)
def test_names_that_look_alike_need_no_mapping(theirs: str, ours: str) -> None:
    row = json.loads(json.dumps(box_row("a", [[1, 2, 30, 40]])).replace('"pedestrian"', json.dumps(ours)))
    assert read_label_rows([row], Target.of(renamed(PEDESTRIAN_EDITOR, pedestrian=theirs), {})).faults == ()


NOWHERE = {"x": 1.1, "y": 0.1, "w": 0.2, "h": 0.2}


@pytest.mark.parametrize(
    ("geometry", "said"),
    [
        ({"boundingBox": {**NOWHERE, "x": 0.1, "w": 0}}, "has a shape without width or height"),
        ({"boundingBox": NOWHERE}, "lies outside its image"),
        ({"rotatableBoundingBox": {**NOWHERE, "x": 1.5, "theta": 30}}, "lies outside its image"),
        ({"circle": {"x": 0.5, "y": 0.5, "r": 0}}, "has a shape without width or height"),
        ({"ellipse": {"x": -0.5, "y": 0.5, "rx": 0.1, "ry": 0.2}}, "lies outside its image"),
        ({"polygons": [[[0.1, 0.1, 0.2, 0.2, 0.3, 0.3]]]}, "has an outline that has no area"),
        ({"polygon": {str(n): {"x": n + 2.0, "y": n * n} for n in range(3)}}, "lies outside its image"),
        ({"bitmask": {"rleString": "d0", "top": 0, "left": 0, "width": 10, "height": 2}}, "a mask without a pixel"),
        ({"point": {"0": {"x": 1.5, "y": 0.5}}}, "lies outside its image"),
        ({"polyline": {"0": {"x": 0.5, "y": 0.5}, "1": {"x": 0.5, "y": 0.5}}}, "is a line without length"),
    ],
)
def test_what_nobody_can_match_is_no_label(geometry: dict[str, Any], said: str) -> None:
    row = box_row("a", [[1, 2, 30, 40]])
    (drawing,) = row["data_units"]["a"]["labels"]["objects"]
    del drawing["boundingBox"]
    drawing.update(geometry)
    reading = read_label_rows([row], Target.of(PEDESTRIAN_EDITOR, {}))
    assert [said in fault.reason for fault in reading.faults] == [True]
    assert drawing["objectHash"] in reading.faults[0].reason


def test_shapes_partly_on_the_image_and_holes_are_labels() -> None:
    for geometry in (
        {"boundingBox": {**NOWHERE, "x": 0.9}},
        {"rotatableBoundingBox": {**NOWHERE, "x": 1.01, "theta": 30}},
        {"polygons": [[[0.1, 0.1, 0.9, 0.1, 0.9, 0.9], [0.5, 0.2, 0.6, 0.2, 0.6, 0.3]]]},
        {"polyline": {"0": {"x": -0.5, "y": 0.5}, "1": {"x": 0.5, "y": 0.5}}},
    ):
        row = box_row("a", [[1, 2, 30, 40]])
        row["data_units"]["a"]["labels"]["objects"][0].update({"boundingBox": None, **geometry})
        assert read_label_rows([row], Target.of(PEDESTRIAN_EDITOR, {})).faults == ()


def test_an_object_that_is_drawn_twice_in_a_frame_is_told() -> None:
    row = box_row("a", [[1, 2, 30, 40], [50, 2, 30, 40]])
    objects = row["data_units"]["a"]["labels"]["objects"]
    objects[1]["objectHash"] = objects[0]["objectHash"]
    (fault,) = read_label_rows([row], Target.of(PEDESTRIAN_EDITOR, {})).faults
    assert "is drawn twice in one frame" in fault.reason


def test_features_of_the_same_hash_need_no_name() -> None:
    row = json.loads(json.dumps(box_row("a", [[1, 2, 30, 40]])).replace('"pedestrian"', '"renamed since"'))
    assert read_label_rows([row], Target.of(PEDESTRIAN_EDITOR, {})).faults == ()


def test_a_broken_row_is_a_fault_and_the_others_are_read() -> None:
    broken = box_row("b", [[1, 2, 3, 4]])
    broken["data_units"]["b"]["labels"]["objects"][0].pop("objectHash")
    reading = read_label_rows([broken, box_row("a", [])], Target.of(PEDESTRIAN_EDITOR, {}))
    assert [fault.subject for fault in reading.faults] == ["b"]
    assert [one.name for one in reading.labelled] == ["a"]
    with pytest.raises(NotLabelRowsError):
        label_rows_of([{"some": "thing"}])


def test_labels_are_matched_by_hash_url_and_title_and_never_guessed() -> None:
    units = [
        DataUnit("hash-1", "a.jpg", "s3://b/a.jpg", (10, 20)),
        DataUnit("hash-2", "same.jpg"),
        DataUnit("hash-3", "same.jpg", "s3://b/c.jpg"),
    ]
    nothing = LabelParts(())

    def match(by: Any = ("data-hash", "url", "title"), **names: Any) -> tuple[list[str], list[str]]:
        one = joined_labels([Labelled("x", nothing, **names)], units, by)
        return list(one.found), [fault.reason for fault in one.faults]

    assert match(data_hash="hash-1", titles=("same.jpg",)) == (["hash-1"], [])
    assert match(urls=("s3://b/c.jpg",), titles=("same.jpg",)) == (["hash-3"], [])
    assert match(titles=("gone.jpg", "a.jpg")) == (["hash-1"], [])
    assert match(titles=("same.jpg",)) == ([], ["fits 'same.jpg' and 'same.jpg': 2 images"])
    assert match(titles=("gone.jpg",)) == ([], ["is not among the images"])
    assert match(by=("url",), titles=("a.jpg",))[0] == []
    assert match(titles=("a.jpg",), size=(20, 10)) == ([], ["is 20 x 10 pixels, 'a.jpg' is 10 x 20"])
    twice = joined_labels([Labelled(name, nothing, titles=("a.jpg",)) for name in "xy"], units)
    assert len(twice.found) == 1
    assert twice.faults[0].reason == "belongs to the same data unit as 'x'"
