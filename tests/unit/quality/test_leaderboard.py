"""One line per annotator: sums, ratios, places that few tasks cannot win, and the verdict."""

import pytest

from benchmark_qa.quality.leaderboard import Leaderboard, leaderboard
from benchmark_qa.quality.report import totals_by_annotator
from benchmark_qa.quality.submissions import in_order
from benchmark_qa.quality.verdict import Bar, judge, order_of_items
from benchmark_qa.records.score import ScoreRecord
from tests.records import record


def task(number: int, annotator: str | None, tp: int, fp: int, fn: int) -> ScoreRecord:
    return record(
        number,
        annotator=annotator,
        true_positives=tp,
        false_positives=fp,
        false_negatives=fn,
        similarity_sum=0.8 * tp,
    )


def board_of(records: list[ScoreRecord], *, threshold: float = 0.5, minimum_tasks: int = 1) -> Leaderboard:
    submissions = in_order(records)
    verdicts = judge(submissions, Bar(threshold, minimum_tasks), order_of_items(submissions))
    return leaderboard(totals_by_annotator(records), verdicts)


def test_figures_are_pooled_over_the_tasks_of_an_annotator() -> None:
    board = board_of([task(1, "a@x.org", 3, 1, 0), task(2, "a@x.org", 1, 0, 2), task(3, "b@x.org", 0, 0, 4)])
    best, worst = board.lines
    assert (best.annotator, best.tasks, best.place) == ("a@x.org", 2, 1)
    assert (best.true_positives, best.false_positives, best.false_negatives) == (4, 1, 2)
    assert best.precision.estimate == pytest.approx(4 / 5)
    assert best.recall.estimate == pytest.approx(4 / 6)
    assert best.f1.estimate == pytest.approx(8 / 11)
    assert best.mean_similarity.estimate == pytest.approx(0.8)
    assert worst.precision.estimate is None, "nobody can be precise about nothing"
    assert (worst.true_positives, worst.false_positives, worst.false_negatives) == (0, 0, 4)
    assert worst.recall.estimate == 0.0
    assert (board.pooled.true_positives, board.pooled.false_positives, board.pooled.false_negatives) == (4, 1, 6)


def test_few_good_tasks_are_no_verdict_and_many_are() -> None:
    few = [task(number, "a@x.org", 3, 0, 0) for number in range(4)]
    many = [task(number, "b@x.org", 3, 0, 0) for number in range(100, 200)]
    bad = [task(number, "c@x.org", 0, 3, 3) for number in range(300, 400)]
    verdicts = {
        line.annotator: line.verdict for line in board_of(few + many + bad, threshold=0.7, minimum_tasks=5).lines
    }
    assert verdicts == {"a@x.org": "too few tasks", "b@x.org": "above the bar", "c@x.org": "below the bar"}


def test_a_lucky_beginner_does_not_lead() -> None:
    lucky = [task(1, "lucky@x.org", 1, 0, 0)]
    steady = [task(number, "steady@x.org", 3, 0, int(number % 25 == 0)) for number in range(100, 500)]
    crowd = [task(600 + n, f"{n % 10}@x.org", 3, 1, 1 + n % 3) for n in range(300)]
    lines = board_of(lucky + steady + crowd).lines
    by_name = {line.annotator: line for line in lines}
    assert by_name["lucky@x.org"].f1.estimate == 1.0
    assert lines[0].annotator == "steady@x.org"
    assert by_name["lucky@x.org"].shrunk is not None
    assert by_name["lucky@x.org"].shrunk < 1.0


def test_places_are_those_that_the_intervals_allow() -> None:
    good = [task(number, "good@x.org", 3, 0, 0) for number in range(200)]
    bad = [task(number, "bad@x.org", 0, 3, 3) for number in range(300, 500)]
    new = [task(600, "new@x.org", 1, 0, 0), task(601, "new@x.org", 0, 1, 1)]
    one = [task(700, "one@x.org", 1, 0, 0)]
    found = {line.annotator: line.places for line in board_of(good + bad + new + one).lines}
    assert {name: places and (places.first, places.last) for name, places in found.items()} == {
        "good@x.org": (1, 2),
        "one@x.org": (1, 3),
        "new@x.org": (2, 3),
        "bad@x.org": (4, 4),
    }


def test_a_branch_without_a_known_author_is_reported_as_such() -> None:
    assert [line.annotator for line in board_of([task(1, None, 1, 0, 0)]).lines] == ["(unknown)"]


def test_an_empty_store_is_an_empty_table() -> None:
    board = board_of([])
    assert board.lines == ()
    assert board.pooled.tasks == 0
    assert board.pooled.f1.reason == "no task has objects"
