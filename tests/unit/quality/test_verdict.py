"""The verdict about a person: what it is about, what it needs, and what changes nothing about it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark_qa.quality.breakdown import by_week
from benchmark_qa.quality.crowd import drifting
from benchmark_qa.quality.submissions import figure_of, gains_of, in_order, part_of, totals_of_figure
from benchmark_qa.quality.verdict import Bar, Verdicts, judge, order_of_items
from benchmark_qa.records.score import ScoreRecord, passed
from tests.records import NOON, record

BAR = Bar(0.7, 5)


def task(number: int, annotator: str, tp: int, fp: int, fn: int, *, minute: int = 0, rescored: int = 0) -> ScoreRecord:
    at = NOON + timedelta(minutes=minute)
    return record(
        number,
        annotator=f"{annotator}@x.org",
        branch_name=f"encord-{annotator}",
        edited=at,
        submitted_at=at,
        scored=at + timedelta(days=rescored),
        true_positives=tp,
        false_positives=fp,
        false_negatives=fn,
    )


def right(number: int, annotator: str = "ann", **when: int) -> ScoreRecord:
    return task(number, annotator, 1, 0, 0, **when)


def wrong(number: int, annotator: str = "ann", **when: int) -> ScoreRecord:
    return task(number, annotator, 0, 1, 1, **when)


def empty(number: int, annotator: str = "ann", **when: int) -> ScoreRecord:
    return task(number, annotator, 0, 0, 0, **when)


def verdicts(records: list[ScoreRecord], bar: Bar = BAR) -> Verdicts:
    submissions = in_order(records)
    return judge(submissions, bar, order_of_items(submissions))


def words(records: list[ScoreRecord], bar: Bar = BAR) -> dict[str, str]:
    return {name.split("@")[0]: person.words for name, person in verdicts(records, bar).people.items()}


def test_the_figure_is_that_of_the_project_and_bounded_in_every_task() -> None:
    answers = record(1, true_positives=0, false_positives=0, classifications_total=2, classifications_correct=1.0)
    assert figure_of([answers]) == "accuracy"
    assert figure_of([answers, right(2)]) == "f1"
    assert figure_of([empty(1)]) == "score"
    assert part_of(answers, "accuracy") == (0.5, 1.0)
    # Thirty objects weigh as three, and of a hundred spurious ones three count.
    assert part_of(task(1, "ann", 15, 100, 15), "f1") == (pytest.approx(3.0), pytest.approx(0.1 * 48))
    assert part_of(empty(1), "f1") == (0.0, 0.0)


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=20),
    st.sampled_from([0.0, 0.3, 0.7, 1.0]),
)
def test_what_tasks_say_adds_up_to_the_figure(counts: list[tuple[int, int, int]], bar: float) -> None:
    records = [task(n, "ann", *each) for n, each in enumerate(counts)]
    held = min(max(bar, 0.001), 0.999)
    totals, gains = totals_of_figure(records, "f1"), gains_of(records, "f1", bar)
    said = sum(value for value in gains.values.tolist() if value == value)  # noqa: PLR0124 - NaN says nothing
    assert said == pytest.approx(totals.numerator - held * totals.denominator, abs=1e-9)
    assert all(gain >= -1 - 1e-9 for side in (gains.for_below, gains.for_above) for gain in side[side == side])  # noqa: PLR0124


def test_finding_nothing_where_little_is_to_be_found_is_not_good_enough() -> None:
    said = words([*(empty(n, "lazy") for n in range(540)), *(task(n, "lazy", 0, 0, 1) for n in range(540, 600))])
    assert said == {"lazy": "below the bar"}


def test_tasks_with_nothing_to_judge_do_not_count_towards_the_minimum() -> None:
    ten = [task(n, "ann", 0, 3, 10) for n in range(4)]
    assert words([*ten, *(empty(n) for n in range(10, 60))]) == {"ann": "too few tasks"}


@pytest.mark.parametrize("minimum", [20, 30])
def test_the_minimum_of_tasks_is_enough(minimum: int) -> None:
    tasks = [wrong(n, minute=n) for n in range(minimum)]
    bar = Bar(0.7, minimum)
    assert words(tasks[:-1], bar) == {"ann": "too few tasks"}
    assert words(tasks, bar) == {"ann": "below the bar"}
    assert [event.task for event in verdicts(tasks, bar).people["ann@x.org"].events] == [minimum]


def test_a_verdict_is_about_now() -> None:
    better = [wrong(n, minute=n) for n in range(10)] + [right(n, minute=n) for n in range(10, 90)]
    worse = [right(n, minute=n) for n in range(40)] + [wrong(n, minute=n) for n in range(40, 90)]
    assert words(better) == {"ann": "above the bar"}
    assert words(worse) == {"ann": "below the bar"}


def test_verdicts_appear_and_are_lifted_as_dated_events() -> None:
    steps = [wrong(n, minute=n) for n in range(15)] + [right(n, minute=n) for n in range(15, 90)]
    person = verdicts(steps).people["ann@x.org"]
    assert [event.words for event in person.events] == ["below the bar", "undecided", "above the bar"]
    first, lifted, last = person.events
    assert first.at == NOON + timedelta(minutes=first.task - 1)
    assert 15 < lifted.task <= 35, "no longer named within twenty tasks"
    assert last == person.since
    for event in person.events:
        now = verdicts(steps[: event.task]).people["ann@x.org"]
        before = verdicts(steps[: event.task - 1]).people["ann@x.org"]
        assert (now.words, before.words != now.words) == (event.words, True), "as it was said at the time"


def test_in_a_crowd_more_evidence_is_needed() -> None:
    alone = [wrong(n, "bad") for n in range(11)]
    crowd = [right(1_000 * person + n, f"p{person}") for person in range(1, 41) for n in range(20)]
    assert words(alone) == {"bad": "below the bar"}
    assert words(alone + crowd)["bad"] == "undecided"
    person = verdicts(alone + crowd).people["bad@x.org"]
    assert person.standing.needed_below == pytest.approx(41 / 0.05)
    assert person.standing.tasks_expected is not None


def in_one_order(*, everybody_alike: bool) -> list[ScoreRecord]:
    """Six people at forty items; the first twenty are hard. In one order for everybody, or in another for each."""
    made = []
    for person in range(6):
        for place in range(40):
            item = place if everybody_alike else (place * 7 + person * 11) * (2 * person + 1) % 41
            hard = item < 20 and (item + person) % 5 != 0
            made.append((wrong if hard else right)(item, f"p{person}", minute=place))
    return made


def test_nothing_is_said_where_everybody_meets_the_items_in_one_order() -> None:
    found = verdicts(in_one_order(everybody_alike=True))
    assert set(words(in_one_order(everybody_alike=True)).values()) == {"cannot be said: items not in random order"}
    assert found.order.is_systematic
    assert not any(person.events for person in found.people.values())


def test_work_that_was_handed_in_together_has_no_order() -> None:
    at_once = [
        replace(each, submitted_at=NOON + timedelta(milliseconds=number))
        for number, each in enumerate(in_one_order(everybody_alike=True))
    ]
    assert verdicts(at_once).order.is_systematic is None
    assert "cannot be said: items not in random order" not in words(at_once).values()


def test_the_order_of_scoring_says_nothing_of_the_order_of_work() -> None:
    scored_in_one_order = [
        replace(each, submitted_at=None, identity=replace(each.identity, labels_edited_at=None))
        for each in in_one_order(everybody_alike=True)
    ]
    assert verdicts(scored_in_one_order).order.is_systematic is None


def test_where_each_meets_the_items_in_another_order_verdicts_are_said() -> None:
    assert not verdicts(in_one_order(everybody_alike=False)).order.is_systematic


def test_beside_the_others_the_order_of_items_does_not_matter() -> None:
    hard_first = [
        (right if item >= 100 else wrong)(item, f"p{person}", minute=item) for person in range(8) for item in range(200)
    ]
    assert not any(person.is_below_others for person in verdicts(hard_first).people.values())
    poor = [wrong(item, "poor", minute=item) for item in range(200)]
    found = verdicts(hard_first + poor).people
    assert [name for name, person in found.items() if person.is_below_others] == ["poor@x.org"]
    assert found["poor@x.org"].crowd == pytest.approx(0.5)


def test_one_item_counts_once_for_a_person_the_first_time() -> None:
    first = [wrong(n, minute=n) for n in range(6)]
    again = [replace(right(n, minute=100 + n), identity=replace(right(n).identity, branch_name="b")) for n in range(6)]
    counted = in_order([*again, *first])
    assert [each.record for each in counted] == first
    unknown = [replace(each, annotator=None) for each in (*first, *again)]
    assert len(in_order(unknown)) == 12, "nobody knows whose they are"


TASKS = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from("abc"), st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)),
    min_size=1,
    max_size=60,
    unique_by=lambda each: each[:2],
)


@settings(max_examples=40, deadline=None)
@given(TASKS, st.lists(st.integers(0, 500), min_size=60, max_size=60), st.randoms(use_true_random=False))
def test_a_rescore_that_changes_no_score_changes_nothing(
    tasks: list[tuple[int, str, int, int, int]], days: list[int], shuffle: object
) -> None:
    first = [task(*each, minute=each[0] * 5_000) for each in tasks]
    anew = [replace(each, scored_at=NOON + timedelta(days=days[n])) for n, each in enumerate(first)]
    shuffle.shuffle(anew)  # type: ignore[attr-defined]
    before, after = in_order(first, first), in_order(anew, first)
    bar = Bar(0.5, 1)
    assert judge(after, bar, order_of_items(after)) == judge(before, bar, order_of_items(before))
    assert by_week(after, zone=NOON.tzinfo or None, level=0.95) == by_week(before, zone=NOON.tzinfo, level=0.95)  # type: ignore[arg-type]
    assert drifting(after) == drifting(before)


@settings(max_examples=40, deadline=None)
@given(TASKS, st.randoms(use_true_random=False))
def test_the_order_in_which_tasks_of_one_moment_come_changes_nothing(
    tasks: list[tuple[int, str, int, int, int]], shuffle: object
) -> None:
    first = [task(*each) for each in tasks]
    other = list(first)
    shuffle.shuffle(other)  # type: ignore[attr-defined]
    assert verdicts(other) == verdicts(first)


def test_without_a_moment_of_submission_a_rescore_keeps_the_place_of_the_first_score() -> None:
    old = [replace(record(n, scored=NOON + timedelta(hours=n)), submitted_at=None) for n in range(5)]
    old = [replace(each, identity=replace(each.identity, labels_edited_at=None)) for each in old]
    anew = [replace(each, scored_at=NOON + timedelta(days=9, hours=-n)) for n, each in enumerate(old)]
    assert [each.record.data_title for each in in_order(anew, old)] == [each.data_title for each in old]
    assert [each.at for each in in_order(anew, old)] == [each.scored_at for each in old]


@pytest.mark.parametrize(
    ("score", "met", "expected"),
    [(0.9, False, False), (0.1, True, True), (0.7, None, True), (0.69, None, False), (None, None, None)],
)
def test_one_definition_of_passed(score: float | None, met: bool | None, expected: bool | None) -> None:
    assert passed(record(1, score=score, passed=met), 0.7) is expected
