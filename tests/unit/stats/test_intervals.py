import doctest
from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark_qa.stats import intervals
from benchmark_qa.stats.intervals import (
    IntervalInputError,
    RatioTotals,
    mean_interval,
    proportion_interval,
    ratio_interval,
)

COUNTS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=40)


def test_the_examples_in_the_docstrings_are_true() -> None:
    outcome = doctest.testmod(intervals)
    assert outcome.attempted >= 2
    assert outcome.failed == 0


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (3, 3), (9, 10), (45, 50), (324, 1000)])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_a_proportion_has_scipys_wilson_interval(successes: int, trials: int, level: float) -> None:
    reference = stats.binomtest(successes, trials).proportion_ci(level, method="wilson")
    ours = proportion_interval(successes, trials, level=level)
    assert (ours.low, ours.high) == pytest.approx((reference.low, reference.high), abs=1e-12)


@given(COUNTS)
def test_the_estimate_is_the_pooled_ratio_and_lies_within(counts: list[tuple[int, int]]) -> None:
    hits, misses = np.array(counts, dtype=float).T
    interval = ratio_interval(hits, hits + misses)
    if not (hits + misses).any():
        assert interval.estimate is None
        return
    assert interval.estimate == pytest.approx(hits.sum() / (hits + misses).sum(), abs=1e-12)
    assert interval.low is not None
    assert interval.high is not None
    assert 0.0 <= interval.low <= interval.estimate + 1e-12 <= interval.high + 2e-12 <= 1.0 + 3e-12
    assert interval.n == np.count_nonzero(hits + misses)


@given(COUNTS)
def test_totals_add_up_to_the_totals_of_all_tasks(counts: list[tuple[int, int]]) -> None:
    hits, misses = np.array(counts, dtype=float).T
    together = RatioTotals.of(hits, hits + misses)
    one_by_one = reduce(add, (RatioTotals.of([h], [h + m]) for h, m in counts))
    assert one_by_one == together


def test_four_tasks_look_different_from_four_hundred() -> None:
    few, many = ratio_interval([9, 10, 8, 10], [10] * 4), ratio_interval([9, 10, 8, 10] * 100, [10] * 400)
    assert few.estimate == many.estimate
    assert few.width is not None
    assert many.width is not None
    assert few.width > 8 * many.width
    assert (str(few), str(many)) == ("0.93 (0.55 to 0.99, 4 tasks)", "0.93 (0.92 to 0.93, 400 tasks)")


def test_errors_that_come_in_clusters_widen_the_interval() -> None:
    spread = ratio_interval([9] * 20, [10] * 20)
    clustered = ratio_interval([10] * 18 + [0] * 2, [10] * 20)
    assert clustered.estimate == spread.estimate
    assert clustered.width is not None
    assert spread.width is not None
    assert clustered.width > 2 * spread.width


def test_one_task_of_many_objects_is_still_one_task() -> None:
    for interval in (ratio_interval([1000], [1000]), ratio_interval([990, 1, 1], [1000, 1, 1])):
        assert interval.low is not None
        assert interval.low < 0.5


def test_faultless_tasks_are_not_certainty() -> None:
    interval = ratio_interval([2, 2, 1, 3, 2], [2, 2, 1, 3, 2])
    assert (interval.estimate, interval.high) == (1.0, 1.0)
    assert interval.low is not None
    assert interval.low < 0.7


def test_a_floor_narrows_the_interval_of_values_that_cannot_lie_below_it() -> None:
    similarity, matches = [1.6, 2.3, 0.8], [2, 3, 1]
    free, bounded = ratio_interval(similarity, matches), ratio_interval(similarity, matches, floor=0.5)
    assert bounded.estimate == pytest.approx(free.estimate)
    assert bounded.low is not None
    assert bounded.low >= 0.5
    assert bounded.width < free.width  # type: ignore[operator]


def test_a_pair_that_matched_within_rounding_of_the_threshold_is_accepted() -> None:
    assert ratio_interval([0.5 - 1e-9], [1], floor=0.5).estimate == 0.5


def test_tasks_with_nothing_to_count_are_left_out_and_all_such_is_not_applicable() -> None:
    assert ratio_interval([1, 0, 2], [1, 0, 3]) == ratio_interval([1, 2], [1, 3])
    nothing = ratio_interval([0, 0], [0, 0])
    assert (nothing.estimate, nothing.low, nothing.high, nothing.n) == (None, None, None, 0)
    assert str(nothing) == "not applicable (nothing to count in any task; 0 tasks)"
    assert not nothing.lies_below(1.0)
    assert not nothing.lies_above(0.0)
    assert proportion_interval(0, 0).reason == "no task"


def test_a_verdict_needs_the_whole_interval() -> None:
    assert not proportion_interval(6, 10).lies_below(0.8)
    assert proportion_interval(3, 10).lies_below(0.8)
    assert proportion_interval(95, 100).lies_above(0.8)


@pytest.mark.parametrize(
    ("numerators", "denominators", "message"),
    [
        ([1, 5], [1, 4], "task 1: 5.0 of 4.0"),
        ([-1], [4], r"task 0: -1\.0 of 4\.0"),
        ([float("nan")], [4], "task 0: nan"),
        ([1], [float("inf")], "task 0: 1.0 of inf"),
        ([1, 2], [4], "one numerator and one denominator per task"),
    ],
)
def test_impossible_numbers_are_named(numerators: list[float], denominators: list[float], message: str) -> None:
    with pytest.raises(IntervalInputError, match=message):
        ratio_interval(numerators, denominators)


def test_impossible_settings_are_named() -> None:
    with pytest.raises(IntervalInputError, match="level"):
        ratio_interval([1], [1], level=95)
    with pytest.raises(IntervalInputError, match="floor"):
        ratio_interval([1], [1], floor=1.0)
    with pytest.raises(IntervalInputError, match="11 successes in 10 trials"):
        proportion_interval(11, 10)
    with pytest.raises(IntervalInputError, match="different floors"):
        RatioTotals.of([1], [1]) + RatioTotals.of([1], [1], floor=0.5)


def test_the_mean_of_scores_is_a_ratio_over_ones() -> None:
    assert mean_interval([0.5, 1.0, 0.75]) == ratio_interval([0.5, 1.0, 0.75], [1, 1, 1])
