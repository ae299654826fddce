"""*Below the others on these items*: a second statement about a person, valid for any order of items.

Each task's value (0 to 1) is compared with the mean of at least five others on the same item. For equally good people
the expected difference is 0 on every item, so hard items at the start lower nobody's result. The differences, in the
order of the person's submissions, form a separate e-process; people are named by e-BH.
This comparison cannot detect a crowd that is poor as a whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark_qa.stats.evidence import Evidence, Floats, Gains, fold, named

FEWEST_OTHERS = 5
"""Fewest others on an item for a comparison; with fewer, it is not meaningful."""


@dataclass(frozen=True, slots=True)
class AmongOthers:
    """One person compared with the others on the same items; ``difference`` may be None.

    It is None without a comparable task.
    """

    is_below: bool
    evidence: float
    difference: float | None
    tasks: int


def beside_others(values: Mapping[str, Sequence[tuple[str, float]]]) -> dict[str, AmongOthers]:
    """The comparison of every person with the others.

    Args:
        values: of each person, (item, value from 0 to 1) in the order of submission, each item once; tasks with nothing
            to judge are left out.
    """
    gains = {name: Gains(differences, 1.0, 1.0) for name, differences in differences_of(values).items()}
    crowd = sum(not np.isnan(each.values).all() for each in gains.values())
    evidence = {name: fold(each, crowd=max(crowd, 1)) for name, each in gains.items()}
    below = named({name: held.evidence_below for name, held in evidence.items() if held.tasks})
    return {name: _among(evidence[name], gains[name].values, name in below) for name in values}


def differences_of(values: Mapping[str, Sequence[tuple[str, float]]]) -> dict[str, Floats]:
    """Per person (tasks,): value minus the others' mean on the item; NaN with fewer than five others."""
    sums: dict[str, float] = {}
    counts: dict[str, int] = {}
    for name, tasks in values.items():
        if len({item for item, _ in tasks}) < len(tasks):
            raise ValueError(f"an item counts once for each person; {name} has one twice")
        for item, value in tasks:
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"a value lies between 0 and 1, not at {value:g}")
            sums[item] = sums.get(item, 0.0) + value
            counts[item] = counts.get(item, 0) + 1
    return {
        name: np.array(
            [
                value - (sums[item] - value) / (counts[item] - 1) if counts[item] > FEWEST_OTHERS else np.nan
                for item, value in tasks
            ],
            dtype=float,
        )
        for name, tasks in values.items()
    }


def _among(held: Evidence, differences: Floats, is_below: bool) -> AmongOthers:
    mean = float(np.nanmean(differences)) if held.tasks else None
    return AmongOthers(is_below, held.evidence_below, mean, held.tasks)
