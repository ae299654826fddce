"""Attributes and classifications: comparators, nesting, frames, and what they do to the score."""

import json
from typing import Any

import pytest
from encord.objects import LabelRowV2
from encord.objects.coordinates import BoundingBoxCoordinates
from encord.objects.frames import Range

from benchmark_qa.engine.answers import agreement
from benchmark_qa.engine.config import AnswerRule, ScoringConfig
from benchmark_qa.engine.result import TaskScore
from benchmark_qa.engine.task import score_task
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.labels.reader import read_label_row
from tests.unit import sdk_rows

ONTOLOGY = Ontology.from_editor(sdk_rows.editor())


def score(truth: LabelRowV2, labels: LabelRowV2, **rules: Any) -> TaskScore:
    first, second = (read_label_row(json.loads(json.dumps(row.to_encord_dict())), ONTOLOGY) for row in (truth, labels))
    return score_task(first, second, ONTOLOGY, ScoringConfig.model_validate(rules))


def box(*, state: str = "bad", why: str = "it broke", note: str = "a note", size: float = 2.5, **_: Any) -> LabelRowV2:
    """An image with one box and its attributes answered."""
    row = sdk_rows.new_row("image")
    drawn = sdk_rows.draw(row, "box", sdk_rows.coordinates()["box"])
    attribute, text, number = (drawn.ontology_item.attributes[i] for i in range(3))
    option = next(option for option in attribute.options if option.label == state)  # type: ignore[attr-defined]
    drawn.set_answer(option, attribute=attribute)
    if state == "bad":
        drawn.set_answer(why, attribute=option.nested_options[0])
    drawn.set_answer(note, attribute=text)
    drawn.set_answer(size, attribute=number)
    return row


def classified(**answers: Any) -> LabelRowV2:
    row = sdk_rows.new_row("image")
    for name, given in answers.items():
        sdk_rows.answer(row, name, given)
    return row


def test_attributes_of_a_matched_box_are_compared_one_by_one() -> None:
    result = score(box(), box(note="another note", size=3.5))
    assert (result.attributes.correct, result.attributes.compared) == (2.0, 4)
    assert result.attributes.accuracy == 0.5
    assert [c.explain() for c in result.conflicts] == [
        "wrong note of box at frame 0: expected 'a note', given 'another note'",
        "wrong size of box at frame 0: expected '2.5', given '3.5'",
    ]


def test_a_nested_question_is_compared_only_where_its_parent_agrees_but_is_still_expected() -> None:
    result = score(box(), box(state="good"))
    assert (result.attributes.correct, result.attributes.compared, result.attributes.expected) == (2.0, 3, 4)
    assert result.attributes.accuracy == pytest.approx(2 / 3)
    assert result.attributes.score == 0.5
    assert [c.other for c in result.conflicts] == ["state"]


def test_texts_may_be_compared_by_edits_and_numbers_within_a_tolerance() -> None:
    close = box(note="a Note", size=2.6)
    assert score(box(), close).attributes.correct == 2.0
    assert score(box(), close, answers={"size": {"compare": "tolerance", "absolute": 0.2}}).attributes.correct == 3.0
    assert score(box(), close, answers={"size": {"compare": "tolerance", "relative": 0.05}}).attributes.correct == 3.0
    assert score(box(), close, answers={"note": {"case_sensitive": False}}).attributes.correct == 3.0
    edits = score(box(), close, answers={"note": {"compare": "edit"}}).attributes
    assert edits.correct == pytest.approx(2 + 5 / 6)
    strict = score(box(), close, answers={"note": {"compare": "edit", "minimum": 0.9}}).attributes
    assert strict.correct == 2.0


def test_a_minimum_and_a_tolerance_are_reached_where_they_are_met_exactly() -> None:
    near = box(note="a not")  # one of six characters is lost
    rule = {"compare": "edit", "minimum": 1 - 1 / 6}
    assert score(box(), near, answers={"note": rule}).attributes.correct == pytest.approx(3 + rule["minimum"])
    assert score(box(), box(size=2.75), answers={"size": {"compare": "tolerance", "absolute": 0.25}}).score == 1.0


def test_an_ignored_or_excluded_question_does_not_count_at_all() -> None:
    for rules in ({"answers": {"note": {"compare": "ignore"}}}, {"exclude": ["note"]}):
        result = score(box(), box(note="another note"), **rules)
        assert (result.attributes.compared, result.score) == (3, 1.0)


def test_attributes_of_a_missing_box_are_expected_and_not_given() -> None:
    result = score(box(), sdk_rows.new_row("image"))
    assert (result.attributes.expected, result.attributes.compared, result.attributes.accuracy) == (4, 0, None)
    assert result.attributes.not_applicable == "no attributes of matched objects were answered"
    assert result.score == 0.0


def test_an_answer_that_the_truth_does_not_hold_is_spurious_and_costs_a_share_of_the_objects_credit() -> None:
    truth = sdk_rows.new_row("image")
    drawn = sdk_rows.draw(truth, "box", sdk_rows.coordinates()["box"])
    drawn.set_answer("a note", attribute=drawn.ontology_item.attributes[1])
    result = score(truth, box())
    assert (result.attributes.correct, result.attributes.expected, result.attributes.spurious) == (1.0, 1, 2)
    assert result.attributes.accuracy == pytest.approx(1 / 3)
    assert result.attributes.score == pytest.approx(1 / 3)
    assert result.score == pytest.approx((1 + 1 / 3) / 2)


def test_leaving_out_a_badly_described_box_never_pays() -> None:
    def row(count: int, *, notes: bool, sizes: bool) -> LabelRowV2:
        made = sdk_rows.new_row("image")
        for index in range(count):
            where = BoundingBoxCoordinates(height=0.1, width=0.1, top_left_x=0.15 * index, top_left_y=0.1)
            drawn = sdk_rows.draw(made, "box", where)
            spurious = index == count - 1 and sizes
            if notes and not spurious:
                drawn.set_answer("a note", attribute=drawn.ontology_item.attributes[1])
            if spurious:
                drawn.set_answer(1.5, attribute=drawn.ontology_item.attributes[2])
        return made

    truth = row(5, notes=True, sizes=False)
    with_it, without_it = (
        score(truth, row(5, notes=True, sizes=True)).score,
        score(truth, row(4, notes=True, sizes=False)).score,
    )
    assert with_it is not None
    assert without_it is not None
    assert without_it < with_it


def test_dynamic_attributes_are_compared_frame_by_frame() -> None:
    def video(last: int) -> LabelRowV2:
        row = sdk_rows.new_row("video", {"data_type": "video/mp4"})
        drawn = sdk_rows.draw(row, "box", sdk_rows.coordinates()["box"], frames=list(range(10)))
        moves = drawn.ontology_item.attributes[3]
        drawn.set_answer([moves.options[0]], attribute=moves, frames=[Range(0, last)])  # type: ignore[attr-defined]
        return row

    result = score(video(9), video(6))
    assert (result.attributes.correct, result.attributes.compared) == (7.0, 10)
    assert [c.explain() for c in result.conflicts] == [
        "wrong moves of box at frames 7 to 9: expected 'good', given no answer"
    ]


@pytest.mark.parametrize(
    ("rule", "truth", "label", "wanted"),
    [
        ({}, frozenset("ab"), frozenset("bc"), 1 / 3),
        ({}, "option", "option", 1.0),
        ({}, "option", "other", 0.0),
        ({}, 1.0, 1.0 + 1e-12, 0.0),
        ({"compare": "tolerance", "absolute": 0.5}, 10.0, 10.5, 1.0),
        ({"compare": "tolerance", "absolute": 0.5}, 10.0, 10.6, 0.0),
        ({"compare": "tolerance", "relative": 0.1}, -10.0, -11.0, 1.0),
        ({"compare": "edit"}, "kitten", "sitting", 1 - 3 / 7),
        ({"compare": "edit"}, "a", "b", 0.0),
    ],
)
def test_two_answers_agree_as_far_as_their_rule_says(
    rule: dict[str, Any], truth: Any, label: Any, wanted: float
) -> None:
    assert agreement(AnswerRule.model_validate(rule), truth, label) == pytest.approx(wanted)


def test_classifications_of_all_kinds_are_compared_by_their_kind() -> None:
    truth = classified(weather="good", hazards=["good", "bad"], remark="wet", count=3)
    labels = classified(weather="fair", hazards=["good"], remark="wet", count=4)
    result = score(truth, labels)
    assert (result.classifications.correct, result.classifications.expected) == (1.5, 4)
    assert [c.explain() for c in result.conflicts] == [
        "wrong count at frame 0: expected '3', given '4'",
        "wrong hazards at frame 0: expected 'bad, good', given 'good'",
        "wrong weather at frame 0: expected 'good', given 'fair'",
    ]
    by_name = {item.name: item.classifications for item in result.by_class.values()}
    assert by_name["hazards"] is not None
    assert by_name["hazards"].accuracy == 0.5


def test_a_missing_and_a_spurious_classification_are_conflicts_of_their_own() -> None:
    result = score(classified(weather="good"), classified(remark="wet"))
    assert [c.explain() for c in result.conflicts] == [
        "weather not answered at frame 0: expected 'good', given no answer",
        "remark answered where the ground truth holds no answer at frame 0: expected no answer, given 'wet'",
    ]
    assert result.classifications.score == 0.0


@pytest.mark.parametrize("more", [{"remark": "wet"}, {"remark": "wet", "hazards": ["good"]}])
def test_a_spurious_classification_costs_as_much_as_a_missing_one(more: dict[str, Any]) -> None:
    spurious = score(classified(weather="good"), classified(weather="good", **more))
    missing = score(classified(weather="good", **more), classified(weather="good"))
    assert spurious.classifications.score == missing.classifications.score == pytest.approx(1 / (1 + len(more)))
    assert spurious.score is not None
    assert spurious.score < 1


def test_a_classification_on_too_many_frames_costs_the_frames_beyond() -> None:
    def video(last: int) -> LabelRowV2:
        row = sdk_rows.new_row("video", {"data_type": "video/mp4"})
        sdk_rows.answer(row, "weather", "good", frames=[Range(0, last)])
        return row

    result = score(video(3), video(7))
    assert (result.classifications.score, result.classifications.accuracy) == (0.5, 0.5)
    assert result.score is not None
    assert result.score < 1


def test_ranges_of_a_video_count_frame_by_frame() -> None:
    def video(*spans: tuple[str, int, int]) -> LabelRowV2:
        row = sdk_rows.new_row("video", {"data_type": "video/mp4"})
        for given, first, last in spans:
            sdk_rows.answer(row, "weather", given, frames=[Range(first, last)])
        return row

    result = score(video(("good", 0, 4), ("fair", 5, 9)), video(("good", 0, 6), ("fair", 7, 8)))
    assert (result.classifications.correct, result.classifications.expected) == (7.0, 10)
    assert [c.explain() for c in result.conflicts] == [
        "wrong weather at frames 5 to 6: expected 'fair', given 'good'",
        "weather not answered at frame 9: expected 'fair', given no answer",
    ]


def test_a_classification_of_the_whole_data_unit_counts_once() -> None:
    rows = []
    for given in ("good", "bad"):
        row = sdk_rows.new_row("video", {"data_type": "video/mp4"})
        sdk_rows.answer(row, "quality", given, frames=[])
        rows.append(row)
    assert score(rows[0], rows[0]).score == 1.0
    result = score(*rows)
    assert (result.classifications.correct, result.classifications.expected) == (0.0, 1)
    assert [c.explain() for c in result.conflicts] == ["wrong quality: expected 'good', given 'bad'"]


def test_the_weights_say_how_much_each_kind_counts() -> None:
    truth, labels = box(), box(note="another note")
    assert score(truth, labels).score == pytest.approx((1 * 1 + 4 * 0.75) / 5)
    assert score(truth, labels, weights={"attributes": 0}).score == 1.0
    assert score(truth, labels, weights={"objects": 4, "attributes": 1}).score == pytest.approx((4 + 3) / 8)


def test_of_two_equal_boxes_each_keeps_the_label_that_is_described_alike() -> None:
    rows = []
    for notes in (("first", "second", "third"), ("third", "first", "second")):
        row = sdk_rows.new_row("image")
        for note in notes:
            drawn = sdk_rows.draw(row, "box", sdk_rows.coordinates()["box"])
            drawn.set_answer(note, attribute=drawn.ontology_item.attributes[1])
        rows.append(row)
    assert score(*rows).score == 1.0
