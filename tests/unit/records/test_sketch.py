"""What is kept of both sides for drawings and for the crowd's opinion of the truth."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import shapely

from benchmark_qa.engine.task import score_task
from benchmark_qa.labels.annotations import Annotations, Drawings, Runs
from benchmark_qa.labels.ontology import Ontology, Shape
from benchmark_qa.labels.reader import read_label_row
from benchmark_qa.records.sketch import MARKS_KEPT, POINTS_KEPT, Answered, Mark, Sketch, sketch_of, trace
from tests.unit.rows import BLUEBIRD_EDITOR, PEDESTRIAN, PEDESTRIAN_EDITOR, answer_row, box_row, image_row

BOXES = Ontology.from_editor(PEDESTRIAN_EDITOR)


def sketch(truth: list[list[float]], labels: list[list[float]]) -> Sketch:
    one, other = (read_label_row(box_row("d", boxes, width=1000, height=500), BOXES) for boxes in (truth, labels))
    return sketch_of(one, other, BOXES)


def test_boxes_are_kept_in_fractions_of_the_media_with_its_proportions() -> None:
    kept = sketch([[100, 50, 200, 100]], [])
    assert kept.truth == (Mark("pedestrian", 0.1, 0.1, 0.2, 0.2, instance="object00"),)
    assert (kept.labels, kept.aspect, kept.frames, kept.left_out) == ((), 2.0, 1, 0)


def test_a_sketch_survives_json() -> None:
    kept = sketch([[100, 50, 200, 100]], [[1, 2, 3, 4], [5, 6, 7, 8]])
    assert Sketch.from_dict(json.loads(json.dumps(kept.to_dict()))) == kept


def test_a_crowd_of_boxes_is_kept_up_to_a_bound_and_the_rest_is_counted() -> None:
    many = [[float(n % 100), float(n // 100), 5.0, 5.0] for n in range(2 * MARKS_KEPT)]
    kept = sketch(many, many[:10])
    assert (len(kept.truth), len(kept.labels), kept.left_out) == (MARKS_KEPT, 10, MARKS_KEPT)


SHAPES: dict[str, tuple[Any, str, tuple[float, float, float, float], int]] = {
    # shape -> geometry, kind, the box about it, points
    "polygon": (
        {"0": {"x": 0.1, "y": 0.2}, "1": {"x": 0.5, "y": 0.3}, "2": {"x": 0.3, "y": 0.8}},
        "area",
        (0.1, 0.2, 0.4, 0.6),
        4,
    ),
    "polyline": (
        {"0": {"x": 0.1, "y": 0.2}, "1": {"x": 0.5, "y": 0.3}, "2": {"x": 0.3, "y": 0.8}},
        "line",
        (0.1, 0.2, 0.4, 0.6),
        3,
    ),
    "point": ({"0": {"x": 0.25, "y": 0.5}}, "dots", (0.25, 0.5, 0.0, 0.0), 1),
    # Turned by a right angle, 200 x 200 pixels about (500, 250) of 1000 x 500 are the same square.
    "rotatable_bounding_box": (
        {"x": 0.4, "y": 0.3, "w": 0.2, "h": 0.4, "theta": 90},
        "area",
        (0.4, 0.3, 0.2, 0.4),
        5,
    ),
    "circle": ({"x": 0.5, "y": 0.5, "r": 0.1}, "area", (0.4, 0.3, 0.2, 0.4), 0),
}
KEYS = {"rotatable_bounding_box": "rotatableBoundingBox"}


def side_of(shape: str, geometry: Any) -> tuple[Annotations, Ontology]:
    editor = {"objects": [{**PEDESTRIAN_EDITOR["objects"][0], "shape": shape}], "classifications": []}
    ontology = Ontology.from_editor(editor)
    drawing = {
        "objectHash": "o", "featureHash": PEDESTRIAN, "name": "p", "shape": shape, KEYS.get(shape, shape): geometry
    }  # fmt: skip
    return read_label_row(image_row("d", objects=[drawing], width=1000, height=500), ontology), ontology


@pytest.mark.parametrize("shape", SHAPES)
def test_every_flat_shape_is_kept_as_the_box_about_it_and_a_few_points(shape: str) -> None:
    geometry, kind, about, points = SHAPES[shape]
    side, ontology = side_of(shape, geometry)
    kept = sketch_of(side, side, ontology)
    (mark,) = kept.truth
    assert (mark.left, mark.top, mark.width, mark.height) == pytest.approx(about, abs=2e-3)
    assert mark.kind == kind
    assert mark.instance == "o"
    (path,) = mark.paths
    assert len(path) / 2 == (points or pytest.approx(30, abs=18))
    assert kept.left_out == 0
    assert Sketch.from_dict(json.loads(json.dumps(kept.to_dict()))) == kept


def test_a_mask_is_kept_as_its_silhouette() -> None:
    rows, width = np.zeros((20, 40), bool), 40
    rows[5:15, 10:20] = True
    rows[10:15, 20:30] = True
    runs = np.flatnonzero(np.diff(np.concatenate(([False], rows.ravel(), [False])))).reshape(-1, 2).astype(float)
    masks = Runs(runs[:, 0], runs[:, 1], np.zeros(len(runs), np.int32), np.array([0, len(runs)]),
                 size=np.array([[20, width]]))  # fmt: skip
    one = np.zeros(1, np.int32)
    drawings = Drawings(Shape.BITMASK, one, one.astype(np.int64), one, one, np.array([[40.0, 20.0]]), masks)
    (traced,) = trace(drawings)
    assert traced is not None
    assert traced[:4] == pytest.approx((0.25, 0.25, 0.5, 0.5))
    outline = shapely.Polygon(np.array(traced.paths[0]).reshape(-1, 2) * (40, 20))
    mask = shapely.union_all(shapely.box(*np.argwhere(rows).T[::-1], *(np.argwhere(rows).T[::-1] + 1)))
    assert shapely.intersection(outline, mask).area / shapely.union(outline, mask).area > 0.9


def test_outlines_are_kept_up_to_a_bound_and_then_the_boxes_about_them() -> None:
    angles = np.arange(400) / 400 * 2 * np.pi
    circle = {str(n): {"x": 0.5 + 0.3 * np.cos(a), "y": 0.5 + 0.3 * np.sin(a)} for n, a in enumerate(angles)}
    side, ontology = side_of("polygon", circle)
    many = side.drawings[Shape.POLYGON].take(np.zeros(200, np.int64))
    whole = replace(side, drawings={Shape.POLYGON: many})
    marks = sketch_of(whole, whole, ontology).truth
    assert len(marks) == 200
    assert 0 < sum(len(path) // 2 for mark in marks for path in mark.paths) <= POINTS_KEPT
    assert marks[-1].paths == ()
    assert marks[-1].is_area


def test_answers_to_choice_questions_are_kept_side_by_side() -> None:
    ontology = Ontology.from_editor(BLUEBIRD_EDITOR)
    truth, labels = (read_label_row(answer_row("d", answer), ontology) for answer in (True, False))
    (answer,) = sketch_of(truth, labels, ontology).answers
    assert answer == Answered(answer.question_hash, "Indigo Bunting", "yes", "no")
    unanswered = read_label_row(image_row("d"), ontology)
    assert sketch_of(truth, unanswered, ontology).answers[0].given is None
    assert sketch_of(unanswered, unanswered, ontology).answers == ()


def film(boxes: dict[int, int], *, left: float = 0.1) -> Annotations:
    """So many boxes on each frame."""
    frames = np.repeat(list(boxes), list(boxes.values())).astype(np.int64)
    numbers = np.concatenate([np.arange(count) for count in boxes.values()])
    geometry = np.column_stack([np.full(len(frames), left), 0.2 * numbers, np.full((len(frames), 2), 0.1)])
    none = np.zeros(len(frames), np.int32)
    media = np.full((len(frames), 2), 100.0)
    drawings = Drawings(Shape.BOUNDING_BOX, none, frames, none, numbers.astype(np.int32), media, geometry)
    return Annotations(instances=tuple(f"object{n}" for n in range(4)), drawings={Shape.BOUNDING_BOX: drawings})


def frame_of(truth: Annotations, labels: Annotations) -> int:
    return sketch_of(truth, labels, BOXES, score_task(truth, labels, BOXES).conflicts).frame


def test_of_a_film_a_frame_with_a_fault_is_kept_the_one_with_most_of_them() -> None:
    truth = film({0: 3, 1: 1, 2: 2, 3: 2})
    assert frame_of(truth, truth) == 0, "where nothing is wrong the fullest frame"
    assert frame_of(truth, film({0: 3, 1: 1, 2: 2, 3: 1})) == 3
    assert frame_of(truth, film({0: 3, 2: 1, 3: 0})) == 3
    assert frame_of(truth, film({0: 3, 1: 1, 2: 2, 3: 2, 7: 1})) == 7, "drawn where the truth has nothing"
    assert frame_of(truth, film({0: 3, 1: 1}, left=0.1)) in (2, 3)
