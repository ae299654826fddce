"""10,000 random plans of pre-labels: which tasks are filled, and in which order, tells nothing."""

import secrets
from random import Random

import numpy as np

from benchmark_qa.tasks.prelabelling import chance, is_prelabelled

PLANS = 10_000


def plan(random: Random) -> tuple[np.ndarray, np.ndarray, float]:
    """Whether each task is of a benchmark item, whether it is filled, and the share."""
    tasks, share = random.randint(20, 60), random.choice([0.5, 0.8, 0.9])
    key = f"{random.getrandbits(128):032x}"
    benchmark = np.array([random.random() < 0.2 for _ in range(tasks)])
    hashes = [f"{random.getrandbits(128):032x}" for _ in range(tasks)]
    return benchmark, np.array([is_prelabelled(key, one, share) for one in hashes]), share


def test_the_shares_of_both_sides_differ_by_chance_alone() -> None:
    """The sums over all plans, and the spread over plans, are those of independent draws."""
    random = Random(7)
    deviates = []
    filled = {True: np.zeros(2), False: np.zeros(2)}
    for _ in range(PLANS):
        benchmark, full, share = plan(random)
        for side in (True, False):
            members = full[benchmark == side]
            filled[side] += (members.sum() - share * len(members), len(members) * share * (1 - share))
        if 0 < benchmark.sum() < len(benchmark):
            gap = full[benchmark].mean() - full[~benchmark].mean()
            variance = share * (1 - share) * (1 / benchmark.sum() + 1 / (~benchmark).sum())
            deviates.append(gap / variance**0.5)
    for side in (True, False):
        assert abs(filled[side][0] / filled[side][1] ** 0.5) < 4
    assert abs(np.mean(deviates)) < 4 / len(deviates) ** 0.5
    assert abs(np.var(deviates) - 1) < 0.06


def test_the_best_guess_at_the_items_is_no_better_than_a_coin() -> None:
    """Of a blank and a filled task, one of each side, the guess "the blank one is the item" is right half the time."""
    random = Random(8)
    right = wrong = 0
    for _ in range(PLANS):
        benchmark, full, _ = plan(random)
        ours, others = full[benchmark], full[~benchmark]
        right += int((~ours).sum() * others.sum())
        wrong += int(ours.sum() * (~others).sum())
    assert abs(right / (right + wrong) - 0.5) < 0.01


def test_the_order_of_writing_tells_nothing() -> None:
    random = Random(9)
    places = []
    for _ in range(2_000):
        key, hashes = f"{random.getrandbits(128):032x}", [f"{random.getrandbits(128):032x}" for _ in range(20)]
        order = sorted(hashes, key=lambda one: chance(key, one))
        places.append(order.index(hashes[0]))  # the one benchmark item
    counts = np.bincount(places, minlength=20)
    assert ((counts - 100) ** 2 / 100).sum() < 45  # chi-square with 19 degrees: 43.8 is the 0.1 % point


def test_another_key_gives_another_choice_and_the_same_key_the_same() -> None:
    hashes = [secrets.token_hex(16) for _ in range(500)]
    one = [is_prelabelled("one", each, 0.5) for each in hashes]
    assert one == [is_prelabelled("one", each, 0.5) for each in hashes]
    agreement = np.mean(np.array(one) == [is_prelabelled("other", each, 0.5) for each in hashes])
    assert 0.4 < agreement < 0.6


def test_a_larger_share_keeps_what_a_smaller_one_fills() -> None:
    hashes = [secrets.token_hex(16) for _ in range(300)]
    few = {each for each in hashes if is_prelabelled("key", each, 0.3)}
    assert few <= {each for each in hashes if is_prelabelled("key", each, 0.8)}
    assert not any(is_prelabelled("key", each, 0.0) for each in hashes)
    assert all(is_prelabelled("key", each, 1.0) for each in hashes)
