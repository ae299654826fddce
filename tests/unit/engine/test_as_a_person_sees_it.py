"""What nobody sees does not count: remnants, spaces, whatever lies outside the image or after the end of the film."""

import copy
import json
from typing import Any

import numpy as np
import pytest
from encord.objects import LabelRowV2
from encord.objects.coordinates import BoundingBoxCoordinates, PointCoordinate, PolygonCoordinates
from encord.objects.frames import Range

from benchmark_qa.engine.config import ScoringConfig
from benchmark_qa.engine.errors import ContradictoryAnswersError, TooManyPairsError, TooMuchWorkError
from benchmark_qa.engine.result import Conflict, TaskScore, joined_conflicts
from benchmark_qa.engine.task import score_task
from benchmark_qa.formats.regions import regions_of
from benchmark_qa.labels.answers import seen_text
from benchmark_qa.labels.ontology import AREA_SHAPES, PATH_SHAPES, RANGE_SHAPES, SPACE_SHAPES, Ontology, Shape
from benchmark_qa.labels.outlines import outlines, reach
from benchmark_qa.labels.reader import read_label_row, readers
from tests.unit import sdk_rows
from tests.unit.rows import image_row

ONTOLOGY = Ontology.from_editor(sdk_rows.editor())
Row = dict[str, Any]


def wire(row: LabelRowV2) -> Row:
    content: Row = json.loads(json.dumps(row.to_encord_dict()))
    return content


def score(truth: Row, labels: Row, **rules: Any) -> TaskScore:
    config = ScoringConfig.model_validate(rules)
    return score_task(read_label_row(truth, ONTOLOGY), read_label_row(labels, ONTOLOGY), ONTOLOGY, config)


def drawn(shape: str, **geometry: Any) -> Row:
    name = next(name for name, kind in sdk_rows.SHAPES.items() if kind == shape)
    return {"objectHash": "a", "featureHash": sdk_rows.feature(name), "name": name, "shape": shape, **geometry}


def image(*objects: Row, **parts: Any) -> Row:
    return image_row("d", width=100, height=50, objects=list(objects), **parts)


def ring(x: float, y: float, w: float, h: float) -> list[list[list[float]]]:
    return [[[x, y, x + w, y, x + w, y + h, x, y + h]]]


# The part inside the image is the same on both sides.
OVER_THE_EDGE = {
    "bounding_box": (
        {"boundingBox": {"x": 0.0, "y": 0.0, "w": 0.1, "h": 0.2}},
        {"boundingBox": {"x": -0.15, "y": -0.5, "w": 0.25, "h": 0.7}},
    ),
    "rotatable_bounding_box": (
        {"rotatableBoundingBox": {"x": 0.9, "y": 0.1, "w": 0.1, "h": 0.2, "theta": 0}},
        {"rotatableBoundingBox": {"x": 0.9, "y": 0.1, "w": 0.5, "h": 0.2, "theta": 0}},
    ),
    "polygon": ({"polygons": [ring(0.0, 0.5, 0.2, 0.5)[0]]}, {"polygons": [ring(-0.3, 0.5, 0.5, 0.9)[0]]}),
    "polyline": (
        {"polyline": {"0": {"x": 0.0, "y": 0.5}, "1": {"x": 0.5, "y": 0.5}}},
        {"polyline": {"0": {"x": -0.5, "y": 0.5}, "1": {"x": 0.5, "y": 0.5}}},
    ),
    "point": ({"point": {"0": {"x": 0.0, "y": 0.5}}}, {"point": {"0": {"x": -0.2, "y": 0.5}}}),
    "cuboid_2d": (
        {"cuboid_2d": {"front": [0.0, 0.1, 0.2, 0.1, 0.2, 0.4, 0.0, 0.4], "offset": {"x": 0.0, "y": 0.1}}},
        {"cuboid_2d": {"front": [-0.3, 0.1, 0.2, 0.1, 0.2, 0.4, -0.3, 0.4], "offset": {"x": 0.0, "y": 0.1}}},
    ),
    "skeleton": (
        {"skeleton": {"0": {"x": 0.0, "y": 0.5, "name": "nose"}, "1": {"x": 0.4, "y": 0.9, "name": "hand"}}},
        {"skeleton": {"0": {"x": -0.2, "y": 0.5, "name": "nose"}, "1": {"x": 0.4, "y": 0.9, "name": "hand"}}},
    ),
}


@pytest.mark.parametrize("shape", OVER_THE_EDGE)
def test_what_is_drawn_over_the_edge_ends_at_the_edge(shape: str) -> None:
    truth, label = (image(drawn(shape, **geometry)) for geometry in OVER_THE_EDGE[shape])
    for sides in ((truth, label), (label, truth), (label, label)):
        result = score(*sides, iou_threshold=0.1)
        assert result.objects.mean_similarity == pytest.approx(1.0, abs=1e-9)
        assert result.conflicts == ()


@pytest.mark.parametrize(
    ("shape", "key", "fields"),
    [("circle", "circle", {"r": 0.1}), ("ellipse", "ellipse", {"rx": 0.1, "ry": 0.2, "theta": 0.0})],
)
def test_half_a_circle_over_the_edge_is_the_half_disc_in_the_image(shape: str, key: str, fields: Row) -> None:
    angle = np.linspace(-np.pi / 2, np.pi / 2, 721)
    disc = np.stack((np.cos(angle) * 0.1, 0.5 + np.sin(angle) * 0.2), axis=1)
    half = drawn("polygon", polygons=[[disc.ravel().tolist()]])
    whole = image(drawn(shape, **{key: {"x": 0.0, "y": 0.5, **fields}}))
    assert score(whole, whole).score == 1.0
    (crossed,) = score(image(half), whole).conflicts
    assert crossed.kind == "mislabelled"
    assert crossed.similarity == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("shape", ["bounding_box", "polygon", "rotatable_bounding_box", "circle", "polyline"])
def test_what_lies_outside_altogether_does_not_exist(shape: str) -> None:
    outside = {
        "bounding_box": {"boundingBox": {"x": 1.0, "y": 0.1, "w": 0.2, "h": 0.2}},
        "polygon": {"polygons": [ring(-0.4, -0.4, 0.2, 0.2)[0]]},
        "rotatable_bounding_box": {"rotatableBoundingBox": {"x": 1.5, "y": 0.1, "w": 0.2, "h": 0.2, "theta": 45}},
        "circle": {"circle": {"x": 1.3, "y": 0.5, "r": 0.1}},
        "polyline": {"polyline": {"0": {"x": -0.5, "y": 0.4}, "1": {"x": 0.4, "y": -0.5}}},
    }[shape]
    row = image(drawn(shape, **outside))
    assert score(row, image()).objects.is_empty
    result = score(row, row)
    assert result.objects.f1 is None
    assert result.conflicts == ()


def test_a_line_in_space_has_no_edge() -> None:
    row = wire(sdk_rows.scene())
    assert score(row, row).objects.true_positives == 5


@pytest.mark.parametrize(
    "text",
    [
        "cafe\u0301 noir\nfin",
        " caf\u00e9 noir\nfin  ",
        "caf\u00e9\u00a0noir\nfin",
        "caf\u00e9 noir \r\nfin",
        "caf\u00e9 noir\u2028fin",
        "caf\u00e9\u2009noir\nfin\ufeff",
    ],
)
def test_texts_that_look_the_same_are_the_same(text: str) -> None:
    assert seen_text(text) == "caf\u00e9 noir\nfin"


@pytest.mark.parametrize(
    "text", ["Caf\u00e9 noir\nfin", "caf\u00e9  noir\nfin", "cafe noir\nfin", "caf\u00e9 noir fin"]
)
def test_texts_that_look_different_are_different(text: str) -> None:
    assert seen_text(text) != "caf\u00e9 noir\nfin"


def described(*answers: tuple[str, Any], actions: list[Row] | None = None) -> Row:
    listed = [
        {"featureHash": key, "answers": [{"featureHash": v} for v in value] if isinstance(value, list) else value}
        for key, value in answers
    ]
    row = image(
        drawn("bounding_box", boundingBox={"x": 0.1, "y": 0.1, "w": 0.2, "h": 0.2}),
        object_answers={"a": {"objectHash": "a", "classifications": listed}},
    )
    row["object_actions"] = {"a": {"objectHash": "a", "actions": actions or []}}
    return row


STATE, WHY, NOTE, MOVES = "Sbox____"[:8], "Wbox____", "Nbox____", "Dbox____"
GOOD, BAD = "gobox___", "babox___"


def test_an_answer_under_an_option_that_is_not_chosen_is_no_answer() -> None:
    clean, left = described((STATE, [GOOD])), described((STATE, [GOOD]), (WHY, "it broke"))
    for sides in ((left, left), (left, clean), (clean, left)):
        result = score(*sides)
        assert (result.score, result.conflicts, result.attributes.expected) == (1.0, (), 1)
    assert score(left, image()).to_dict() == score(clean, image()).to_dict()
    asked = described((STATE, [BAD]), (WHY, "it broke"))
    assert score(asked, asked).attributes.expected == 2
    assert score(asked, described((STATE, [BAD]))).attributes.accuracy == 0.5


def test_an_empty_looking_text_is_no_answer() -> None:
    assert score(described((STATE, [GOOD])), described((STATE, [GOOD]), (NOTE, " \r\n"))).conflicts == ()


@pytest.mark.parametrize("order", [1, -1])
def test_two_answers_to_one_question_are_a_fault_of_the_row(order: int) -> None:
    asked = next(item for item in ONTOLOGY.classifications if item.name == "weather")
    option = {label: key for key, label in asked.questions[0].options.items()}

    def row(*answers: tuple[str, int, int]) -> Row:
        content = wire(film(0))
        for number, (name, first, last) in enumerate(answers[::order]):
            given = {"featureHash": asked.questions[0].hash, "answers": [{"featureHash": option[name]}]}
            content["classification_answers"][f"c{number}"] = {
                "classificationHash": f"c{number}",
                "featureHash": asked.hash,
                "classifications": [given],
                "range": [[first, last]],
            }
        return content

    apart = row(("good", 0, 4), ("bad", 5, 9))
    assert score(apart, apart).score == 1.0
    assert score(row(("good", 0, 5), ("good", 3, 9)), row(("good", 0, 9))).score == 1.0
    both = row(("good", 0, 5), ("bad", 5, 9))
    for sides in ((apart, both), (both, apart)):
        with pytest.raises(ContradictoryAnswersError, match="'weather' has two answers at once"):
            score(*sides)
    assert score(both, both, exclude=["weather"]).conflicts == ()


@pytest.mark.parametrize("order", [1, -1])
def test_two_answers_about_one_object_are_a_fault_too(order: int) -> None:
    both = described(*((STATE, [GOOD]), (STATE, [BAD]))[::order])
    with pytest.raises(ContradictoryAnswersError, match="'state'"):
        score(described((STATE, [GOOD])), both)
    with pytest.raises(ContradictoryAnswersError, match="ground truth"):
        score(both, described((STATE, [GOOD])))


def film(count: int = 10, length: int = 20) -> LabelRowV2:
    row = sdk_rows.new_row("video", {"data_type": "video/mp4", "data_fps": 10, "data_duration": length / 10})
    box = BoundingBoxCoordinates(height=0.3, width=0.25, top_left_x=0.1, top_left_y=0.2)
    if count:
        sdk_rows.draw(row, "box", box, frames=list(range(count)))
    return row


def test_ranges_and_drawings_end_with_the_film() -> None:
    truth, labels = film(20), film(20)
    sdk_rows.answer(truth, "weather", "good", frames=Range(0, 19))
    sdk_rows.answer(labels, "weather", "good", frames=Range(0, 19))
    longer = wire(labels)
    for entry in longer["classification_answers"].values():
        entry["range"] = [[0, 10**6]]
    frames = longer["data_units"]["data"]["labels"]
    frames["20"] = copy.deepcopy(frames["19"])
    for sides in ((wire(truth), longer), (longer, wire(truth)), (longer, longer)):
        result = score(*sides)
        assert (result.score, result.conflicts) == (1.0, ())
        assert (result.classifications.compared, result.objects.true_positives) == (20, 20)


def test_sound_ends_with_the_recording() -> None:
    def recording(end: int) -> Row:
        row = wire(sdk_rows.audio())
        row["data_units"]["data"]["data_duration"] = 2
        entry = next(e for e in row["object_answers"].values() if len(e["range"]) == 2)
        entry["range"][1][1] = end
        return row

    assert score(recording(2000), recording(9000)).objects.mean_similarity == pytest.approx(1.0)


def test_a_conflict_names_the_frames_that_are_wrong_and_no_others() -> None:
    def moving(*spans: tuple[int, int, int]) -> Row:
        row = film(10)
        (box,) = row.get_object_instances()
        moves = box.ontology_item.attributes[3]
        for option, first, last in spans:
            ticked = [moves.options[option]]  # type: ignore[attr-defined]
            box.set_answer(ticked, attribute=moves, frames=[Range(first, last)])
        return wire(row)

    result = score(moving((0, 0, 9)), moving((1, 0, 1), (0, 2, 7), (1, 8, 9)))
    told = [(c.frame, c.last_frame, c.expected, c.given) for c in result.conflicts]
    assert told == [(0, 1, "good", "fair"), (8, 9, "good", "fair")]
    assert result.conflicts[0].explain() == "wrong moves of box at frames 0 to 1: expected 'good', given 'fair'"


def test_a_gap_in_the_drawings_ends_a_run_of_wrong_frames() -> None:
    rows = []
    for note in ("one", "other"):
        row = film(0)
        box = sdk_rows.draw(row, "box", sdk_rows.coordinates()["box"], frames=[0, 1, 4, 5])
        box.set_answer(note, attribute=box.ontology_item.attributes[1])
        rows.append(wire(row))
    assert [(c.frame, c.last_frame) for c in score(*rows).conflicts] == [(0, 1), (4, 5)]


def test_an_object_of_another_shape_is_one_conflict_for_a_run_of_frames() -> None:
    truth, labels = film(5), film(0)
    corners = [(0.1, 0.2), (0.35, 0.2), (0.35, 0.5), (0.1, 0.5)]
    outline = PolygonCoordinates(polygons=[[[PointCoordinate(x, y) for x, y in corners]]])
    sdk_rows.draw(labels, "polygon", outline, frames=list(range(5)))
    (conflict,) = score(wire(truth), wire(labels)).conflicts
    assert (conflict.kind, conflict.frame, conflict.last_frame) == ("mislabelled", 0, 4)


def test_a_hidden_point_is_one_conflict_for_a_run_of_frames() -> None:
    rows = []
    for hidden in (sdk_rows.Visibility.INVISIBLE, sdk_rows.Visibility.OCCLUDED):
        row = film(0)
        sdk_rows.draw(row, "skeleton", sdk_rows.skeleton(hidden=hidden), frames=[0, 1, 2])
        rows.append(wire(row))
    assert [(c.other, c.frame, c.last_frame) for c in score(*rows).conflicts] == [("visibility", 0, 2)]


def test_only_conflicts_that_differ_in_nothing_but_consecutive_frames_are_joined() -> None:
    first = Conflict("wrong_classification", "weather", 0, 1, other="weather", expected="good", given="bad")
    second = Conflict("wrong_classification", "weather", 2, 3, other="weather", expected="good", given="bad")
    assert [(c.frame, c.last_frame) for c in joined_conflicts([second, first])] == [(0, 3)]
    for change in ({"frame": 3}, {"given": "fair"}, {"space": "camera"}, {"kind": "missing_classification"}):
        other = Conflict(**{**{f: getattr(second, f) for f in second.__slots__}, **change})  # type: ignore[arg-type]
        assert len(joined_conflicts([first, other])) == 2


def test_a_star_of_very_many_crossings_is_refused_at_once() -> None:
    count = 2001
    angle = np.arange(count) * (count // 2) * 2 * np.pi / count
    points = 0.5 + 0.4 * np.stack((np.cos(angle), np.sin(angle)), axis=1)
    star = image(drawn("polygon", polygons=[[points.ravel().tolist()]]))
    with pytest.raises(TooMuchWorkError, match="cross themselves more than"):
        score(star, star)
    line = {str(i): {"x": x, "y": y} for i, (x, y) in enumerate(points.tolist())}
    tangle = image(drawn("polyline", polyline=line))
    with pytest.raises(TooMuchWorkError, match="cross themselves more than"):
        score(tangle, tangle)


def heap(count: int) -> Row:
    box = {"x": 0.1, "y": 0.1, "w": 0.2, "h": 0.2}
    return image(*({**drawn("bounding_box", boundingBox=box), "objectHash": f"o{i}"} for i in range(count)))


def test_one_box_against_very_many_equal_ones_is_scored() -> None:
    result = score(heap(1), heap(5_000))
    assert (result.objects.true_positives, result.objects.false_positives) == (1, 4_999)


def test_very_many_boxes_on_very_many_others_are_refused() -> None:
    with pytest.raises(TooManyPairsError, match="lie on top of each other"):
        score(heap(2_000), heap(2_000))


def test_every_shape_has_a_reader_a_kind_and_an_outline_where_it_covers_an_area() -> None:
    kinds = (AREA_SHAPES, PATH_SHAPES, RANGE_SHAPES, SPACE_SHAPES)
    assert sorted(shape for kind in kinds for shape in kind) == sorted(Shape)
    assert readers().keys() == set(Shape)
    assert set(sdk_rows.SHAPES.values()) == set(Shape)
    row = read_label_row(wire(sdk_rows.image()), ONTOLOGY)
    for shape in AREA_SHAPES:
        drawings = row.drawings[shape]
        assert all(area.area > 0 for area in outlines(drawings, drawings.media)), shape
        if shape not in (Shape.BITMASK, Shape.BOUNDING_BOX):
            assert (reach(drawings, drawings.media)[1] > 0).all(), shape
        if shape is not Shape.CUBOID_2D:
            assert None not in regions_of(drawings, drawings.media), shape


@pytest.mark.parametrize("name", sdk_rows.ROWS)
def test_every_shape_of_every_modality_is_measured(name: str) -> None:
    row = wire(sdk_rows.ROWS[name]())
    truth = read_label_row(row, ONTOLOGY)
    result = score_task(truth, truth, ONTOLOGY)
    drawn_features = {ONTOLOGY.objects[f].hash for d in truth.drawings.values() for f in d.feature}
    matched = {key for key, item in result.by_class.items() if item.objects and item.objects.mean_similarity == 1.0}
    assert matched >= drawn_features
