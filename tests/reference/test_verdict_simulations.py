"""Simulations of the guarantees of verdicts, smaller than `python -m benchmarks verdicts`.

Bounds leave room for chance: a method at exactly 5 % would exceed one in about one of a thousand seeds.
"""

from typing import Any

import numpy as np
import pytest

from benchmark_qa.labels.annotations import Numbers
from benchmark_qa.stats.crowd_evidence import named_of_many
from benchmark_qa.stats.drift_test import LabelledTask, all_drift_looks
from benchmark_qa.stats.evidence import Gains, cap_for, evidence_paths, naming_level, object_gains, value_gains
from benchmark_qa.stats.item_order import item_order
from benchmarks._simulated_people import kinds

BAR = 0.7
CROWD = 41


def share_named(gains: Gains, crowd: int = CROWD) -> float:
    """The share of crowds in which anybody is ever named, from gains (crowds x people, tasks)."""
    paths = evidence_paths(gains.for_below, cap=cap_for(crowd))
    crowds = paths.reshape(-1, crowd, paths.shape[1])
    return float(
        np.mean(np.any([named_of_many(crowds[:, :, task]).any(axis=1) for task in range(paths.shape[1])], axis=0))
    )


def answers(random: np.random.Generator, chances: Numbers | float, people: int, tasks: int) -> Gains:
    return value_gains(random.random((people, tasks)) < chances, BAR)


def moments(items: list[int]) -> dict[str, float]:
    return {str(item): float(moment) for moment, item in enumerate(items)}


def median_first(paths: Numbers, level: float) -> float:
    reached = paths >= level
    return float(np.median(np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, 10**6)))


def test_somebody_at_the_bar_is_seldom_ever_named_in_2000_tasks() -> None:
    random = np.random.default_rng(1)
    for units in (gains := answers(random, BAR, 2_000, 2_000)).for_below, gains.for_above:
        named = (evidence_paths(units, cap=cap_for()) >= naming_level()).any(axis=1).mean()
        assert 0.005 < named <= 0.065


@pytest.mark.parametrize("tasks", ["right or wrong", "beta", "boxes"])
def test_a_crowd_at_the_bar_seldom_names_anybody(tasks: str) -> None:
    random = np.random.default_rng(2)
    shape = (200 * CROWD, 300)
    if tasks == "right or wrong":
        gains = answers(random, BAR, *shape)
    elif tasks == "beta":
        gains = value_gains(random.beta(4 * BAR, 4 * (1 - BAR), shape), BAR)
    else:
        # A third of the items is empty. Spurious boxes at 3 an item on some tasks; recall such that the gain is 0.
        truth = random.choice([0, 0, 1, 2, 5, 12], size=shape)
        fp = random.choice([0, 0, 0, 1], size=shape)
        weight = np.minimum(1, 3 / np.maximum(np.array([0, 0, 1, 2, 5, 12]), 1))
        objects, spurious = float((weight * [0, 0, 1, 2, 5, 12]).mean()), float(weight.mean() * 0.25)
        recall = BAR * (objects + spurious) / (2 * (1 - BAR) * objects + BAR * objects)
        tp = random.binomial(truth, recall)
        gains = object_gains(tp, fp, truth - tp, truth, BAR)
        assert np.nanmean(np.nan_to_num(gains.values)) == pytest.approx(0, abs=0.005)
    assert share_named(gains) <= 0.10


def test_a_restart_at_every_task_would_name_nearly_every_crowd() -> None:
    """The control: the same looks without an error budget."""
    units = answers(np.random.default_rng(3), BAR, 10 * CROWD, 300).for_below
    best = np.ones(len(units))
    reached = np.zeros(len(units), bool)
    for said in units.T:
        best = np.maximum(best, 1.0) * (1 + 0.3 * said)
        reached |= best >= naming_level()
    assert reached.reshape(10, CROWD).any(axis=1).mean() == 1.0


def test_the_costs() -> None:
    random = np.random.default_rng(4)
    people = 1_500
    for figure, most in ((0.5, 45), (0.6, 170)):
        paths = evidence_paths(answers(random, figure, people, 600).for_below, cap=cap_for())
        assert median_first(paths, naming_level()) <= most
    drop = np.repeat([0.95, 0.5], [200, 300])
    for crowd, most in ((1, 110), (CROWD, 160)):
        paths = evidence_paths(answers(random, drop, people, 500).for_below, cap=cap_for(crowd))
        assert median_first(paths, naming_level(crowd)) - 200 <= most
    recovery = np.repeat([0.5, 0.95], [300, 100])
    gains = answers(random, recovery, people, 400)
    for crowd in (1, CROWD):
        after = evidence_paths(gains.for_below, cap=cap_for(crowd))[:, 300:]
        assert median_first(-after, -naming_level(crowd)) <= 20
    assert median_first(evidence_paths(gains.for_above, cap=cap_for())[:, 300:], naming_level()) <= 70


def test_the_costs_on_the_tasks_of_real_people(pedestrians: dict[str, Any]) -> None:
    del pedestrians  # skips where there are none; the simulation reads them itself
    random = np.random.default_rng(10)
    draw = next(kind.draw for kind in kinds() if kind.name == "pedestrians")

    def paths(parts: list[tuple[float, int]], side: str, *, crowd: int = 1) -> Numbers:
        drawn = [draw(figure, 1_000, tasks, random) for figure, tasks in parts]
        units = np.concatenate([each.for_below if side == "below" else each.for_above for each in drawn], axis=1)
        return evidence_paths(units, cap=cap_for(crowd))

    for figure, most in ((0.5, 55), (0.6, 170)):
        assert median_first(paths([(figure, 500)], "below"), naming_level()) <= most
    for crowd, most in ((1, 125), (CROWD, 180)):
        drop = paths([(0.95, 200), (0.5, 300)], "below", crowd=crowd)
        assert median_first(drop, naming_level(crowd)) - 200 <= most
        gone = paths([(0.5, 300), (0.95, 100)], "below", crowd=crowd)[:, 300:]
        assert median_first(-gone, -naming_level(crowd)) <= 20
    assert median_first(paths([(0.5, 300), (0.95, 150)], "above")[:, 300:], naming_level()) <= 70


def test_five_poor_of_41_are_named_and_the_others_are_not() -> None:
    random = np.random.default_rng(5)
    crowds, tasks = 60, 200
    chances = np.where(np.arange(CROWD) < 5, 0.5, BAR)[:, None]
    right = random.random((crowds, CROWD, tasks)) < chances
    paths = evidence_paths(value_gains(right.reshape(-1, tasks), BAR).for_below, cap=cap_for(CROWD))
    shaped = paths.reshape(crowds, CROWD, tasks)
    named = np.stack([named_of_many(shaped[:, :, task]) for task in range(tasks)], axis=2)
    first = np.where(named.any(axis=2), named.argmax(axis=2) + 1, 10**6)[:, :5]
    assert np.median(first) <= 90
    false = named[:, 5:].sum(axis=1) / np.maximum(named.sum(axis=1), 1)
    assert false.mean(axis=0).max() <= 0.05


def test_one_random_order_for_all_accuses_nobody() -> None:
    random = np.random.default_rng(11)
    drawn = random.permuted(np.tile(np.linspace(0.4, 1.0, 300), (60, 1)), axis=1)
    chances = np.repeat(drawn, CROWD, axis=0)
    assert share_named(value_gains(random.random(chances.shape) < chances, BAR)) <= 0.15


def test_random_orders_of_any_spread_accuse_nobody_and_hard_items_first_would() -> None:
    random = np.random.default_rng(6)
    chances = np.tile(np.linspace(0.4, 1.0, 300), (60 * CROWD, 1))
    shuffled = random.permuted(chances, axis=1)
    assert share_named(value_gains(random.random(shuffled.shape) < shuffled, BAR)) <= 0.15
    assert share_named(value_gains(random.random(chances[:410].shape) < chances[:410], BAR)) == 1.0


def test_below_the_others_holds_with_hard_items_first() -> None:
    random = np.random.default_rng(7)
    named = []
    for _ in range(100):
        right = (random.random((CROWD, 300)) < np.linspace(0.5, 0.9, 300)).astype(float)
        differences = right - (right.sum(axis=0) - right) / (CROWD - 1)
        paths = evidence_paths(-differences, cap=cap_for(CROWD))
        named.append(named_of_many(np.ascontiguousarray(paths.T)).any())
    assert np.mean(named) <= 0.12


def test_random_orders_looked_at_again_and_again_are_seldom_called_systematic() -> None:
    random = np.random.default_rng(8)
    called = 0
    for _ in range(100):
        orders = [random.permutation(200).tolist() for _ in range(6)]
        called += any(
            item_order({f"p{n}": moments(order[:met]) for n, order in enumerate(orders)}).is_systematic
            for met in range(25, 201, 25)
        )
    assert called <= 4


@pytest.mark.parametrize("most", [1, 5])
def test_equal_people_are_seldom_accused_of_drift_with_labels_of_one_percent(most: int) -> None:
    random = np.random.default_rng(9)
    accused = 0
    for _ in range(60):
        leaning = random.dirichlet(np.array([0.6, 0.37, 0.01, 0.01, 0.01]) * 5, size=250)
        people = {}
        for person in range(12):
            met = random.permutation(250)[:150]
            counts = (
                random.multinomial(random.integers(1, most, 150, endpoint=True), leaning[met]).astype(float).tolist()
            )
            people[f"p{person}"] = [
                LabelledTask(number + person / 100, str(item), tuple(given))
                for number, (item, given) in enumerate(zip(met.tolist(), counts, strict=True))
            ]
        accused += any(look.is_different for looks in all_drift_looks(people).values() for look in looks)
    assert accused / 60 <= 0.15
