from itertools import product

import numpy as np
import pytest
from scipy import stats

from benchmark_qa.stats.drift_test import (
    LabelledTask,
    Strata,
    all_drift_looks,
    drift_looks,
    level_of_look,
    smallest_p_value,
)


def people(
    random: np.random.Generator, shares: list[list[float]], *, tasks: int = 50, most: int = 1, items: int = 60
) -> dict[str, list[LabelledTask]]:
    """One person for each row of shares; up to ``most`` labels in a task."""
    found = {}
    for person, wanted in enumerate(shares):
        met = random.permutation(items)[:tasks]
        sizes = random.integers(1, most, size=tasks, endpoint=True)
        found[f"p{person}"] = [
            LabelledTask(number + person / 100, str(item), tuple(map(float, random.multinomial(size, wanted))))
            for number, (item, size) in enumerate(zip(met, sizes, strict=True))
        ]
    return found


def strata(groups: list[list[list[float]]], own: list[int]) -> Strata:
    counts = np.array([counts for group in groups for counts in group], dtype=float)
    is_own = np.array([place < mine for group, mine in zip(groups, own, strict=True) for place in range(len(group))])
    return Strata(counts, is_own, np.array([len(group) for group in groups]))


def test_one_label_a_task_is_exact() -> None:
    """Every way in which the labels of four items could have been given out, counted."""
    first, second = [1.0, 0.0], [0.0, 1.0]
    groups = [[first, second, second], [first, second], [first, first, second, second], [first, second, second]]
    chances = [np.mean([one[0] for one in group]) for group in groups]
    all_first = float(np.prod(chances))
    p_value, label = smallest_p_value(strata(groups, [1] * 4), 1.0)
    assert p_value == pytest.approx(4 * all_first)  # two labels, two directions
    assert label == 0


def test_items_that_nobody_else_met_are_fishers_test() -> None:
    own, others = [9, 1], [30, 70]
    rows = [[1.0, 0.0]] * 9 + [[0.0, 1.0]] + [[1.0, 0.0]] * 30 + [[0.0, 1.0]] * 70
    exact = stats.fisher_exact([own, others], alternative="greater").pvalue
    assert smallest_p_value(strata([rows], [10]), 1.0)[0] == pytest.approx(4 * exact)


def test_with_several_labels_a_task_the_bound_is_never_below_the_permutation_test() -> None:
    random = np.random.default_rng(3)
    for _ in range(10):
        groups = [random.integers(0, 4, size=(3, 2)).astype(float).tolist() for _ in range(6)]
        for group in groups:
            group.sort(key=lambda counts: counts[1] - counts[0])  # the person gives label 0 more often than the others
        held = strata(groups, [1] * 6)
        total = held.counts.sum(axis=0)
        share = total[0] / total.sum()
        values = [[counts[0] - share * sum(counts) for counts in group] for group in groups]
        all_ways = np.array([sum(way) for way in product(*values)])
        exact = float((all_ways >= sum(group[0] for group in values) - 1e-9).mean())
        assert exact <= smallest_p_value(held, 1.0)[0] <= 60 * exact


@pytest.mark.parametrize("most", [1, 6])
def test_another_taste_is_found_and_the_label_named(most: int) -> None:
    usual = [0.6, 0.39, 0.01]
    found = drift_looks(people(np.random.default_rng(4), [[0.2, 0.79, 0.01]] + [usual] * 9, most=most))
    assert [name for name, each in found.items() if each.is_different] == ["p0"]
    assert found["p0"].label in (0, 1)
    assert abs(found["p0"].difference or 0) == pytest.approx(0.4, abs=0.15)
    assert 0 < (found["p0"].distance or 0) < 0.3


def test_items_that_differ_are_not_held_against_whoever_met_them() -> None:
    """Half the items are birds, half are cats; one person met the cats alone, with colleagues who saw both."""
    both = [LabelledTask(i, str(i), (1.0, 0.0) if i < 50 else (0.0, 1.0)) for i in range(100)]
    found = drift_looks({"ann": both[50:], "bo": both, "cy": both, "di": both})
    assert found["ann"].p_value == 1.0
    assert not found["ann"].is_different


def test_looks_come_every_25_tasks_and_stay_what_they_were() -> None:
    everybody = people(np.random.default_rng(6), [[0.3, 0.7]] + [[0.7, 0.3]] * 5, tasks=60)
    looks = drift_looks(everybody)
    assert {(each.look, each.tasks) for each in looks.values()} == {(2, 50)}
    assert {name: found[0] for name, found in all_drift_looks(everybody).items()} == looks
    assert [look.look for look in all_drift_looks(everybody)["p0"]] == [2, 1]
    first = drift_looks({name: tasks[:25] for name, tasks in everybody.items()})
    assert {name: found[1] for name, found in all_drift_looks(everybody).items()} == first
    earlier = {name: tasks[:55] for name, tasks in everybody.items()}
    assert drift_looks(earlier) == looks
    assert drift_looks({name: list(reversed(tasks)) for name, tasks in everybody.items()}) == looks
    assert drift_looks({name: tasks[:24] for name, tasks in everybody.items()})["p0"].reason is not None


def test_the_levels_of_all_looks_at_all_people_sum_to_alpha() -> None:
    assert level_of_look(1, 1) == pytest.approx(0.05 / 6)
    spent = 41 * sum(level_of_look(look, 41) for look in range(1, 100_000))
    assert spent == pytest.approx(0.05, rel=1e-3)
    assert spent < 0.05
    with pytest.raises(ValueError, match="counted from 1"):
        level_of_look(0, 3)


def test_tasks_without_labels_and_a_label_for_all_say_nothing() -> None:
    tasks = [LabelledTask(i, str(i), (1.0, 0.0)) for i in range(30)]
    nothing = [LabelledTask(i, str(i), (0.0, 0.0)) for i in range(30)]
    found = drift_looks({"ann": tasks, "bo": tasks, "cy": nothing})
    assert found["ann"].p_value == 1.0
    assert found["cy"].look == 0
    assert drift_looks({"ann": tasks})["ann"].reason == "nobody to compare with"
    assert drift_looks({}) == {}


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="item x"):
        drift_looks({"ann": [LabelledTask(0, "x", (-1.0, 2.0))]})
    with pytest.raises(ValueError, match="same labels"):
        drift_looks({"ann": [LabelledTask(0, "x", (1.0,)), LabelledTask(1, "y", (1.0, 2.0))]})
    with pytest.raises(ValueError, match="ann has one twice"):
        drift_looks({"ann": [LabelledTask(0, "x", (1.0,)), LabelledTask(1, "x", (1.0,))]})
