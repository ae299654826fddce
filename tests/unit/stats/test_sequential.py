import doctest
from math import log

import numpy as np
import pytest

from benchmark_qa.stats import sequential
from benchmark_qa.stats.intervals import proportion_interval, ratio_interval
from benchmark_qa.stats.sequential import SequentialTest, Verdict, verdict_by_interval

TEST = SequentialTest(good=0.9, poor=0.75)
PEOPLE = 2_000
TASKS = 300


def ever(scores: np.ndarray, test: SequentialTest = TEST) -> tuple[float, float]:
    """Share of people (rows) who are ever called poor, and ever good; the first verdict stands."""
    evidence = np.cumsum(np.vectorize(test.evidence)(scores), axis=1)
    poor, good = evidence >= test.upper, evidence <= test.lower
    never = scores.shape[1]
    first_poor = np.where(poor.any(axis=1), poor.argmax(axis=1), never)
    first_good = np.where(good.any(axis=1), good.argmax(axis=1), never)
    return float((first_poor < first_good).mean()), float((first_good < first_poor).mean())


def test_the_examples_in_the_docstrings_are_true() -> None:
    outcome = doctest.testmod(sequential)
    assert (outcome.attempted, outcome.failed) == (1, 0)


def test_its_evidence_is_walds_log_likelihood_ratio() -> None:
    ruling = TEST.judge([1, 0, 1])
    assert ruling.evidence == pytest.approx(2 * log(0.75 / 0.9) + log(0.25 / 0.1))
    assert TEST.evidence(2 / 3) * 3 == pytest.approx(ruling.evidence)


def test_people_on_the_bar_are_called_poor_no_more_often_than_allowed_however_often_one_looks() -> None:
    random = np.random.default_rng(1)
    poor, good = ever((random.random((PEOPLE, TASKS)) < 0.9).astype(float))
    assert poor <= 0.05
    assert good >= 0.93


def test_poor_people_are_found_and_seldom_called_good() -> None:
    random = np.random.default_rng(2)
    poor, good = ever((random.random((PEOPLE, TASKS)) < 0.75).astype(float))
    assert good <= 0.05
    assert poor >= 0.93


def test_it_holds_for_scores_that_are_neither_0_nor_1() -> None:
    random = np.random.default_rng(3)
    assert ever(random.beta(0.9, 0.1, (PEOPLE, TASKS)))[0] <= 0.05
    assert ever(random.beta(9.0, 1.0, (PEOPLE, TASKS)))[0] <= 0.05
    assert ever(random.beta(0.75, 0.25, (PEOPLE, TASKS)))[1] <= 0.05


def test_an_interval_looked_at_after_every_task_calls_too_many_good_people_poor() -> None:
    random = np.random.default_rng(1)
    right = random.random((400, TASKS)) < 0.9
    called = 0
    for person in right:
        successes = np.cumsum(person)
        called += any(
            verdict_by_interval(proportion_interval(int(s), n), bar=0.9, minimum=10) is Verdict.POOR
            for n, s in enumerate(successes, start=1)
        )
    assert called / 400 > 0.10


@pytest.mark.parametrize("mean", [0.95, 0.9, 0.75, 0.6])
def test_the_tasks_needed_are_about_what_it_takes(mean: float) -> None:
    random = np.random.default_rng(4)
    scores = (random.random((500, 1000)) < mean).astype(float)
    taken = [TEST.judge(person).decided_at for person in scores]
    assert all(taken)
    assert np.mean(taken) == pytest.approx(TEST.tasks_needed(mean), rel=0.35)


def test_between_good_and_poor_there_is_a_mean_that_decides_nothing() -> None:
    against, for_poor = log(0.25 / 0.1), log(0.75 / 0.9)
    assert TEST.tasks_needed(against / (against - for_poor)) > 1e9
    assert TEST.tasks_needed(0.0) < 5


def test_the_first_verdict_stands() -> None:
    ruling = TEST.judge([0, 0, 0, 0] + [1] * 200)
    assert (ruling.verdict, ruling.decided_at, ruling.n) == (Verdict.POOR, 4, 204)
    assert TEST.judge([]).verdict is Verdict.OPEN
    assert str(TEST.judge([1])) == "not known yet (1 task)"


def test_the_interval_rule_needs_enough_tasks_and_the_whole_interval() -> None:
    assert verdict_by_interval(proportion_interval(1, 6), bar=0.8, minimum=10) is Verdict.OPEN
    assert verdict_by_interval(proportion_interval(6, 10), bar=0.8, minimum=10) is Verdict.OPEN
    assert verdict_by_interval(proportion_interval(3, 10), bar=0.8, minimum=10) is Verdict.POOR
    assert verdict_by_interval(proportion_interval(99, 100), bar=0.8, minimum=10) is Verdict.GOOD
    assert verdict_by_interval(ratio_interval([], []), bar=0.8, minimum=0) is Verdict.OPEN


@pytest.mark.parametrize(
    "settings", [{"good": 0.7, "poor": 0.8}, {"good": 1.0}, {"poor": 0.0}, {"false_alarm": 0.0}, {"missed": 0.6}]
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"poor|error rates"):
        SequentialTest(**settings)
    with pytest.raises(ValueError, match="a score lies between"):
        TEST.judge([1.2])
