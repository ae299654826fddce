"""The whole score of a task: counts, mislabelled objects, conflicts in words, JSON, thresholds, exclusions."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from benchmark_qa.engine.config import ScoringConfig
from benchmark_qa.engine.result import ObjectScore, TaskScore
from benchmark_qa.engine.schema import config_schema, task_score_schema
from benchmark_qa.engine.task import score_task
from benchmark_qa.labels.annotations import Annotations
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.labels.reader import read_label_row
from tests.unit.rows import image_row

EDITOR: dict[str, Any] = {
    "objects": [
        {"id": "1", "name": "car", "shape": "bounding_box", "featureNodeHash": "carBox00"},
        {"id": "2", "name": "truck", "shape": "bounding_box", "featureNodeHash": "truckBox"},
        {"id": "3", "name": "bus", "shape": "polygon", "featureNodeHash": "busPolyg"},
        {"id": "4", "name": "tram", "shape": "bounding_box", "featureNodeHash": "tramBox0", "archived": True},
    ],
    "classifications": [],
}
ONTOLOGY = Ontology.from_editor(EDITOR)
SCHEMAS = Path(__file__).parents[3] / "docs" / "schemas"


def read(*drawn: tuple[str, list[float]], frames: int = 1, width: int = 100, height: int = 100) -> Annotations:
    """Boxes or polygons (pixels of a 100 x 100 image) on every frame of a short video."""
    objects = []
    for index, (feature, numbers) in enumerate(drawn):
        shares = [n / 100 for n in numbers]
        geometry: dict[str, Any] = {"shape": "bounding_box", "boundingBox": dict(zip("xywh", shares, strict=False))}
        if feature == "busPolyg":
            geometry = {"shape": "polygon", "polygons": [[shares]]}
        objects.append({"objectHash": f"object{index:02d}", "featureHash": feature, **geometry})
    row = image_row("data", width=width, height=height)
    row["data_type"] = "video"
    labels = {str(frame): {"objects": objects} for frame in range(10, 10 + frames)}
    row["data_units"]["data"]["labels"] = labels
    return read_label_row(row, ONTOLOGY)


def test_a_box_of_the_wrong_class_is_spurious_missing_and_one_conflict() -> None:
    score = score_task(read(("carBox00", [10, 10, 20, 20])), read(("truckBox", [10, 10, 20, 20])), ONTOLOGY)
    counts = score.objects
    assert (counts.true_positives, counts.false_positives, counts.false_negatives, counts.mislabelled) == (0, 1, 1, 1)
    assert [c.explain() for c in score.conflicts] == ["car labelled as truck at frame 10, overlap 1.00"]
    assert score.confusion == (("carBox00", "truckBox", 1),)
    assert score.objects.score == 0.0


def test_a_box_where_a_polygon_of_another_class_belongs_is_mislabelled_too() -> None:
    outline = [10.0, 10, 30, 10, 30, 30, 10, 30]
    score = score_task(read(("busPolyg", outline)), read(("carBox00", [10, 10, 20, 20])), ONTOLOGY)
    assert score.objects.mislabelled == 1
    assert [c.explain() for c in score.conflicts] == ["bus labelled as car at frame 10, overlap 1.00"]
    assert score.confusion == (("busPolyg", "carBox00", 1),)


def test_conflicts_say_what_is_wrong_where_and_how_near_it_was() -> None:
    truth = read(("carBox00", [0, 0, 10, 10]), ("carBox00", [50, 50, 10, 10]), ("truckBox", [80, 80, 10, 10]))
    labels = read(("carBox00", [0, 6, 10, 10]), ("truckBox", [20, 80, 10, 10]))
    words = [conflict.explain() for conflict in score_task(truth, labels, ONTOLOGY).conflicts]
    assert words == [
        "car drawn too far off at frame 10, overlap 0.25",
        "missing car at frame 10, best overlap 0.00",
        "missing truck at frame 10, best overlap 0.00",
        "spurious truck at frame 10, best overlap 0.00",
    ]


def test_a_second_box_on_the_same_object_is_spurious_with_its_overlap() -> None:
    truth = read(("carBox00", [10, 10, 20, 20]))
    labels = read(("carBox00", [10, 10, 20, 20]), ("carBox00", [10, 20, 20, 20]))
    (conflict,) = score_task(truth, labels, ONTOLOGY).conflicts
    assert conflict.explain() == "spurious car at frame 10, best overlap 0.33"
    assert (conflict.truth_object, conflict.label_object) == (None, "object01")


def test_consecutive_frames_are_one_conflict() -> None:
    truth = read(("carBox00", [10, 10, 20, 20]), frames=5)
    (conflict,) = score_task(truth, Annotations.empty(), ONTOLOGY).conflicts
    assert conflict.explain() == "missing car at frames 10 to 14, best overlap 0.00"
    assert score_task(truth, Annotations.empty(), ONTOLOGY).objects.false_negatives == 5


def test_the_number_of_pairs_comes_before_their_similarity() -> None:
    # The middle label fits the first object best, but only the outer pairing matches both.
    truth = read(("carBox00", [10, 10, 20, 20]), ("carBox00", [16, 10, 20, 20]))
    labels = read(("carBox00", [11, 10, 20, 20]), ("carBox00", [4, 10, 20, 20]))
    assert score_task(truth, labels, ONTOLOGY).objects.true_positives == 2


def test_nothing_to_find_and_nothing_drawn_is_a_full_score_without_precision() -> None:
    score = score_task(Annotations.empty(), Annotations.empty(), ONTOLOGY)
    assert (score.score, score.objects.precision, score.objects.recall, score.objects.f1) == (1.0, None, None, None)
    assert score.objects.not_applicable["f1"] == "neither the ground truth nor the labels hold objects"


def test_boxes_on_an_empty_image_are_worth_nothing() -> None:
    score = score_task(Annotations.empty(), read(("carBox00", [10, 10, 20, 20])), ONTOLOGY)
    assert (score.score, score.objects.precision, score.objects.recall) == (0.0, 0.0, None)
    assert score.objects.not_applicable["recall"] == "the ground truth holds no objects"


def test_an_ontology_without_anything_to_score_gives_no_score_but_a_reason() -> None:
    score = score_task(Annotations.empty(), Annotations.empty(), Ontology())
    assert score.score is None
    assert score.reason == "there is nothing to score"


def test_archived_and_excluded_classes_do_not_count() -> None:
    truth, labels = read(("tramBox0", [10, 10, 20, 20])), read(("carBox00", [50, 50, 20, 20]))
    assert score_task(truth, labels, ONTOLOGY).objects.false_negatives == 0
    assert score_task(truth, labels, ONTOLOGY, ScoringConfig(exclude_archived=False)).objects.false_negatives == 1
    assert score_task(truth, labels, ONTOLOGY, ScoringConfig(exclude=("car",))).objects.is_empty
    assert score_task(truth, labels, ONTOLOGY, ScoringConfig(exclude_uncovered=True)).objects.is_empty


def test_a_threshold_may_depend_on_class_shape_and_size() -> None:
    truth, labels = read(("carBox00", [10, 10, 20, 20])), read(("carBox00", [10, 20, 20, 20]))  # overlap 1/3

    def matches(**rules: Any) -> int:
        return score_task(truth, labels, ONTOLOGY, ScoringConfig(**rules)).objects.true_positives

    curve = {"points": [{"area": 100, "threshold": 0.2}, {"area": 900, "threshold": 0.8}]}
    assert matches() == 0
    assert matches(iou_threshold=0.3) == 1
    assert matches(thresholds={"car": 0.3}) == 1
    assert matches(thresholds={"bounding_box": 0.3}) == 1
    assert matches(thresholds={"truck": 0.3}) == 0
    assert matches(iou_threshold=curve) == 0  # 400 pixels ask for 0.425
    assert matches(iou_threshold={"points": [{"area": 400, "threshold": 0.3}, {"area": 900, "threshold": 0.8}]}) == 1


def test_below_one_half_localisation_is_lifted_so_that_no_match_is_worth_dropping() -> None:
    truth = read(*(("carBox00", [20.0 * i, 10, 10, 10]) for i in range(4)))
    good = [("carBox00", [20.0 * i, 10, 10, 10]) for i in range(3)]
    poor = ("carBox00", [60.0, 16, 10, 10])  # overlap 0.25
    rules = ScoringConfig(iou_threshold=0.2)
    with_it = score_task(truth, read(*good, poor), ONTOLOGY, rules)
    without_it = score_task(truth, read(*good), ONTOLOGY, rules)
    assert with_it.objects.true_positives == 4
    assert with_it.score is not None
    assert without_it.score is not None
    assert with_it.score > without_it.score


def test_the_published_schema_is_the_one_that_scores_follow() -> None:
    assert json.loads((SCHEMAS / "task-score.schema.json").read_text()) == json.loads(json.dumps(task_score_schema()))
    assert json.loads((SCHEMAS / "scoring-config.schema.json").read_text()) == json.loads(json.dumps(config_schema()))
    truth = read(("carBox00", [0, 0, 10, 10]), ("truckBox", [50, 50, 10, 10]), frames=3)
    labels = read(("carBox00", [0, 6, 10, 10]), ("carBox00", [50, 50, 10, 10]), frames=2)
    rules = ScoringConfig(requirements=({"name": "enough", "metric": "f1", "threshold": 0.9},))  # type: ignore[arg-type]
    score = score_task(truth, labels, ONTOLOGY, rules)
    content = json.loads(json.dumps(score.to_dict()))
    jsonschema.validate(content, task_score_schema())
    jsonschema.validate(rules.model_dump(mode="json"), config_schema())
    assert TaskScore.from_dict(content) == score
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**content, "score": "good"}, task_score_schema())


def test_a_score_prints_itself_with_its_conflicts() -> None:
    text = str(score_task(read(("carBox00", [10, 10, 20, 20])), Annotations.empty(), ONTOLOGY))
    assert text.splitlines() == [
        "score 0.0000",
        "objects: 0 matched, 0 spurious, 1 missing, F1 0.0000",
        "- missing car at frame 10, best overlap 0.00",
    ]


def test_pooled_counts_are_sums() -> None:
    one, other = ObjectScore(3, 1, 2, 0, 2.5, 2.5), ObjectScore(1, 0, 0, 0, 1.0, 1.0)
    assert one + other == ObjectScore(4, 1, 2, 0, 3.5, 3.5)
    assert (one + other).f1 == pytest.approx(8 / 11)


def test_a_fingerprint_changes_with_every_rule_and_with_nothing_else() -> None:
    assert ScoringConfig().fingerprint() == ScoringConfig(iou_threshold=0.5).fingerprint()
    assert ScoringConfig().fingerprint() != ScoringConfig(iou_threshold=0.6).fingerprint()
    first = ScoringConfig(sigmas={"a": 0.1, "b": 0.2})
    assert first.fingerprint() == ScoringConfig(sigmas={"b": 0.2, "a": 0.1}).fingerprint()
