"""Errors planted in real boxes, over 200 draws."""

from typing import Any

import numpy as np

from benchmarks.suspects import box_items, plant_and_find


def test_planted_errors_in_real_boxes_are_found_without_crying_wolf(pedestrians: dict[str, Any]) -> None:
    items = box_items(pedestrians)
    outcomes = [plant_and_find(items, seed) for seed in range(200)]
    for kind in ("removed", "shifted", "added", "all"):
        assert np.mean([outcome.found[kind] for outcome in outcomes]) >= 0.80, kind
    assert np.mean([outcome.false_alarms for outcome in outcomes]) <= 0.10
    assert np.mean([outcome.false_alarm_units for outcome in outcomes]) <= 0.10
