"""Where benchmark tasks stand in the queue, what one person meets of them, and what a priority gives away."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark_qa.commands.pace.schedule import (
    ConstantRate,
    DecayingRate,
    NoRoomLeftError,
    Rate,
    Schedule,
    Workers,
    schedule,
)

BENCHMARK = [f"benchmark-{n}" for n in range(300)]
OTHERS = [f"other-{n}" for n in range(2_000)]


def made(rate: Rate, workers: Workers = Workers(), seed: int = 0, **more: float) -> Schedule:  # noqa: B008 - frozen
    return schedule(BENCHMARK, OTHERS, rate, workers, seed=seed, **more)  # type: ignore[arg-type]


def queue(plan: Schedule) -> list[str]:
    return sorted(plan.priorities, key=lambda task: -plan.priorities[task])


def met_by_one(plan: Schedule, people: int, on_benchmark: int) -> list[bool]:
    """What the first of several people meets who take turns: benchmark tasks wait for so many of them."""
    met: list[list[bool]] = [[] for _ in range(people)]
    for task in queue(plan):
        takers = sorted(range(people), key=lambda person: len(met[person]))
        is_benchmark = task.startswith("benchmark")
        for person in takers[: on_benchmark if is_benchmark else 1]:
            met[person].append(is_benchmark)
    return met[0]


def test_a_constant_rate_is_kept_in_every_stretch_of_the_queue() -> None:
    tasks = [task.startswith("benchmark") for task in queue(made(ConstantRate(0.1)))]
    for start in range(0, 2_000, 200):
        assert 18 <= sum(tasks[start : start + 200]) <= 22


def test_benchmark_tasks_come_at_no_regular_distance() -> None:
    distances = np.diff(made(ConstantRate(0.1)).benchmark)
    assert len(set(distances.tolist())) > 12
    assert distances.max() < 20


def test_a_decaying_rate_puts_them_first_and_thins_them_out() -> None:
    tasks = [task.startswith("benchmark") for task in queue(made(DecayingRate(0.5, 0.05, 20)))]
    expected = [sum(0.05 + 0.45 * 2 ** (-n / 20) for n in range(upto)) for upto in (20, 100, 1_000)]
    assert [sum(tasks[:upto]) for upto in (20, 100, 1_000)] == pytest.approx(expected, abs=1.5)


@pytest.mark.parametrize(("people", "on_benchmark"), [(5, 1), (5, 3), (7, 7)])
def test_it_is_each_persons_own_rate_however_many_share_a_benchmark_task(people: int, on_benchmark: int) -> None:
    plan = made(ConstantRate(0.2), Workers(people, on_benchmark))
    met = met_by_one(plan, people, on_benchmark)[:300]
    assert sum(met) / len(met) == pytest.approx(0.2, abs=0.03)
    decaying = made(DecayingRate(0.5, 0.05, 20), Workers(people, on_benchmark))
    early = met_by_one(decaying, people, on_benchmark)
    assert sum(early[:20]) == pytest.approx(sum(0.05 + 0.45 * 2 ** (-n / 20) for n in range(20)), abs=3)


def test_nothing_but_the_place_in_the_queue_can_be_told_from_a_priority() -> None:
    """At a constant rate, benchmark tasks' priorities are spread as the others' are."""
    plan = made(ConstantRate(0.1))
    ours = np.array([p for task, p in plan.priorities.items() if task.startswith("benchmark")])
    theirs = np.array([p for task, p in plan.priorities.items() if not task.startswith("benchmark")])
    theirs = theirs[theirs >= ours.min()]
    quantiles = np.linspace(0.05, 0.95, 19)
    assert np.quantile(ours, quantiles) == pytest.approx(np.quantile(theirs, quantiles), abs=0.02)
    assert len(set(plan.priorities.values())) == len(plan.priorities)
    assert all(0.75 < priority <= 1 for priority in plan.priorities.values())


def test_the_order_within_a_kind_follows_the_seed_and_not_the_titles() -> None:
    first, again, other = (queue(made(ConstantRate(0.1), seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    plain = [int(task.split("-")[1]) for task in first if task.startswith("benchmark")]
    rising = sum(one < two for one, two in pairwise(plain))
    assert 0.35 < rising / len(plain) < 0.65


def test_later_tasks_come_behind_earlier_ones_and_the_rate_goes_on() -> None:
    first = schedule(BENCHMARK[:50], OTHERS[:200], DecayingRate(0.5, 0.05, 20), Workers(), seed=0)
    lowest = min(first.priorities.values())
    placed = len(first.priorities)
    second = schedule(
        list(first.held_back), OTHERS[200:400], DecayingRate(0.5, 0.05, 20), Workers(), seed=0, before=placed,
        below=lowest,
    )  # fmt: skip
    assert max(second.priorities.values()) <= lowest
    assert min(second.priorities.values()) > 0.5
    assert len(second.benchmark) < 20  # the rate has decayed by then


def test_benchmark_tasks_that_find_no_others_are_held_back() -> None:
    plan = schedule(BENCHMARK, OTHERS[:20], ConstantRate(0.1), Workers(), seed=0)
    assert len(plan.benchmark) in (1, 2, 3)
    assert len(plan.held_back) == 300 - len(plan.benchmark)
    assert schedule(BENCHMARK, [], ConstantRate(0.1), Workers(), seed=0).priorities == {}


def test_room_for_priorities_ends_some_day() -> None:
    with pytest.raises(NoRoomLeftError):
        made(ConstantRate(0.1), below=0.5000001)


def test_neither_priorities_nor_their_distances_tell_benchmark_tasks_at_a_constant_rate() -> None:
    """What an annotator could learn from the queues of twenty seeds is worth nothing on twenty others."""
    seen, kinds = [], []
    for seed in range(40):
        ours, others = [f"b{n}" for n in range(60)], [f"o{n}" for n in range(540)]
        made = schedule(ours, others, ConstantRate(0.1), Workers(), seed=seed)
        names = sorted(made.priorities, key=lambda name: -made.priorities[name])
        at = np.array([made.priorities[name] for name in names])
        before, after = np.diff(at, prepend=1.0), np.diff(at, append=at[-1])
        seen.append(np.stack([at, before, after, (at * 1e3) % 1, (at * 1e6) % 1], axis=1))
        kinds.append(np.array([name.startswith("b") for name in names]))
    facts, is_benchmark = np.concatenate(seen), np.concatenate(kinds)
    scaled = (facts - facts.mean(axis=0)) / facts.std(axis=0)
    terms = np.concatenate([scaled, scaled**2, np.ones((len(scaled), 1))], axis=1)
    half = len(terms) // 2
    weights = np.linalg.lstsq(terms[:half], is_benchmark[:half].astype(float), rcond=None)[0]
    for guess, truth in [(terms[half:] @ weights, is_benchmark[half:]), *((fact, is_benchmark) for fact in facts.T)]:
        assert abs(area_under_curve(guess, truth) - 0.5) < 0.03


def area_under_curve(guess: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """How often a benchmark task is guessed to be one rather than another task is; 0.5: chance."""
    ranks = np.argsort(np.argsort(guess))
    ours = int(truth.sum())
    return float((ranks[truth].sum() - ours * (ours - 1) / 2) / (ours * (len(truth) - ours)))
