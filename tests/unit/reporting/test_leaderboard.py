"""One line per annotator: sums, ratios and verdicts that hold the interval against the bar."""

from dataclasses import replace

import pytest

from agents.records import ScoreRecord
from agents.reporting import leaderboard
from tests.records import record


def task(number: int, annotator: str | None, tp: int, fp: int, fn: int) -> ScoreRecord:
    return replace(
        record(number),
        annotator=annotator,
        true_positives=tp,
        false_positives=fp,
        false_negatives=fn,
        similarity_sum=0.8 * tp,
    )


def test_figures_are_pooled_over_the_tasks_of_an_annotator() -> None:
    board = leaderboard(
        [task(1, "a@x.org", 3, 1, 0), task(2, "a@x.org", 1, 0, 2), task(3, "b@x.org", 0, 0, 4)],
        threshold=0.5,
        minimum_tasks=1,
    )
    best, worst = board.lines
    assert (best.annotator, best.tasks) == ("a@x.org", 2)
    assert (best.true_positives, best.false_positives, best.false_negatives) == (4, 1, 2)
    assert best.precision.estimate == pytest.approx(4 / 5)
    assert best.recall.estimate == pytest.approx(4 / 6)
    assert best.f1.estimate == pytest.approx(8 / 11)
    assert best.mean_similarity.estimate == pytest.approx(0.8)
    assert worst.precision.estimate is None, "nobody can be precise about nothing"
    assert worst.recall.estimate == 0.0
    assert board.pooled.true_positives == 4


def test_few_good_tasks_are_no_verdict_and_many_are() -> None:
    few = [task(number, "a@x.org", 3, 0, 0) for number in range(4)]
    many = [task(number, "b@x.org", 3, 0, 0) for number in range(100, 200)]
    bad = [task(number, "c@x.org", 0, 3, 3) for number in range(300, 400)]
    verdicts = {
        line.annotator: line.verdict for line in leaderboard(few + many + bad, threshold=0.7, minimum_tasks=5).lines
    }
    assert verdicts == {"a@x.org": "too few tasks", "b@x.org": "above the bar", "c@x.org": "below the bar"}


def test_a_branch_without_a_known_author_is_reported_as_such() -> None:
    board = leaderboard([task(1, None, 1, 0, 0)], threshold=0.5, minimum_tasks=1)
    assert [line.annotator for line in board.lines] == ["(unknown)"]
