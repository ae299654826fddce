"""Verdicts about everybody in a crowd from the evidence, and each person beside the others on the same items.

Each task's value (0 to 1) is compared with the mean of at least five others on the same item. For equally good people
the expected difference is 0 on every item, so hard items at the start lower nobody's result. The differences, in the
order of the person's submissions, form a separate e-process; people are named by e-BH.
This comparison cannot detect a crowd that is poor as a whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log
from typing import Literal

import numpy as np

from benchmark_qa.labels.annotations import Numbers
from benchmark_qa.stats.evidence import ALPHA, Evidence, Gains, folds, naming_level

EvidenceSide = Literal["below", "above", "undecided"]


_FEWEST_TASKS = 5
"""Fewest tasks for a reported growth of the evidence."""


@dataclass(frozen=True, slots=True)
class PersonEvidence:
    """The verdict about one person at this look.

    ``needed_below`` is the evidence from which the person is named, given everybody else's. ``tasks_expected`` is the
    expected number of further tasks until one of the two sides is reached; None if it is reached already, or if the
    evidence does not grow.
    """

    side: EvidenceSide
    evidence_below: float
    evidence_above: float
    needed_below: float
    needed_above: float
    tasks: int
    tasks_expected: int | None


def standings(crowd: Mapping[str, Evidence]) -> dict[str, PersonEvidence]:
    """The verdict about everybody.

    Args:
        crowd: everybody with evidence in the project, never a filtered part of them. People without a task to judge do
            not count towards the crowd and are undecided.
    """
    below = {name: held.evidence_below for name, held in crowd.items() if held.tasks}
    needed = needed_evidence(below)
    return {name: _standing(held, needed.get(name, naming_level(max(len(below), 1)))) for name, held in crowd.items()}


def named(evidence: Mapping[str, float], *, alpha: float = ALPHA) -> frozenset[str]:
    """The people named by e-BH; at any look the expected share of wrong names is at most ``alpha``."""
    names = list(evidence)
    chosen = named_of_many(np.array([list(evidence.values())]).reshape(1, len(names)), alpha=alpha)[0]
    return frozenset(name for name, is_named in zip(names, chosen, strict=True) if is_named)


def named_of_many(evidence: Numbers, *, alpha: float = ALPHA) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """The people named in each of many crowds: (crowds, people) from evidence (crowds, people)."""
    size = evidence.shape[1]
    if not size:
        return np.zeros(evidence.shape, bool)
    levels = size / (alpha * np.arange(1, size + 1))
    ordered = -np.sort(-evidence, axis=1)
    reached = ordered >= levels
    last = np.where(reached.any(axis=1), size - 1 - reached[:, ::-1].argmax(axis=1), -1)
    least = np.where(last >= 0, levels[last], np.inf)
    chosen: np.ndarray[tuple[int, int], np.dtype[np.bool_]] = evidence >= least[:, None]
    return chosen


def needed_evidence(evidence: Mapping[str, float], *, alpha: float = ALPHA) -> dict[str, float]:
    """The evidence from which each person is named by e-BH, given the current evidence of all others.

    crowd / (k x alpha) for the largest k for which k - 1 others have at least as much.
    """
    size = len(evidence)
    ranks = np.arange(1, size + 1)
    levels = size / (alpha * ranks)
    reached = (np.array(list(evidence.values()))[:, None] >= levels).astype(int)
    others = reached.sum(axis=0) - reached
    return {
        name: float(levels[np.flatnonzero(row >= ranks - 1)[-1]]) for name, row in zip(evidence, others, strict=True)
    }


def tasks_expected(evidence: float, needed: float, growth: tuple[float, ...]) -> int | None:
    """Expected further tasks until the evidence reaches ``needed``: ln(needed / evidence) / growth.

    The growth is the largest, over the nine bets, of the mean logarithm of their factors over about the last 100
    tasks. None if it is not positive, because the evidence is not growing then. Early estimates are uncertain.
    """
    if evidence >= needed:
        return 0
    best = max(growth)
    return ceil(log(needed / evidence) / best) if best > 1e-9 else None


def _standing(held: Evidence, needed_below: float) -> PersonEvidence:
    needed_above = naming_level()
    is_below, is_above = held.evidence_below >= needed_below, held.evidence_above >= needed_above
    # Both sides are reached: the work has just changed. Neither is said until one of them falls.
    side: EvidenceSide = "undecided" if is_below == is_above else "below" if is_below else "above"
    expected = [
        tasks_expected(held.evidence_below, needed_below, held.growth_below),
        tasks_expected(held.evidence_above, needed_above, held.growth_above),
    ]
    known = [tasks for tasks in expected if tasks]
    return PersonEvidence(
        side=side,
        evidence_below=held.evidence_below,
        evidence_above=held.evidence_above,
        needed_below=needed_below,
        needed_above=needed_above,
        tasks=held.tasks,
        tasks_expected=min(known) if side == "undecided" and known and held.tasks >= _FEWEST_TASKS else None,
    )


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
    evidence = folds(gains)
    below = named({name: held.evidence_below for name, held in evidence.items() if held.tasks})
    return {name: _among(evidence[name], gains[name].values, name in below) for name in values}


def differences_of(values: Mapping[str, Sequence[tuple[str, float]]]) -> dict[str, Numbers]:
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


def _among(held: Evidence, differences: Numbers, is_below: bool) -> AmongOthers:
    mean = float(np.nanmean(differences)) if held.tasks else None
    return AmongOthers(is_below, held.evidence_below, mean, held.tasks)
