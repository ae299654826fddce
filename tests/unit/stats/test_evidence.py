import json
from itertools import product
from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark_qa.stats.evidence import (
    BETS,
    FIRST_WEIGHT,
    SIGNAL,
    Evidence,
    Gains,
    Sums,
    advance,
    cap_for,
    evidence_paths,
    fold,
    naming_level,
    object_figure,
    object_gains,
    value_gains,
    weight_of_start,
    weight_to_come,
)

RIGHT_OR_WRONG = st.lists(st.sampled_from([0.0, 1.0, np.nan]), max_size=60)


def after_each(state: Evidence, gains: Gains, *, cap: float | None = None) -> list[Evidence]:
    states = []
    for value in gains.values:
        state = state.after(Gains(np.array([value]), gains.most_gain, gains.most_loss), cap=cap)
        states.append(state)
    return states


def test_the_start_weights_sum_to_one() -> None:
    starts = np.arange(1, 4001)
    started = FIRST_WEIGHT + np.cumsum(weight_of_start(starts))
    assert started[0] == pytest.approx(0.45 + 0.275)
    np.testing.assert_allclose(1 - started, weight_to_come(1, starts), atol=1e-12)
    assert weight_to_come(0, 0) == 1.0


def test_the_first_task_by_hand() -> None:
    held = fold(value_gains([0.0], 0.7))
    # A wrong answer speaks 0.7 / 0.3 of the largest bet for "below".
    assert held.evidence_below == pytest.approx(0.45 * (1 + BETS.mean() * 0.7 / 0.3) + 0.55)
    assert held.evidence_above == pytest.approx(0.45 * (1 - BETS.mean()) + 0.55)
    assert Evidence().evidence_below == Evidence().evidence_above == 1.0


def test_a_later_start_by_hand() -> None:
    # Right answers lose what started. A wrong one makes the recent product 2, because 1 + 0.54 x 7 / 3 is more.
    once = fold(value_gains([1.0] * 10 + [0.0], 0.7))
    assert (once.starts[0], once.recent[0]) == (0, 2.0)
    assert once.after(value_gains([1.0], 0.7)).starts[0] == 0
    before = once.after(value_gains([0.0], 0.7))
    assert (before.starts[0], before.recent[0]) == (0, SIGNAL)
    after = before.after(value_gains([1.0], 0.7))
    assert after.starts[0] == 1
    np.testing.assert_allclose(after.below, (np.array(before.below) + 0.275) * (1 - BETS))
    assert after.recent[0] == pytest.approx(1 - BETS[6])


def test_no_later_start_while_an_earlier_one_holds_evidence() -> None:
    held = fold(value_gains([0.0] * 50, 0.7))
    assert held.starts[0] <= 1
    assert fold(value_gains([1.0] * 50 + [0.0] * 50, 0.7)).starts[0] <= 3


@pytest.mark.parametrize("bar", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("cap", [1.1, 1e9])
def test_at_the_bar_the_evidence_is_one_on_average_after_every_task_and_less_where_it_is_capped(
    bar: float, cap: float
) -> None:
    tasks = 9
    answers = np.array(list(product([0.0, 1.0], repeat=tasks)))
    chances = np.where(answers == 1.0, bar, 1 - bar).prod(axis=1)
    gains = value_gains(answers, bar)
    for units in (gains.for_below, gains.for_above):
        means = chances @ evidence_paths(units, cap=cap)
        if cap > 1e6:
            np.testing.assert_allclose(means, 1.0, rtol=1e-12)
        else:
            assert (means <= 1.0 + 1e-12).all()
            assert means[-1] < 0.999


def test_one_more_task_keeps_the_expectation_from_any_state_and_at_any_start() -> None:
    for history in product([0.0, 1.0], repeat=6):
        before = Evidence().after(value_gains(history, 0.7), cap=1e9)
        right, wrong = (before.after(value_gains([answer], 0.7), cap=1e9) for answer in (1.0, 0.0))
        assert 0.7 * right.evidence_below + 0.3 * wrong.evidence_below == pytest.approx(before.evidence_below)
        assert 0.7 * right.evidence_above + 0.3 * wrong.evidence_above == pytest.approx(before.evidence_above)


def test_on_the_good_side_of_the_bar_the_evidence_against_falls_on_average() -> None:
    answers = np.array(list(product([0.0, 1.0], repeat=8)))
    chances = np.where(answers == 1.0, 0.8, 0.2).prod(axis=1)
    means = chances @ evidence_paths(value_gains(answers, 0.7).for_below, cap=1e9)
    assert (np.diff(means) < 0).all()


@settings(deadline=None, max_examples=50)
@given(tasks=st.lists(st.tuples(*[st.integers(0, 12)] * 3), min_size=1, max_size=30), bar=st.floats(0.05, 0.95))
def test_gains_of_objects_keep_their_bounds_and_average_to_zero_at_the_figure(
    tasks: list[tuple[int, int, int]], bar: float
) -> None:
    tp, fp, fn = np.array(tasks).T
    gains = object_gains(tp, fp, fn, tp + fn, bar)
    said = gains.values[~np.isnan(gains.values)]
    assert (said <= gains.most_gain + 1e-12).all()
    assert (said >= -gains.most_loss - 1e-12).all()
    assert (1 + BETS.max() * gains.for_below[~np.isnan(gains.values)] > 0).all()
    figure = object_figure(tp, fp, fn, tp + fn)
    if figure is not None and 0 < figure < 1:
        assert np.nansum(object_gains(tp, fp, fn, tp + fn, figure).values) == pytest.approx(0, abs=1e-9)


def test_gains_of_objects_by_hand() -> None:
    # Crowded: 10 objects, weight 0.3. Empty with one spurious box, and with 50, of which 3 count. Nothing at all.
    gains = object_gains([8, 0, 0, 0], [1, 1, 50, 0], [2, 0, 0, 0], [10, 0, 0, 0], 0.7)
    assert gains.values[:3].tolist() == pytest.approx([0.3 * (0.6 * 8 - 0.7 * 3), -0.7, -2.1])
    assert isnan(gains.values[3])
    assert object_figure([8, 0], [1, 1], [2, 0], [10, 0]) == pytest.approx(4.8 / (0.3 * 19 + 1))
    assert object_figure(0, 0, 0, 0) is None


def test_empty_answers_to_empty_items_change_nothing() -> None:
    boxes = [(1, 0, 1, 2), (0, 2, 1, 1)]
    empty = [(0, 0, 0, 0)]
    plain = fold(object_gains(*np.array(boxes * 5).T, 0.7))
    mixed = fold(object_gains(*np.array((empty * 9 + boxes) * 5 + empty).T, 0.7))
    assert mixed == plain


@settings(deadline=None, max_examples=50)
@given(answers=RIGHT_OR_WRONG, parts=st.lists(st.integers(0, 60), max_size=5), crowd=st.integers(1, 60))
def test_task_by_task_and_through_json_is_the_same_as_all_at_once(
    answers: list[float], parts: list[int], crowd: int
) -> None:
    gains = value_gains(answers, 0.7)
    state = Evidence()
    for piece in np.split(gains.values, sorted(min(part, len(answers)) for part in parts)):
        state = Evidence.from_dict(json.loads(json.dumps(state.to_dict())))
        state = state.after(Gains(piece, gains.most_gain, gains.most_loss), cap=cap_for(crowd))
    assert state == fold(gains, crowd=crowd)


@settings(deadline=None, max_examples=50)
@given(answers=st.lists(RIGHT_OR_WRONG, min_size=1, max_size=4))
def test_many_people_at_once_have_the_same_evidence_after_every_task(answers: list[list[float]]) -> None:
    longest = max(map(len, answers))
    padded = np.array([each + [np.nan] * (longest - len(each)) for each in answers])
    paths = evidence_paths(value_gains(padded, 0.7).for_below, cap=cap_for())
    for row, path in zip(padded, paths, strict=True):
        steps = [state.evidence_below for state in after_each(Evidence(), value_gains(row, 0.7))]
        np.testing.assert_allclose(steps, path, rtol=1e-10)


def test_the_evidence_is_capped_at_ten_times_the_level_of_naming_and_comes_down_quickly() -> None:
    assert naming_level() == pytest.approx(20)
    assert naming_level(41) == pytest.approx(820)
    assert [cap_for(crowd) for crowd in (1, 2, 3, 41, 64, 65)] == pytest.approx([200, 400, 800, 12800, 12800, 25600])
    poor = fold(value_gains([0.0] * 1000, 0.7))
    assert 199 < poor.evidence_below <= 200.6
    steps = [state.evidence_below for state in after_each(poor, value_gains([1.0] * 30, 0.7))]
    assert next(task for task, evidence in enumerate(steps, 1) if evidence < 20) <= 6
    assert fold(value_gains([1.0] * 1000, 0.7), crowd=41).evidence_above <= 200.6


def test_a_cap_never_raises_the_sums() -> None:
    sums = Sums(np.full((len(BETS), 3), [0.0, 1.0, 50.0]), np.ones(3), np.zeros(3, np.int64))
    free, capped = (advance(sums, np.array([True] * 3), np.zeros(3), cap).of_bets for cap in (1e9, 5.0))
    assert (capped <= free).all()
    assert capped.mean(axis=0).tolist() == pytest.approx([0.45, 1.45, 5.0])


def test_work_that_turns_poor_is_seen_after_a_long_good_time() -> None:
    good = fold(value_gains([1.0] * 2000, 0.7))
    assert good.evidence_below == pytest.approx(weight_to_come(2000, 0))
    assert fold(value_gains([1.0] * 2000 + [0.0] * 8, 0.7)).evidence_below > 20


def test_other_ranges_of_values() -> None:
    gains = value_gains([-1.0, 1.0], 0.5, lowest=-1.0, highest=1.0)
    assert gains.for_below.tolist() == pytest.approx([3.0, -1.0])
    assert gains.for_above.tolist() == pytest.approx([-1.0, 1 / 3])


@pytest.mark.parametrize("bar", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_a_bar_at_an_end_is_refused(bar: float) -> None:
    for call in (
        lambda: value_gains([0.5], bar),
        lambda: object_gains(1, 0, 0, 1, bar),
    ):
        with pytest.raises(ValueError, match="a bar lies between 0 and 1, both excluded"):
            call()


def test_impossible_counts_and_values_are_refused() -> None:
    with pytest.raises(ValueError, match="at most the truth's objects"):
        object_gains(2, 0, 1, 2, 0.7)
    with pytest.raises(ValueError, match="counts are zero or more"):
        object_gains(1, -1, 0, 1, 0.7)
    with pytest.raises(ValueError, match="a value lies between 0 and 1"):
        value_gains([1.2], 0.7)
    with pytest.raises(ValueError, match="of one person are"):
        fold(value_gains([[1.0]], 0.7))


@pytest.mark.parametrize(
    "change",
    [
        {"tasks": -1},
        {"tasks": None},
        {"below": [1.0]},
        {"above": [float("inf")] * 9},
        {"recent": [1.0]},
        {"starts": [0, -1]},
        {"growth_below": ["x"] * 9},
    ],
)
def test_a_broken_state_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a state of evidence"):
        Evidence.from_dict(Evidence().to_dict() | change)
    with pytest.raises(ValueError, match="not a state of evidence"):
        Evidence.from_dict({})
