"""Answers to classifications, compared frame by frame, give what the comparison of whole pieces gives."""

import random
from collections.abc import Iterable
from typing import Any

import pytest

from benchmark_qa.engine.answers import (
    LONGEST_ANSWER,
    AnswersScored,
    agreement,
    answer_in_words,
    compare_answers,
    count_answers,
    score_classifications,
)
from benchmark_qa.engine.config import AnswerRule, ScoringConfig, ScoringRules
from benchmark_qa.engine.result import AnswerScore, Conflict
from benchmark_qa.labels.annotations import Annotations, Classification
from benchmark_qa.labels.ontology import ClassificationClass, Ontology, Question, QuestionType

SKY = Question("Sky", "sky", QuestionType.RADIO, options={"Sun": "sun", "Fog": "fog"})
WHY = Question("Why", "why", QuestionType.TEXT, parent="Sky", parent_option="Fog")
TICKS = Question("Ticks", "ticks", QuestionType.CHECKLIST, options={"One": "1", "Two": "2"})
WEATHER = ClassificationClass("Weather", "weather", questions=(SKY, WHY, TICKS))
COUNT = Question("Count", "count", QuestionType.NUMERIC)
OTHER = ClassificationClass("Other", "other", questions=(COUNT,))
ONTOLOGY = Ontology((), (WEATHER, OTHER))
Answers = dict[str, Any]
SUN: Answers = {"Sky": "Sun"}
FOG: Answers = {"Sky": "Fog", "Why": "cold", "Ticks": frozenset({"One"})}


def rules(**config: Any) -> ScoringRules:
    return ScoringRules(ScoringConfig.model_validate(config), ONTOLOGY)


def item(answers: Answers, *spans: tuple[float, float], feature: int = 0, space: str = "", name: str = "a") -> Any:
    return Classification(name, feature, space, spans, answers)


def side(*items: Any) -> Annotations:
    return Annotations(classifications=items)


def scored(truth: Iterable[Any], label: Iterable[Any], **config: Any) -> dict[int, AnswersScored]:
    return dict(score_classifications(side(*truth), side(*label), rules(**config)))


def told(answered: AnswersScored) -> list[tuple[Any, ...]]:
    return [(c.kind, c.frame, c.last_frame, c.other, c.expected, c.given) for c in answered.conflicts]


def by_frames(truth: list[Answers | None], label: list[Answers | None]) -> tuple[AnswerScore, set[tuple[Any, ...]]]:
    """The score and the conflicts of each frame alone."""
    total, found = AnswerScore(), set()
    for frame in range(len(truth)):
        here = [[item(side[frame], (frame, frame))] if side[frame] is not None else [] for side in (truth, label)]  # type: ignore[arg-type]
        if here != [[], []]:
            (answered,) = scored(*here).values()
            total += answered.score
            found |= {(c.kind, frame, c.other, c.expected, c.given) for c in answered.conflicts}
    return total, found


def pieces(chance: random.Random, frames: list[Answers | None]) -> list[Any]:
    """Items that say what the frames say: cut anywhere, said twice, and with unanswered ones below."""
    made = []
    for start in range(len(frames)):
        answers = frames[start]
        if answers is None:
            continue
        end = start
        while end + 1 < len(frames) and frames[end + 1] == answers and chance.random() < 0.8:
            end += 1
        made.append(item(answers, (start, end), name=str(chance.random())))
        if answers:
            made.append(item({}, (start, end), name=str(chance.random())))
        if start == 0 or frames[start - 1] is None:
            last = next((n for n in range(start, len(frames)) if frames[n] is None), len(frames)) - 1
            made.append(item({}, (start, last), name=str(chance.random())))
    chance.shuffle(made)
    return made


@pytest.mark.parametrize("seed", range(40))
def test_pieces_of_the_timeline_count_as_their_frames_do(seed: int) -> None:
    chance = random.Random(seed)
    truth, label = ([chance.choice([None, {}, SUN, SUN, FOG, FOG]) for _ in range(8)] for _ in range(2))
    wanted, conflicts = by_frames(truth, label)
    found = scored(pieces(chance, truth), pieces(chance, label))
    score = found[0].score if found else AnswerScore()
    for name in ("correct", "compared", "expected", "spurious", "credit", "uncalled"):
        assert getattr(score, name) == pytest.approx(getattr(wanted, name)), name
    of_frames = {
        (c.kind, frame, c.other, c.expected, c.given)
        for each in found.values()
        for c in each.conflicts
        for frame in range(c.frame or 0, (c.last_frame or 0) + 1)
    }
    assert of_frames == conflicts


def test_one_frame_worked_by_hand() -> None:
    score, _ = by_frames([FOG], [{"Sky": "Fog", "Why": "warm", "Ticks": frozenset({"One", "Two"})}])
    assert (score.correct, score.compared, score.expected, score.spurious, score.credit) == (1.5, 3, 3, 0, 1.5)
    score, conflicts = by_frames([None], [FOG])
    assert (score.correct, score.compared, score.expected, score.spurious, score.uncalled) == (0, 2, 0, 2, 2)
    assert conflicts == {("spurious_classification", 0, None, None, "fog")}
    score, conflicts = by_frames([FOG], [None])
    assert (score.correct, score.compared, score.expected, score.uncalled) == (0, 2, 3, 0)
    assert conflicts == {("missing_classification", 0, None, "fog", None)}
    score, conflicts = by_frames([{}], [SUN])
    assert (score.spurious, score.uncalled) == (1, 0)
    assert conflicts == {("wrong_classification", 0, "sky", None, "sun")}


def test_a_run_of_frames_is_one_conflict_and_frames_are_counted() -> None:
    (answered,) = scored([item(SUN, (0, 9))], [item(SUN, (0, 3)), item({"Sky": "Fog"}, (4, 5))]).values()
    assert told(answered) == [
        ("wrong_classification", 4, 5, "sky", "sun", "fog"),
        ("missing_classification", 6, 9, None, "sun", None),
    ] or told(answered) == [
        ("missing_classification", 6, 9, None, "sun", None),
        ("wrong_classification", 4, 5, "sky", "sun", "fog"),
    ]
    assert (answered.score.correct, answered.score.expected, answered.score.compared) == (4.0, 10, 10)


def test_the_whole_data_unit_counts_once_beside_its_frames() -> None:
    (answered,) = scored([item(SUN), item(SUN, (0, 2))], [item({"Sky": "Fog"}), item(SUN, (1, 2))]).values()
    assert (answered.score.correct, answered.score.expected) == (2.0, 4)
    assert set(told(answered)) == {
        ("wrong_classification", None, None, "sky", "sun", "fog"),
        ("missing_classification", 0, 0, None, "sun", None),
    }
    (answered,) = scored([], [item(SUN)]).values()
    assert (answered.score.uncalled, told(answered)[0][:3]) == (1, ("spurious_classification", None, None))


def test_an_unanswered_item_gives_way_to_an_answered_one_about_the_same() -> None:
    for names in ("ab", "ba"):
        given = [item({}, name=names[0]), item(SUN, name=names[1])]
        (answered,) = scored([item(SUN)], given).values()
        assert answered.score.correct == 1.0
        (answered,) = scored(given, [item(SUN)]).values()
        assert answered.score.correct == 1.0


def test_an_unanswered_item_holds_in_the_gaps_between_answered_ones() -> None:
    truth = [item({}, (0, 9)), item(SUN, (2, 3)), item(SUN, (6, 7)), item({}, (12, 12))]
    (answered,) = scored(truth, [item(SUN, (0, 12))]).values()
    assert answered.score == AnswerScore(4.0, 13, 4, 9, 4.0, 2)
    assert sorted(told(answered)) == [
        ("spurious_classification", 10, 11, None, None, "sun"),
        *(
            ("wrong_classification", first, last, "sky", None, "sun")
            for first, last in ((0, 1), (4, 5), (8, 9), (12, 12))
        ),
    ]


def test_classes_and_spaces_are_compared_apart_in_their_order() -> None:
    truth = [item({"Count": 2.0}, feature=1), item(SUN, (0, 0), space="b"), item(SUN, (0, 0), space="a")]
    label = [item(SUN, (0, 0), space="a"), item({"Sky": "Fog"}, (0, 0), space="c"), item({"Count": 2.0}, feature=1)]
    found = scored(truth, label)
    assert list(found) == [0, 1]
    assert found[1] == AnswersScored(AnswerScore(1.0, 1, 1, 0, 1.0), ())
    assert found[0].score == AnswerScore(1.0, 3, 2, 1, 1.0, 1)
    assert {(c.kind, c.space, c.feature) for c in found[0].conflicts} == {
        ("missing_classification", "b", "weather"),
        ("spurious_classification", "c", "weather"),
    }


def test_conflicts_hold_both_answers_in_words_and_say_which_are_free_text() -> None:
    label = {"Sky": "Fog", "Why": "warm", "Ticks": frozenset({"One", "Two"})}
    (answered,) = scored([item(FOG, (3, 3))], [item(label, (3, 3))]).values()
    assert sorted(answered.conflicts, key=Conflict.order) == [
        Conflict("wrong_classification", "weather", 3, 3, other="ticks", expected="1", given="1, 2"),
        Conflict("wrong_classification", "weather", 3, 3, other="why", expected="cold", given="warm", is_text=True),
    ]


def test_spurious_answers_take_a_share_of_the_credit_of_one_tree() -> None:
    questions = (SKY, TICKS)
    score, wrong = compare_answers(questions, SUN, {"Sky": "Sun", "Ticks": frozenset({"One"})}, rules(), count=3)
    assert score == AnswerScore(3.0, 6, 3, 3, credit=1.5)
    assert [(each.question, each.truth, each.label) for each in wrong] == [(TICKS, None, frozenset({"One"}))]
    score, _ = compare_answers(questions, {}, SUN, rules())
    assert score == AnswerScore(0.0, 1, 0, 1, credit=0.0)


def test_an_ignored_question_is_left_out_and_those_after_it_count() -> None:
    ignoring = rules(answers={"sky": {"compare": "ignore"}})
    one, both = {"Ticks": frozenset({"One"})}, {"Sky": "Sun", "Ticks": frozenset({"One"})}
    score, wrong = compare_answers((SKY, TICKS), both, one, ignoring)
    assert (score, wrong) == (AnswerScore(1.0, 1, 1, 0, 1.0), ())
    assert count_answers((SKY, TICKS, WHY), both, ignoring) == 1
    assert count_answers((SKY, TICKS, WHY), both, rules()) == 2


def test_a_nested_question_that_one_side_was_not_asked_is_expected_and_does_not_stop_the_rest() -> None:
    truth = {"Sky": "Fog", "Why": "cold", "Ticks": frozenset({"One"})}
    score, _ = compare_answers((WHY, SKY, TICKS), truth, {"Sky": "Sun", "Ticks": frozenset({"One"})}, rules())
    assert score == AnswerScore(1.0, 2, 3, 0, 1.0)
    score, _ = compare_answers((WHY, SKY), SUN, {"Sky": "Fog", "Why": "cold"}, rules())
    assert (score.compared, score.spurious) == (1, 0)


@pytest.mark.parametrize(
    ("question", "answer", "words"),
    [
        (SKY, None, None),
        (SKY, "Sun", "sun"),
        (SKY, "Gone", "Gone"),
        (TICKS, frozenset({"Two", "One", "Gone"}), "1, 2, Gone"),
        (COUNT, 2.0, "2"),
        (COUNT, 0.1, "0.1"),
        (COUNT, 1234567.875, "1234567.875"),
        (WHY, "x" * LONGEST_ANSWER, "x" * LONGEST_ANSWER),
        (WHY, "x" * LONGEST_ANSWER + "y", "x" * (LONGEST_ANSWER - 1) + "…"),
    ],
)
def test_an_answer_is_told_as_people_read_it(question: Question, answer: Any, words: str | None) -> None:
    assert answer_in_words(question, answer) == words


@pytest.mark.parametrize(
    ("rule", "truth", "label", "wanted"),
    [
        ({"compare": "tolerance", "absolute": 0.5, "relative": 0.1}, 10.0, 11.0, 1.0),
        ({"compare": "tolerance", "absolute": 2.0, "relative": 0.1}, 10.0, 12.0, 1.0),
        ({"compare": "tolerance", "relative": 0.1}, 10.0, 11.05, 0.0),
        ({"absolute": 0.5}, 10.0, 10.5, 0.0),
        ({}, 0.0, 0.0, 1.0),
        ({}, 1.0, "1", 0.0),
        ({}, frozenset("a"), "a", 0.0),
        ({}, frozenset("ab"), frozenset("ab"), 1.0),
        ({}, "Word", "word", 0.0),
        ({"case_sensitive": False}, "Straße", "STRASSE", 1.0),
        ({"compare": "edit", "case_sensitive": False}, "AB", "ab", 1.0),
        ({"compare": "edit", "minimum": 0.75}, "abcd", "abcx", 0.75),
        ({"compare": "edit", "minimum": 0.76}, "abcd", "abcx", 0.0),
        ({}, "abcd", "abcx", 0.0),
    ],
)
def test_two_answers_agree_as_their_rule_says(rule: Answers, truth: Any, label: Any, wanted: float) -> None:
    assert agreement(AnswerRule.model_validate(rule), truth, label) == wanted
