"""Broken input gets an error that names the place, or a stated treatment; never a crash, never a silent zero."""

import math
from typing import Any

import numpy as np
import pytest

from benchmark_qa.engine.errors import TooManyPairsError
from benchmark_qa.engine.pairs import touching
from benchmark_qa.engine.task import score_task
from benchmark_qa.labels.errors import LabelReadError
from benchmark_qa.labels.inference import infer_ontology
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.labels.reader import read_label_row
from tests.unit import sdk_rows
from tests.unit.rows import PEDESTRIAN, PEDESTRIAN_EDITOR, box_row

ONTOLOGY = Ontology.from_editor(sdk_rows.editor())
SIMPLE = Ontology.from_editor(PEDESTRIAN_EDITOR)


def broken(**geometry: Any) -> dict[str, Any]:
    row = box_row("image", [[10, 10, 20, 20], [50, 50, 20, 20]])
    row["data_units"]["image"]["labels"]["objects"][1] |= geometry
    return row


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shape": None}, "shape None is not known"),
        ({"shape": "heptagon"}, "shape 'heptagon' is not known"),
        ({"featureHash": "unknown0"}, "feature 'unknown0' is not in the ontology"),
        ({"featureHash": None}, "feature None is not in the ontology"),
        ({"featureHash": "what a person wrote"}, r"feature \(no feature hash\) is not in the ontology"),
        ({"objectHash": None}, "has no objectHash"),
        ({"objectHash": 7}, "has no objectHash"),
        ({"objectHash": "object00"}, "drawn twice in one frame"),
        ({"boundingBox": None}, "has no boundingBox"),
        ({"boundingBox": {"x": 0.1, "y": 0.1, "w": 0.1}}, "has a boundingBox without h"),
        ({"boundingBox": {"x": 0.1, "y": 0.1, "w": -0.1, "h": 0.1}}, "has a negative size"),
        ({"boundingBox": {"x": math.nan, "y": 0.1, "w": 0.1, "h": 0.1}}, "not finite"),
        ({"boundingBox": {"x": 0.1, "y": 0.1, "w": math.inf, "h": 0.1}}, "not finite"),
        ({"boundingBox": {"x": 1e300, "y": 0.1, "w": 0.1, "h": 0.1}}, "not finite"),
        ({"boundingBox": {"x": [], "y": 0.1, "w": 0.1, "h": 0.1}}, "whose x is not a number"),
        ({"shape": "polygon", "polygons": [[[0.1, 0.2, 0.3]]]}, "odd count of numbers"),
        ({"shape": "polygon", "polygons": [[[]]]}, "polygon without points"),
        ({"shape": "polygon", "polygons": "square"}, "no well-formed polygon"),
        ({"shape": "polygon"}, "no well-formed polygon"),
        ({"shape": "bitmask", "bitmask": {"height": 720, "width": 1280, "rleString": "é"}}, "run-length string"),
        ({"shape": "bitmask", "bitmask": {"height": 720, "width": 1280, "rleString": "P"}}, "middle of a number"),
        ({"shape": "bitmask", "bitmask": {"height": 2, "width": 2, "rleString": "06"}}, "more pixels than"),
        ({"shape": "skeleton", "skeleton": {"0": {"x": 1}}}, "no well-formed skeleton"),
        ({"shape": "polyline", "polyline": {}}, "polyline without points"),
        ({"shape": "cuboid", "cuboid": {"position": [1], "orientation": [0] * 3, "size": [1] * 3}}, "no well-formed"),
    ],
)  # fmt: skip
def test_a_broken_drawing_is_named_with_its_place(change: dict[str, Any], words: str) -> None:
    with pytest.raises(LabelReadError, match=words) as error:
        read_label_row(broken(**change), SIMPLE)
    assert error.value.place == "data_units[image].labels"
    assert "0.1" not in str(error.value)  # no label content in messages


def test_a_bitmask_of_another_size_than_its_frame_is_named() -> None:
    mask = {"height": 2, "width": 3, "rleString": "06"}
    drawing = {"objectHash": "object00", "featureHash": sdk_rows.feature("mask"), "shape": "bitmask", "bitmask": mask}
    with pytest.raises(LabelReadError, match="a bitmask has another height or width than its frame"):
        read_label_row(sdk_rows.empty_dict("image", {"labels": {"objects": [drawing]}}), ONTOLOGY)


def test_a_class_drawn_with_another_shape_than_its_own_is_named() -> None:
    with pytest.raises(LabelReadError, match=f"feature '{PEDESTRIAN}' is drawn as point"):
        read_label_row(broken(shape="point", point={"0": {"x": 0.1, "y": 0.1}}), SIMPLE)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (None, "label row: is not a JSON object"),
        ({}, "has no data_type"),
        ({"data_type": "hologram", "data_units": {}}, "data_type 'hologram' is not known"),
        ({"data_type": "image"}, "has no data_units"),
        ({"data_type": "image", "data_units": {"a": 1}}, r"data_units\[a\]: is not a JSON object"),
        ({"data_type": "image", "data_units": {"a": {"labels": []}}}, None),
        ({"data_type": "image", "data_units": {"a": {"labels": {"objects": 3}}}}, "objects: is not a list"),
        ({"data_type": "video", "data_units": {"a": {"labels": {"x": {}}}}}, r"labels\[x\]: is not a frame number"),
        ({"data_type": "video", "data_units": {"a": {"labels": {"-1": {}}}}}, r"labels\[-1\]: is not a frame number"),
        ({"data_type": "image", "data_units": {}, "object_answers": []}, None),
        ({"data_type": "image", "data_units": {}, "object_answers": [1]}, "object_answers: is not a JSON object"),
        (
            {"data_type": "image", "data_units": {}, "classification_answers": {"a": {"featureHash": "unknown1"}}},
            "'unknown1' is not in",
        ),
    ],
)
def test_a_broken_row_is_named_with_its_place(row: Any, words: str | None) -> None:
    if words is None:
        assert not read_label_row(row, SIMPLE).drawings
        return
    with pytest.raises(LabelReadError, match=words):
        read_label_row(row, SIMPLE)


SAID = "Mrs Miller, born 1950"
"""What a person may have written, wherever it stands"""


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (broken(shape=SAID), "data_units[image].labels: shape (not a name) is not known"),
        (broken(featureHash=SAID), "data_units[image].labels: feature (no feature hash) is not in the ontology"),
        ({"data_type": SAID, "data_units": {}}, "label row: data_type (not a name) is not known"),
        ({"data_type": "a" * 33, "data_units": {}}, "label row: data_type (not a name) is not known"),
        (
            {"data_type": "image", "data_units": {"a": {"data_sequence": SAID}}},
            "data_units[a].data_sequence: is not a frame number",
        ),
        (
            {"data_type": "video", "data_units": {"a": {"labels": {SAID: {}}}}},
            "data_units[a].labels[...]: is not a frame number",
        ),
        ({"data_type": "video", "data_units": {SAID: {"labels": {"x": {}}}}}, "data_units[...]: is not a frame number"),
        ({"data_type": "image", "data_units": {}, "spaces": {SAID: 1}}, "spaces[...]: is not a JSON object"),
        ({"data_type": "image", "data_units": {"9" * 5000: 1}}, "data_units[...]: is not a JSON object"),
    ],
)  # fmt: skip
def test_no_message_quotes_what_a_person_may_have_written(row: Any, message: str) -> None:
    with pytest.raises(LabelReadError) as error:
        read_label_row(row, SIMPLE)
    assert str(error.value) == message
    assert error.value.place in message


@pytest.mark.parametrize("row", [broken(shape=SAID), broken(featureHash=SAID, shape="blob")])
def test_an_ontology_that_is_guessed_from_labels_quotes_nothing_either(row: Any) -> None:
    with pytest.raises(LabelReadError) as error:
        infer_ontology([row])
    assert SAID not in str(error.value)


@pytest.mark.parametrize(
    ("editor", "words"),
    [
        ([], "ontology: is not a JSON object"),
        ({"objects": {}}, None),
        ({"objects": 3}, "ontology.objects: is not a list"),
        ({"objects": [{"name": "a"}]}, r"ontology.objects\[0\]: has no shape"),
        ({"objects": [{"name": "a", "shape": "blob", "featureNodeHash": "b"}]}, "shape 'blob' is not known"),
        ({"classifications": [{"featureNodeHash": "b", "attributes": []}]}, "has no attribute"),
    ],
)
def test_a_broken_ontology_is_named_with_its_place(editor: Any, words: str | None) -> None:
    if words is None:
        assert Ontology.from_editor(editor).objects == ()
        return
    with pytest.raises(LabelReadError, match=words):
        Ontology.from_editor(editor)


def test_a_polygon_that_crosses_itself_covers_both_its_halves() -> None:
    bow_tie = {"polygons": [[[0.1, 0.1, 0.5, 0.5, 0.5, 0.1, 0.1, 0.5]]]}
    halves = {"polygons": [[[0.1, 0.1, 0.3, 0.3, 0.1, 0.5]], [[0.5, 0.1, 0.5, 0.5, 0.3, 0.3]]]}
    first, second = (
        read_label_row(sdk_rows.empty_dict("image", {"labels": {"objects": [_polygon(geometry)]}}), ONTOLOGY)
        for geometry in (bow_tie, halves)
    )
    assert score_task(first, second, ONTOLOGY).objects.similarity_sum == pytest.approx(1.0, abs=1e-9)


def _polygon(geometry: dict[str, Any]) -> dict[str, Any]:
    return {"objectHash": "object00", "featureHash": sdk_rows.feature("polygon"), "shape": "polygon", **geometry}


def test_outlines_without_area_agree_when_they_span_the_same() -> None:
    flat = {"polygons": [[[0.1, 0.1, 0.5, 0.1]]]}
    other = {"polygons": [[[0.1, 0.1, 0.6, 0.1]]]}
    rows = [
        read_label_row(sdk_rows.empty_dict("image", {"labels": {"objects": [_polygon(g)]}}), ONTOLOGY)
        for g in (flat, flat, other)
    ]
    dot = read_label_row(box_row("image", [[10, 10, 0, 0]]), SIMPLE)
    assert score_task(dot, dot, SIMPLE).score == 1.0
    assert score_task(rows[0], rows[2], ONTOLOGY).objects.true_positives == 0


def test_an_object_marked_as_deleted_is_not_there() -> None:
    assert len(read_label_row(broken(isDeleted=True), SIMPLE).drawings["bounding_box"]) == 1  # type: ignore[index]


def test_a_million_objects_on_top_of_each_other_are_refused_by_name() -> None:
    extents = np.tile(np.array([0.0, 0.0, 1.0, 1.0]), (1_000_000, 1))
    with pytest.raises(TooManyPairsError, match="1,000,000,000,000 pairs of drawings"):
        touching(extents, np.zeros(len(extents), np.int64), extents, np.zeros(len(extents), np.int64))
