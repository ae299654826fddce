"""Random orders are seldom called systematic, over many draws."""

import numpy as np

from benchmark_qa.stats.item_order import item_order, place_in_draw
from tests.unit.stats.test_item_order import moments, orders


def test_random_orders_are_seldom_called_systematic() -> None:
    random = np.random.default_rng(1)
    assert sum(bool(item_order(orders(random, 12, 80, 40, 1e9)).is_systematic) for _ in range(150)) <= 1


def test_a_known_seed_does_not_excuse_another_order() -> None:
    by_number = orders(np.random.default_rng(9), 41, 100, 60, 0.0)
    assert all(item_order(by_number, draws=[seed]).is_systematic for seed in range(10))
    # Half of the people follow the queue, the others take the items by number.
    drawn = moments(sorted((str(item) for item in range(100)), key=lambda item: place_in_draw(item, 5)))
    half = {f"q{person}": drawn for person in range(41)} | by_number
    assert item_order(half, draws=[5]).is_systematic
