"""The parts of a task's score: counts by class, confusion, weights, requirements, and what is not scored at all."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmark_qa.engine import task as module
from benchmark_qa.engine.config import FIGURES, Filter, Requirement, ScoreWeights, ScoringConfig
from benchmark_qa.engine.errors import ContradictoryAnswersError, TooMuchWorkError
from benchmark_qa.engine.result import AnswerScore, IdentityFigures, ObjectScore, RequirementResult, TaskScore
from benchmark_qa.engine.task import filtered, overall_score, score_task, verdict
from benchmark_qa.labels.annotations import Annotations, Classification, Drawings, Events
from benchmark_qa.labels.errors import TooComplexOutlineError
from benchmark_qa.labels.ontology import ClassificationClass, ObjectClass, Ontology, Question, QuestionType, Shape
from benchmark_qa.labels.reader import read_label_row
from tests.unit.rows import image_row

NOTE = Question("Note", "note", QuestionType.TEXT)
SKY = Question("Sky", "sky", QuestionType.TEXT)
HAZE = Question("Haze", "haze", QuestionType.TEXT)
CAR = ObjectClass("CarHash", "car", Shape.BOUNDING_BOX, questions=(NOTE,))
BUS = ObjectClass("BusHash", "bus", Shape.BOUNDING_BOX)
LAKE = ObjectClass("LakeHash", "lake", Shape.POLYGON)
WEATHER = ClassificationClass("WeatherHash", "weather", questions=(SKY,))
AIR = ClassificationClass("AirHash", "air", questions=(HAZE,))
ONTOLOGY = Ontology((CAR, BUS), (WEATHER, AIR))
A, B, C, D = (10, 10, 20, 20), (50, 50, 20, 20), (10, 60, 20, 20), (60, 10, 20, 20)
Box = tuple[Any, ...]
"""Left, top, width, height in percent; then class 0 and frame 0, or others"""


def labels(*boxes: Box, names: str = "", **parts: Any) -> Annotations:
    """Boxes of one object each, `names` one letter each; the same letter is the same object."""
    names = names or "abcdefgh"[: len(boxes)]
    instances = tuple(dict.fromkeys(names))
    table = np.array([(*box, *(0, 0)[len(box) - 4 :]) for box in boxes], float).reshape(-1, 6)
    drawn = Drawings(
        Shape.BOUNDING_BOX,
        np.zeros(len(boxes), np.int32),
        table[:, 5].astype(np.int64),
        table[:, 4].astype(np.int32),
        np.array([instances.index(name) for name in names], np.int32),
        np.tile([100.0, 100.0], (len(boxes), 1)),
        table[:, :4] / 100,
    )
    drawings = {Shape.BOUNDING_BOX: drawn} if boxes else {}
    return Annotations(instances=instances, drawings=drawings, **parts)


def said(word: str, *spans: tuple[int, int], feature: int = 0) -> Classification:
    question = (SKY, HAZE)[feature]
    return Classification(f"c{feature}", feature, "", tuple(spans), {question.hash: word})


def scored(truth: Annotations, given: Annotations, ontology: Ontology = ONTOLOGY, **config: Any) -> TaskScore:
    return score_task(truth, given, ontology, ScoringConfig.model_validate(config))


def objects(tp: int, fp: int = 0, fn: int = 0, local: float | None = None) -> ObjectScore:
    return ObjectScore(tp, fp, fn, 0, float(tp), float(tp) if local is None else local)


def answers(credit: float, expected: int) -> AnswerScore:
    return AnswerScore(credit, expected, expected, 0, credit)


NONE = AnswerScore()


@pytest.mark.parametrize(
    ("parts", "weights", "wanted"),
    [
        ((objects(3, fn=1), NONE, NONE), {}, 6 / 7),
        ((objects(0), NONE, NONE), {}, 1.0),
        ((objects(0, fp=1), answers(2.0, 2), NONE), {}, 2 / 3),
        ((objects(3, fn=1), answers(1.0, 2), answers(0.0, 2)), {}, (4 * 6 / 7 + 2 * 0.5) / 8),
        ((objects(3, fn=1), answers(1.0, 2), answers(0.0, 2)), {"objects": 2}, (8 * 6 / 7 + 1) / 12),
        ((objects(3, fn=1), answers(1.0, 2), answers(0.0, 2)), {"classifications": 3}, (4 * 6 / 7 + 3) / 12),
        ((objects(3, fn=1), answers(1.0, 2), answers(0.0, 2)), {"attributes": 0}, (4 * 6 / 7 + 1) / 6),
        ((None, answers(1.0, 2), NONE), {}, 0.5),
        ((None, AnswerScore(uncalled=1, spurious=1), answers(1.0, 1)), {}, 0.5),
        ((None, NONE, NONE), {}, None),
        ((objects(1), NONE, NONE), {"objects": 0}, None),
        ((objects(1, local=1 + 1e-9), NONE, NONE), {}, 1.0),
    ],
)
def test_the_score_is_the_mean_of_its_parts_by_their_amount_of_truth(
    parts: Any, weights: dict[str, Any], wanted: float | None
) -> None:
    found = overall_score(*parts, ScoreWeights(**weights))
    assert found == (None if wanted is None else pytest.approx(wanted))
    assert found is None or found <= 1.0


def test_every_class_has_its_own_counts() -> None:
    truth = labels(A, B, C, (*D, 1))
    given = labels(A, (*B, 1), (10, 60, 20, 12), (*D, 1), (80, 80, 5, 5, 1))
    score = scored(truth, given)
    by_name = {item.name: item.objects for item in score.by_class.values()}
    assert list(score.by_class) == ["CarHash", "BusHash"]
    assert by_name["car"] == ObjectScore(2, 0, 1, 1, pytest.approx(1.6), pytest.approx(1.6))
    assert by_name["bus"] == ObjectScore(1, 2, 0, 0, pytest.approx(1.0), pytest.approx(1.0))
    assert score.objects == ObjectScore(3, 2, 1, 1, pytest.approx(2.6), pytest.approx(2.6))
    assert score.confusion == (
        ("CarHash", "CarHash", 2),
        ("CarHash", "BusHash", 1),
        ("BusHash", "BusHash", 1),
        (None, "BusHash", 1),
    )
    assert [(c.kind, c.feature, c.other) for c in score.conflicts] == [
        ("mislabelled", "car", "bus"),
        ("spurious", "bus", None),
    ]


def test_what_is_missing_or_too_far_off_is_confused_with_nothing() -> None:
    score = scored(labels(A, B, (*C, 1)), labels((10, 24, 20, 20)))
    assert score.confusion == (("CarHash", None, 2), ("BusHash", None, 1), (None, "CarHash", 1))
    assert [(c.kind, c.feature) for c in score.conflicts] == [
        ("low_overlap", "car"),
        ("missing", "car"),
        ("missing", "bus"),
    ]


def polygon_ontology() -> Ontology:
    return Ontology((CAR, LAKE), ())


def polygons(*boxes: Box, cars: Sequence[Box] = ()) -> Annotations:
    """Boxes as outlines of the class lake, and cars."""
    drawn: list[dict[str, Any]] = [
        {
            "objectHash": f"car{index}",
            "featureHash": "CarHash",
            "shape": "bounding_box",
            "boundingBox": dict(zip("xywh", (n / 100 for n in box), strict=True)),
        }
        for index, box in enumerate(cars)
    ]
    for index, (x, y, w, h) in enumerate(boxes):
        outline = [n / 100 for n in (x, y, x + w, y, x + w, y + h, x, y + h)]
        drawn.append(
            {"objectHash": f"lake{index}", "featureHash": "LakeHash", "shape": "polygon", "polygons": [[outline]]}
        )
    return read_label_row(image_row("data", width=100, height=100, objects=drawn), polygon_ontology())


def test_a_box_on_an_outline_of_another_class_is_one_confusion_and_not_two_faults() -> None:
    score = scored(polygons(A), labels(A, B), polygon_ontology())
    assert score.confusion == (("LakeHash", "CarHash", 1), (None, "CarHash", 1))
    by_name = {item.name: item.objects for item in score.by_class.values()}
    assert by_name == {
        "car": ObjectScore(0, 2, 0, 0, 0.0, 0.0),
        "lake": ObjectScore(0, 0, 1, 1, 0.0, 0.0),
    }
    assert [(c.kind, c.feature, c.other) for c in score.conflicts] == [
        ("mislabelled", "lake", "car"),
        ("spurious", "car", None),
    ]


def test_drawings_of_all_shapes_add_up() -> None:
    truth = polygons(C, cars=[A, B])
    given = polygons((10, 60, 20, 16), (80, 80, 10, 10), cars=[A, (50, 74, 20, 20)])
    score = scored(truth, given, polygon_ontology())
    by_name = {item.name: item.objects for item in score.by_class.values()}
    assert by_name == {
        "car": ObjectScore(1, 1, 1, 0, pytest.approx(1.0), pytest.approx(1.0)),
        "lake": ObjectScore(1, 1, 0, 0, pytest.approx(0.8), pytest.approx(0.8)),
    }


def test_two_outlines_labelled_as_boxes_are_mislabelled_twice() -> None:
    score = scored(polygons(A, B), polygons(cars=[A, B]), polygon_ontology())
    assert (score.objects.mislabelled, score.objects.false_negatives, score.objects.false_positives) == (2, 2, 2)


def test_answers_are_in_the_class_that_they_describe() -> None:
    truth = labels(A, attributes={0: {"Note": "x"}}, classifications=(said("blue"), said("thin", feature=1)))
    given = labels(A, attributes={0: {"Note": "y"}}, classifications=(said("blue"), said("thick", feature=1)))
    score = scored(truth, given)
    assert (score.attributes.correct, score.attributes.compared) == (0.0, 1)
    assert (score.classifications.correct, score.classifications.compared) == (1.0, 2)
    assert score.score == pytest.approx((1 * 1.0 + 2 * 0.5 + 1 * 0.0) / 4)
    found = {item.name: item for item in score.by_class.values()}
    assert found["car"].attributes == AnswerScore(0.0, 1, 1, 0, 0.0)
    assert found["car"].classifications is None
    assert found["weather"].classifications == AnswerScore(1.0, 1, 1, 0, 1.0)
    assert found["air"].classifications == AnswerScore(0.0, 1, 1, 0, 0.0)
    assert sorted((c.kind, c.feature, c.other) for c in score.conflicts) == [
        ("wrong_attribute", "car", "note"),
        ("wrong_classification", "air", "haze"),
    ]


def test_parts_that_are_not_there_say_why() -> None:
    score = scored(labels((*A, 1)), labels((*A, 1)))
    assert score.classifications.not_applicable == "there are no classifications"
    assert score.attributes.not_applicable == "no attributes of matched objects were answered"
    assert score.identity == IdentityFigures(not_applicable="no object is drawn on more than one frame")
    assert (score.score, score.reason) == (1.0, None)
    full = scored(
        labels(A, attributes={0: {"Note": "x"}}, classifications=(said("blue"),)),
        labels(A, attributes={0: {"Note": "x"}}, classifications=(said("blue"),)),
    )
    assert (full.classifications.not_applicable, full.attributes.not_applicable) == (None, None)
    only_asked = scored(labels(), labels(), Ontology((), (WEATHER,)))
    assert (only_asked.score, only_asked.reason) == (None, "there is nothing to score")


def test_identity_is_followed_over_frames_unless_it_is_switched_off() -> None:
    truth = labels((*A, 0, 0), (*A, 0, 1), names="aa")
    given = labels((*A, 0, 0), (*A, 0, 1), names="xy")
    score = scored(truth, given)
    assert (score.identity.idtp, score.identity.switches, score.identity.not_applicable) == (1, 1, None)
    assert [c.kind for c in score.conflicts] == ["identity_switch"]
    off = scored(truth, given, identity=False)
    assert off.identity == IdentityFigures(not_applicable="switched off in the configuration")
    assert off.conflicts == ()
    one_side_moves = scored(labels((*A, 0, 0)), given)
    assert one_side_moves.identity.not_applicable == "no object is drawn on more than one frame"
    assert scored(labels((*A, 0, 0)), truth).identity.not_applicable is None


def archived(item: Any) -> Any:
    return replace(item, archived=True)


def test_archived_excluded_and_uncovered_classes_are_not_scored() -> None:
    truth = labels(A, (*B, 1), classifications=(said("blue"), said("thin", feature=1)))
    given = labels((*C, 1), classifications=(said("grey"),))
    everything = scored(truth, given)
    assert (everything.objects.false_negatives, everything.objects.false_positives) == (2, 1)
    assert everything.classifications.expected == 2
    for exclude in ("bus", "BusHash"):
        one = scored(truth, given, exclude=[exclude])
        assert (one.objects.false_negatives, one.objects.false_positives) == (1, 0)
    assert scored(truth, given, exclude=["weather"]).classifications.expected == 1
    old = Ontology((CAR, archived(BUS)), (WEATHER, archived(AIR)))
    score = scored(truth, given, old)
    assert (score.objects.false_negatives, score.classifications.expected) == (1, 1)
    kept = scored(truth, given, old, exclude_archived=False)
    assert (kept.objects.false_negatives, kept.classifications.expected) == (2, 2)


def test_only_what_the_truth_holds_is_scored_where_this_is_asked_for() -> None:
    truth, given = (
        labels(A, classifications=(said("thin", feature=1),)),
        labels(B, (*C, 1), classifications=(said("x"),)),
    )
    score = scored(truth, given, exclude_uncovered=True)
    assert (score.objects.false_negatives, score.objects.false_positives) == (1, 1)
    assert (score.classifications.expected, score.classifications.uncalled) == (1, 0)
    nothing = scored(labels(classifications=(said("x"),)), labels(B), exclude_uncovered=True)
    assert nothing.score == 0.0
    assert nothing.objects.is_empty
    assert scored(labels(), given, exclude_uncovered=True).score is None


@pytest.mark.parametrize("side", ["ground truth", "labels"])
def test_two_answers_at_once_are_refused_where_they_would_be_compared(side: str) -> None:
    broken, whole = labels(A, contradicted=frozenset({"Note"})), labels(A)
    pair = (broken, whole) if side == "ground truth" else (whole, broken)
    with pytest.raises(ContradictoryAnswersError, match=f"'note' has two answers at once in the {side}"):
        scored(*pair)
    assert scored(*pair, answers={"note": {"compare": "ignore"}}).score == 1.0
    assert scored(*pair, exclude=["note"]).score == 1.0
    assert scored(*pair, exclude=["car"]).objects.is_empty
    asked = labels(contradicted=frozenset({"Haze"}))
    with pytest.raises(ContradictoryAnswersError, match="'haze'"):
        scored(asked, whole)


def test_outlines_that_cannot_be_computed_are_told_in_their_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_complex(*_: object) -> None:
        raise TooComplexOutlineError("an outline crosses itself")

    monkeypatch.setattr(module, "within_media", too_complex)
    with pytest.raises(TooMuchWorkError, match="an outline crosses itself"):
        scored(labels(A), labels(A))


@pytest.mark.parametrize("sides", [(True, False), (False, True), (False, False)])
def test_events_of_either_side_are_compared_at_common_times(
    sides: tuple[bool, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    def common(truth: Annotations, given: Annotations) -> tuple[Annotations, Annotations]:
        return replace(truth, events=None), labels()

    monkeypatch.setattr(module, "at_common_times", common)
    events = Events(frozenset(), frozenset())
    pair = (replace(labels(A), events=events if is_event else None) for is_event in sides)
    assert scored(*pair).objects.true_positives == (0 if any(sides) else 1)


OWN = "tests.unit.engine.own_metric:drawings_per_object"
COUNT = "tests.unit.engine.test_parts_of_a_score:truths_minus_labels"


def truths_minus_labels(given: Any) -> float:
    """A metric of a team's own that tells the sides apart and reads the score and the ontology."""
    assert given.ontology is ONTOLOGY
    counted = [sum(map(len, side.drawings.values())) for side in (given.truth, given.labels)]
    assert given.score.objects.true_positives + given.score.objects.false_negatives == counted[0]
    return float(counted[0] - counted[1])


def test_own_metrics_see_both_sides_whole_and_in_requirements_filtered() -> None:
    truth, given = labels(A, B, (*C, 1)), labels(A)
    requirement = {"name": "cars", "metric": COUNT, "threshold": 1, "filter": {"features": ["car"]}}
    score = scored(truth, given, metrics=[OWN, COUNT], requirements=[requirement])
    assert score.metrics == {OWN: pytest.approx(1 / 3), COUNT: 2.0}
    assert score.requirements == (RequirementResult("cars", COUNT, 1.0, 1.0, True),)
    assert scored(truth, given, metrics=[COUNT]).requirements == ()
    assert scored(truth, given).metrics == {}


def test_requirements_are_judged_one_by_one_with_their_own_rules() -> None:
    truth, given = labels(A, B), labels((10, 24, 20, 20), B)
    found = scored(
        truth,
        given,
        requirements=[
            {"name": "off", "metric": "f1", "threshold": 1, "enabled": False},
            {"name": "strict", "metric": "recall", "threshold": 0.6},
            {"name": "lenient", "metric": "recall", "threshold": 1, "overrides": {"iou_threshold": 0.1}},
            {"name": "asked", "metric": "classification_accuracy", "threshold": 1},
        ],
    )
    assert found.requirements == (
        RequirementResult("strict", "recall", 0.6, 0.5, False),
        RequirementResult("lenient", "recall", 1.0, 1.0, True),
        RequirementResult("asked", "classification_accuracy", 1.0, None, None, "there are no classifications"),
    )


EMPTY = TaskScore(
    score=None,
    reason="there is nothing to score",
    objects=ObjectScore(),
    classifications=AnswerScore(not_applicable="no classifications"),
    attributes=AnswerScore(not_applicable="no attributes"),
    identity=IdentityFigures(not_applicable="nothing moves"),
    by_class={},
    confusion=(),
    conflicts=(),
)


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        ("score", "there is nothing to score"),
        ("f1", "neither the ground truth nor the labels hold objects"),
        ("worst_class_f1", "neither the ground truth nor the labels hold objects"),
        ("classification_accuracy", "no classifications"),
        ("attribute_accuracy", "no attributes"),
        ("idf1", "nothing moves"),
        ("hota", "nothing moves"),
        ("my own", "my own does not apply to these labels"),
    ],
)
def test_a_requirement_that_does_not_apply_says_why(metric: str, reason: str) -> None:
    asked = Requirement(name="some", metric=metric, threshold=0.5)
    assert verdict(asked, None, EMPTY) == RequirementResult("some", metric, 0.5, None, None, reason)
    assert metric in FIGURES or metric == "my own"


@pytest.mark.parametrize(("value", "met"), [(0.5, True), (0.5 - 5e-10, True), (0.5 - 2e-9, False), (0.6, True)])
def test_a_requirement_is_met_from_its_threshold_on(value: float, met: bool) -> None:
    asked = Requirement(name="some", metric="f1", threshold=0.5)
    assert verdict(asked, value, EMPTY) == RequirementResult("some", "f1", 0.5, value, met)


def test_a_requirement_without_a_threshold_asks_for_nothing() -> None:
    assert verdict(Requirement(name="some"), 0.0, EMPTY) == RequirementResult("some", "", 0.0, 0.0, True)


FRAMES = labels(
    *((*A, n % 2, n) for n in range(4)), classifications=(said("a", (0, 1), (3, 5)), said("whole", feature=1))
)


@pytest.mark.parametrize(
    ("chosen", "frames", "spans"),
    [
        ({"features": ["car"]}, [0, 2], []),
        ({"features": ["BusHash"]}, [1, 3], []),
        ({"features": ["bus", "air"]}, [1, 3], [()]),
        ({"features": ["WeatherHash"]}, [], [((0, 1), (3, 5))]),
        ({"shapes": ["bounding_box"]}, [0, 1, 2, 3], []),
        ({"shapes": ["polygon"]}, [], []),
        ({"shapes": ["bounding_box"], "features": ["car"]}, [0, 2], []),
        ({"first_frame": 1}, [1, 2, 3], [((1, 1), (3, 5)), ()]),
        ({"first_frame": 2, "last_frame": 2}, [2], [()]),
        ({"last_frame": 1}, [0, 1], [((0, 1),), ()]),
        ({"last_frame": 0}, [0], [((0, 0),), ()]),
        ({"first_frame": 4, "last_frame": 4}, [], [((4, 4),), ()]),
        ({"first_frame": 5}, [], [((5, 5),), ()]),
    ],
)
def test_a_filter_keeps_its_classes_shapes_and_frames(chosen: Any, frames: list[int], spans: list[Any]) -> None:
    found = filtered(FRAMES, Filter.model_validate(chosen), ONTOLOGY)
    assert found.drawings[Shape.BOUNDING_BOX].frame.tolist() == frames
    assert [each.spans for each in found.classifications] == spans
    assert all(each.answers for each in found.classifications)
    whole = {each.hash: each for each in FRAMES.classifications}
    for each in found.classifications:
        assert replace(each, spans=()) == replace(whole[each.hash], spans=())


def test_an_empty_filter_changes_nothing() -> None:
    assert filtered(FRAMES, Filter(), ONTOLOGY) is FRAMES
