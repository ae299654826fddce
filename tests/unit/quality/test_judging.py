"""What a task adds to each figure, what a verdict says in words, and whose work is compared with whose."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import numpy as np
import pytest

from benchmark_qa.quality import verdict as module
from benchmark_qa.quality.submissions import (
    JudgedFigure,
    Submission,
    figure_of,
    gains_of,
    in_order,
    newest_of_attempt,
    part_of,
    replaced_by_another_attempt,
    submitted_at,
    totals_of_figure,
    without_items,
)
from benchmark_qa.quality.verdict import Bar, PersonVerdict, VerdictEvent, Verdicts, judge, order_of_items
from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.stats.crowd_evidence import AmongOthers, PersonEvidence
from benchmark_qa.stats.intervals import Interval
from benchmark_qa.stats.item_order import ItemOrder
from tests.records import NOON, data_hash, record

ANN, BEN, CAT = "ann@x.org", "ben@x.org", "cat@x.org"
RANDOM = ItemOrder(False, 0.0, 1.0, 2)
COMMON = ItemOrder(True, 1.0, 0.001, 2)


def task(number: int, tp: int, fp: int = 0, fn: int = 0, *, who: str | None = ANN, **fields: Any) -> ScoreRecord:
    at = NOON + timedelta(minutes=number)
    counts = {"true_positives": tp, "false_positives": fp, "false_negatives": fn}
    return record(number, annotator=who, edited=at, **counts, **{"branch_name": f"encord-{who}", **fields})


FULL = {
    "similarity_sum": 1.5,
    "classifications_correct": 3.0,
    "classifications_total": 4,
    "attributes_correct": 1.0,
    "attributes_total": 8,
    "score": 0.625,
    "passed": False,
}
NOTHING = {"classifications_total": 0, "attributes_total": 0, "score": None, "passed": None}


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        ("precision", 2 / 6),
        ("recall", 2 / 5),
        ("mean_similarity", 0.75),
        ("accuracy", 0.75),
        ("attribute_accuracy", 0.125),
        ("score", 0.625),
        ("passed", 0.0),
    ],
)
def test_each_figure_takes_the_tasks_own_value(figure: JudgedFigure, value: float) -> None:
    full, nothing = task(1, 2, 4, 3, **FULL), task(2, 0, **NOTHING)
    assert part_of(full, figure) == (pytest.approx(value), 1.0)
    assert part_of(nothing, figure) == (0.0, 0.0)
    totals = totals_of_figure([full, nothing], figure)
    assert (totals.numerator, totals.denominator, totals.tasks) == (pytest.approx(value), 1.0, 1)
    values = gains_of([full, nothing, full], figure, 0.5).values
    assert values.tolist() == [pytest.approx(value - 0.5), pytest.approx(np.nan, nan_ok=True), values[0]]


@pytest.mark.parametrize("figure", ["score", "passed"])
def test_an_empty_answer_to_an_empty_image_carries_no_figure(figure: JudgedFigure) -> None:
    empty = task(1, 0, score=1.0, passed=True, classifications_total=0)
    assert part_of(empty, figure) == (0.0, 0.0)
    assert part_of(task(1, 1, score=1.0, passed=True), figure) == (1.0, 1.0)
    assert part_of(task(1, 0, 1, score=0.0, passed=False, classifications_total=0), figure) == (0.0, 1.0)


@pytest.mark.parametrize(("score", "counts"), [(-0.5, 0.0), (1.5, 1.0)])
def test_a_value_outside_of_its_range_counts_as_the_end_of_the_range(score: float, counts: float) -> None:
    assert part_of(task(1, 1, score=score), "score") == (counts, 1.0)


@pytest.mark.parametrize(
    ("tp", "fp", "fn", "above", "below"),
    [
        (1, 0, 0, 2, 2),
        (1, 2, 0, 2, 4),
        (0, 3, 0, 0, 3),
        (0, 9, 0, 0, 3),
        (2, 1, 1, 4, 6),
        (3, 0, 3, 3, 4.5),
        (6, 4, 6, 3, 5.25),
    ],
)
def test_a_task_of_many_objects_weighs_as_one_of_three(tp: int, fp: int, fn: int, above: float, below: float) -> None:
    assert part_of(task(1, tp, fp, fn), "f1") == (above, below)
    (value,) = gains_of([task(1, tp, fp, fn)], "f1", 0.6).values
    assert value == pytest.approx(above - 0.6 * below)


@pytest.mark.parametrize("figure", ["f1", "score"])
def test_a_bar_of_all_or_nothing_is_held_a_little_off_the_end(figure: JudgedFigure) -> None:
    records = [task(1, 1, 1, score=0.5)]
    for bar, held in ((0.0, 0.001), (-1.0, 0.001), (1.0, 0.999), (2.0, 0.999)):
        assert gains_of(records, figure, bar) == _same(gains_of(records, figure, held))
    assert gains_of(records, figure, 0.002).values != gains_of(records, figure, 0.001).values


class _same:  # noqa: N801 - reads as a word
    """Equal to gains of the same numbers."""

    def __init__(self, gains: Any) -> None:
        self.gains = gains

    def __eq__(self, other: object) -> bool:
        told = cast(Any, other)
        return all(
            np.array_equal(getattr(told, name), getattr(self.gains, name), equal_nan=True)
            for name in ("values", "for_below", "for_above")
        )

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("counts", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1)])
def test_a_single_object_on_either_side_makes_f1_the_figure(counts: tuple[int, int, int]) -> None:
    asked = task(1, 0, classifications_total=1)
    assert figure_of([asked, task(2, *counts)]) == "f1"
    assert figure_of([task(3, 0), asked, task(4, 0)]) == "accuracy"
    assert figure_of([task(3, 0)]) == figure_of([]) == "score"


def test_no_tasks_add_up_to_nothing() -> None:
    assert (totals_of_figure([], "f1").tasks, len(gains_of([], "f1", 0.5).values)) == (0, 0)


def test_items_are_left_out_by_their_data_hash() -> None:
    submissions = in_order([task(1, 1), task(2, 1), task(3, 1)])
    assert [each.record for each in without_items(submissions, [data_hash(2), data_hash(9)])] == [
        task(1, 1),
        task(3, 1),
    ]


def test_work_was_handed_in_when_encord_says_or_when_it_was_last_edited() -> None:
    later = NOON + timedelta(hours=1)
    assert submitted_at(record(1, edited=NOON, submitted_at=later)) == later
    assert submitted_at(record(1, edited=NOON)) == NOON
    assert submitted_at(record(1, labels_edited_at=None)) is None


def test_another_label_row_of_the_same_person_is_another_attempt() -> None:
    first, other = record(1, label_hash="a"), record(1, label_hash="b")
    assert replaced_by_another_attempt(other, first)
    assert not replaced_by_another_attempt(first, first)
    assert not replaced_by_another_attempt(replace(other, annotator=BEN), first)
    assert not replaced_by_another_attempt(record(1, label_hash=None), first)
    assert not replaced_by_another_attempt(other, record(1, label_hash=None))


def test_the_newest_score_of_an_attempt_is_the_one_against_the_newest_truth_until_then() -> None:
    def scored(hours: int, truth: int | None = None, **fields: Any) -> ScoreRecord:
        edited = None if truth is None else NOON + timedelta(hours=truth)
        return record(1, scored=NOON + timedelta(hours=hours), truth_edited_at=edited, **fields)

    first = scored(0, 0)
    history = [
        first,
        scored(5, 1),
        scored(3, 2),
        scored(4, 2),
        scored(9, None),
        scored(8, 9, late=True),
        scored(8, 9, branch_name="another"),
        scored(8, 9, label_hash="another"),
    ]
    assert newest_of_attempt(history, first, None) == scored(4, 2)
    assert newest_of_attempt(history, first, NOON + timedelta(hours=3)) == scored(3, 2)
    assert newest_of_attempt(history, first, NOON) == first
    assert newest_of_attempt([scored(8, 9, late=True)], first, None) == first


STANDING = PersonEvidence("neither", 12.345, 2345.4, 20.0, 40.0, 1234, 77)
INTERVAL = Interval(0.654, 0.5, 0.8, 1234)


def person(words: Any, **fields: Any) -> PersonVerdict:
    made = PersonVerdict(ANN, words, INTERVAL, STANDING, None, 0.5)
    return replace(made, **fields)


EVENT = VerdictEvent(datetime(2026, 3, 2, 9, tzinfo=NOON.tzinfo), 1200, "below the bar")


@pytest.mark.parametrize(
    ("verdict", "line"),
    [
        (
            person("above the bar", events=(EVENT,)),
            "above the bar: 0.65 on 1,234 tasks, evidence 2,345 of 40 needed",
        ),
        (
            person("below the bar", events=(EVENT,)),
            "below the bar: 0.65 on 1,234 tasks, evidence 12.3 of 20 needed to be below, "
            "since task 1,200 on 2026-03-02",
        ),
        (
            person("undecided", events=(replace(EVENT, words="above the bar"),)),
            "undecided: 0.65 on 1,234 tasks, evidence 12.3 of 20 needed to be below; about 77 more until we know",
        ),
        (
            person("undecided", standing=replace(STANDING, tasks_expected=500)),
            "undecided: 0.65 on 1,234 tasks, evidence 12.3 of 20 needed to be below; about 500 more until we know",
        ),
        (
            person("undecided", standing=replace(STANDING, tasks_expected=501)),
            "undecided: 0.65 on 1,234 tasks, evidence 12.3 of 20 needed to be below; over 500 more until we know",
        ),
        (
            person("undecided", standing=replace(STANDING, tasks_expected=None)),
            "undecided: 0.65 on 1,234 tasks, evidence 12.3 of 20 needed to be below",
        ),
        (
            person("too few tasks", standing=replace(STANDING, tasks=1), figure=Interval(None, None, None, 0)),
            "too few tasks: n/a on 1 task",
        ),
        (person("too few tasks", standing=replace(STANDING, tasks=0)), "too few tasks: 0.65 on 0 tasks"),
    ],
)
def test_a_verdict_is_told_in_one_line_with_its_evidence(verdict: PersonVerdict, line: str) -> None:
    assert verdict.explain() == line


def test_a_verdict_as_a_document_has_every_fact() -> None:
    others = AmongOthers(True, 50.0, -0.25, 30)
    told = person("below the bar", events=(EVENT,), others=others).to_dict()
    event = {"at": "2026-03-02T09:00:00+00:00", "task": 1200, "words": "below the bar"}
    assert told == {
        "annotator": ANN,
        "verdict": "below the bar",
        "figure": {"estimate": 0.654, "low": 0.5, "high": 0.8, "n": 1234, "level": 0.95, "reason": None},
        "since": event,
        "evidence": {
            "evidence_below": 12.345,
            "evidence_above": 2345.4,
            "needed_below": 20.0,
            "needed_above": 40.0,
            "tasks": 1234,
            "tasks_expected": 77,
        },
        "tasks_expected": 77,
        "still": None,
        "others_on_these_items": 0.5,
        "beside_others": {
            "is_below": True,
            "evidence": 50.0,
            "difference": -0.25,
            "tasks": 30,
            "words": "below the others on these items",
        },
        "events": [event],
    }
    alone = person("undecided").to_dict()
    assert (alone["since"], alone["beside_others"], alone["events"]) == (None, None, [])
    assert alone["still"] == "about 77 more"
    equal = person("undecided", others=replace(others, is_below=False)).to_dict()
    assert equal["beside_others"]["words"] is None


def judged(*records: ScoreRecord, bar: Bar | None = None, order: ItemOrder | None = RANDOM) -> Verdicts:
    submissions = in_order(records)
    return judge(submissions, bar or Bar(0.7, 5), order or order_of_items(submissions))


def many(number: int, *, who: str, good: bool, first: int = 0) -> list[ScoreRecord]:
    return [task(n, 1, who=who) if good else task(n, 0, 1, 1, who=who) for n in range(first, first + number)]


def test_verdicts_are_found_by_person_and_by_words() -> None:
    found = judged(
        *many(90, who=BEN, good=True),
        *many(90, who=CAT, good=False),
        *many(90, who=ANN, good=True),
        task(1, 1, who=None),
    )
    assert found.words_on(ANN) == "above the bar"
    assert found.words_on(CAT) == "below the bar"
    assert found.words_on("nobody@x.org") == "too few tasks"
    assert [each.annotator for each in found.with_words("above the bar")] == [ANN, BEN]
    assert found.with_words("undecided") == []
    assert set(found.people) == {ANN, BEN, CAT}
    assert found.figure == "f1"
    assert (found.totals[ANN].numerator, found.totals[ANN].tasks) == (180.0, 90)


@pytest.mark.parametrize(("minimum", "words"), [(90, "above the bar"), (91, "too few tasks")])
def test_a_verdict_needs_the_least_number_of_tasks(minimum: int, words: str) -> None:
    found = judged(*many(90, who=ANN, good=True), bar=Bar(0.7, minimum))
    assert found.words_on(ANN) == words
    assert [event.words for event in found.people[ANN].events] == ["above the bar"] * (words == "above the bar")


def test_of_items_in_one_order_nothing_is_said_and_too_few_stay_too_few() -> None:
    found = judged(*many(90, who=ANN, good=False), *many(4, who=BEN, good=True), order=COMMON)
    assert found.words_on(ANN) == "cannot be said: items not in random order"
    assert found.words_on(BEN) == "too few tasks"
    assert found.people[ANN].events == ()
    assert found.order == COMMON
    undecidable = judged(*many(90, who=ANN, good=False), order=ItemOrder(None, None, None, 1, "one person"))
    assert undecidable.words_on(ANN) == "below the bar"


def test_the_bar_says_which_figure_how_high_and_how_sure() -> None:
    records = [task(n, 1, 1, who=ANN, score=0.2) for n in range(60)]
    by_score = judged(*records, bar=Bar(0.5, 5, 0.8, "score"))
    assert (by_score.figure, by_score.words_on(ANN)) == ("score", "below the bar")
    figure = by_score.people[ANN].figure
    assert (figure.estimate, figure.level, figure.n) == (pytest.approx(0.2), 0.8, 60)
    assert judged(*records, bar=Bar(0.1, 5, figure="score")).words_on(ANN) == "above the bar"
    assert judged(*records, bar=Bar(0.5, 5, figure="precision")).words_on(ANN) == "undecided"


def test_the_others_figure_weighs_each_item_of_the_person_alike() -> None:
    found = judged(
        task(1, 1, who=ANN),
        task(2, 1, 1, who=ANN),
        task(3, 0, 1, 1, who=ANN),
        task(1, 1, 0, 1, who=BEN),
        task(1, 0, 1, 2, who=CAT),
        task(2, 1, who=BEN),
    )
    # Item 1: the mean of (2, 3) and (0, 3); item 2: (2, 2); item 3: nobody else.
    assert found.people[ANN].crowd == pytest.approx((1 + 2) / (3 + 2))
    assert found.people[CAT].crowd == pytest.approx((2 + 2) / 2 / ((2 + 3) / 2))
    alone = judged(task(1, 1, who=ANN), task(2, 1, who=BEN))
    assert [each.crowd for each in alone.people.values()] == [None, None]


def test_people_are_compared_with_five_others_at_least() -> None:
    crowd = [task(n, 1, who=f"p{person}@x.org") for person in range(5) for n in range(40)]
    poor = [task(n, 0, 1, 1, who=ANN) for n in range(40)]
    others = judged(*crowd, *poor).people[ANN].others
    assert others is not None
    assert (others.is_below, others.difference, others.tasks) == (True, pytest.approx(-1.0), 40)
    assert judged(*crowd[40:], *poor).people[ANN].others is None


def test_tasks_with_nothing_to_judge_are_in_no_comparison() -> None:
    crowd = [task(n, 1 if n else 0, who=f"p{person}@x.org") for person in range(6) for n in range(9)]
    (others,) = {each.others.tasks for each in judged(*crowd).people.values() if each.others}
    assert others == 8


def test_the_more_people_are_judged_the_more_evidence_is_needed() -> None:
    idle = [task(1000 + n, 0, who=f"idle{n}@x.org") for n in range(20)]
    alone = judged(*many(20, who=ANN, good=True), *idle).people[ANN].standing
    two = judged(*many(20, who=ANN, good=True), *many(20, who=BEN, good=True), *idle).people[ANN].standing
    assert (alone.needed_below, two.needed_below) == (pytest.approx(20), pytest.approx(40))


def test_in_a_large_crowd_the_evidence_against_one_person_can_still_be_enough() -> None:
    crowd = [task(n, 1, who=f"p{person}@x.org") for person in range(40) for n in range(2)]
    found = judged(*crowd, *many(120, who=ANN, good=False)).people[ANN]
    assert found.standing.needed_below == pytest.approx(41 / 0.05)
    assert found.standing.evidence_below >= found.standing.needed_below
    assert found.words == "below the bar"


Met = Mapping[str, Mapping[str, float]]


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[Met]:
    """What is handed to the test of the order."""
    calls: list[Met] = []

    def item_order(met: Met, *, draws: Iterable[int] = ()) -> ItemOrder:
        calls.append(met)
        return COMMON

    monkeypatch.setattr(module, "item_order", item_order)
    return calls


def submission(number: int, seconds: float, who: str | None = ANN, *, known: bool = True) -> Submission:
    return Submission(task(number, 1, who=who), NOON + timedelta(seconds=seconds), known)


def test_work_within_two_seconds_shares_a_place_and_work_of_unknown_moment_has_none(compared: list[Met]) -> None:
    given = [
        submission(1, 0),
        submission(2, 2),
        submission(9, 50, known=False),
        submission(3, 4),
        submission(4, 6.5),
        submission(5, 60),
        submission(6, 0, None),
        submission(7, 1, BEN),
    ]
    assert order_of_items(given) == COMMON
    places = {data_hash(1): 0.0, data_hash(2): 0.0, data_hash(3): 0.0, data_hash(4): 1.0, data_hash(5): 2.0}
    assert compared == [{ANN: places, BEN: {data_hash(7): 0.0}}]


def test_the_first_items_of_those_with_most_items_are_compared(
    compared: list[Met], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PEOPLE_COMPARED", 2)
    monkeypatch.setattr(module, "_ITEMS_COMPARED", 2)
    given = [submission(n, n * 10, who) for who, number in ((CAT, 3), (BEN, 1), (ANN, 1)) for n in range(number)]
    order_of_items(given)
    assert compared == [{CAT: {data_hash(0): 0.0, data_hash(1): 1.0}, ANN: {data_hash(0): 0.0}}]


def test_the_order_is_found_unless_it_is_known(compared: list[Met]) -> None:
    assert judged(task(1, 1), order=None).order == COMMON
    assert judged(task(1, 1), order=RANDOM).order == RANDOM
    assert len(compared) == 1
