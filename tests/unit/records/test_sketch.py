"""What is kept of both sides for drawings and for the crowd's opinion of the truth."""

import json
from typing import Any

from agents.labels import Ontology, read_label_row
from agents.records import Answered, Mark, Sketch, sketch_of
from agents.records.sketch import MARKS_KEPT
from tests.unit.rows import BLUEBIRD_EDITOR, PEDESTRIAN, PEDESTRIAN_EDITOR, answer_row, box_row, image_row

BOXES = Ontology.from_editor(PEDESTRIAN_EDITOR)
POLYGONS_EDITOR: dict[str, Any] = {
    "objects": [{**PEDESTRIAN_EDITOR["objects"][0], "shape": "polygon"}],
    "classifications": [],
}


def sketch(truth: list[list[float]], labels: list[list[float]]) -> Sketch:
    sides = (read_label_row(box_row("d", boxes, width=1000, height=500), BOXES) for boxes in (truth, labels))
    return sketch_of(*sides, BOXES)


def test_boxes_are_kept_in_fractions_of_the_media_with_its_proportions() -> None:
    kept = sketch([[100, 50, 200, 100]], [])
    assert kept.truth == (Mark("pedestrian", 0.1, 0.1, 0.2, 0.2),)
    assert (kept.labels, kept.aspect, kept.frames, kept.left_out) == ((), 2.0, 1, 0)


def test_a_sketch_survives_json() -> None:
    kept = sketch([[100, 50, 200, 100]], [[1, 2, 3, 4], [5, 6, 7, 8]])
    assert Sketch.from_dict(json.loads(json.dumps(kept.to_dict()))) == kept


def test_a_crowd_of_boxes_is_kept_up_to_a_bound_and_the_rest_is_counted() -> None:
    many = [[float(n % 100), float(n // 100), 5.0, 5.0] for n in range(2 * MARKS_KEPT)]
    kept = sketch(many, many[:10])
    assert (len(kept.truth), len(kept.labels), kept.left_out) == (MARKS_KEPT, 10, MARKS_KEPT)


def test_a_polygon_is_kept_as_the_box_about_it() -> None:
    ontology = Ontology.from_editor(POLYGONS_EDITOR)
    points = {"0": {"x": 0.1, "y": 0.2}, "1": {"x": 0.5, "y": 0.3}, "2": {"x": 0.3, "y": 0.8}}
    drawing = {"objectHash": "o", "featureHash": PEDESTRIAN, "name": "p", "shape": "polygon", "polygon": points}
    side = read_label_row(image_row("d", objects=[drawing]), ontology)
    assert sketch_of(side, side, ontology).truth == (Mark("pedestrian", 0.1, 0.2, 0.4, 0.6),)


def test_answers_to_choice_questions_are_kept_side_by_side() -> None:
    ontology = Ontology.from_editor(BLUEBIRD_EDITOR)
    truth, labels = (read_label_row(answer_row("d", answer), ontology) for answer in (True, False))
    (answer,) = sketch_of(truth, labels, ontology).answers
    assert answer == Answered(answer.question_hash, "Indigo Bunting", "yes", "no")
    unanswered = read_label_row(image_row("d"), ontology)
    assert sketch_of(truth, unanswered, ontology).answers[0].given is None
    assert sketch_of(unanswered, unanswered, ontology).answers == ()
