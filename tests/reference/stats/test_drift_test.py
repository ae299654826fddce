"""Equal people are left alone, over many draws."""

import numpy as np
import pytest

from benchmark_qa.stats.drift_test import drift_looks
from tests.unit.stats.test_drift_test import people


@pytest.mark.parametrize("most", [1, 6])
def test_equal_people_with_a_rare_label_are_left_alone(most: int) -> None:
    random = np.random.default_rng(5)
    crowds = [drift_looks(people(random, [[0.6, 0.39, 0.01]] * 8, tasks=25, most=most)) for _ in range(60)]
    assert sum(any(each.is_different for each in crowd.values()) for crowd in crowds) <= 4
