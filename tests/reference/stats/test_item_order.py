"""Random orders are seldom called systematic, over many draws."""

import numpy as np

from benchmark_qa.stats.item_order import item_order
from tests.unit.stats.test_item_order import orders


def test_random_orders_are_seldom_called_systematic() -> None:
    random = np.random.default_rng(1)
    assert sum(bool(item_order(orders(random, 12, 80, 40, 1e9)).is_systematic) for _ in range(150)) <= 1
