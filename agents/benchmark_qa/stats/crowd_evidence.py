"""Verdicts about everybody in a crowd, from the evidence, and the expected number of further tasks.

"Below" is named by e-BH on the current evidence of everybody in the project (Wang & Ramdas 2022, JRSS B 84): the k
people with the most evidence, for the largest k whose smallest evidence is at least crowd / (k x 5 %). It is valid for
any dependence between people. "Above" is said from an evidence of 20, for each person alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, log
from typing import Literal

import numpy as np

from benchmark_qa.stats.evidence import ALPHA, Evidence, Floats, naming_level

Side = Literal["below", "above", "undecided"]

_FEWEST_TASKS = 5
"""Fewest tasks for a reported growth of the evidence."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The verdict about one person at this look.

    ``needed_below`` is the evidence from which the person is named, given everybody else's. ``tasks_expected`` is the
    expected number of further tasks until one of the two sides is reached; None if it is reached already, or if the
    evidence does not grow.
    """

    side: Side
    evidence_below: float
    evidence_above: float
    needed_below: float
    needed_above: float
    tasks: int
    tasks_expected: int | None


def standings(crowd: Mapping[str, Evidence]) -> dict[str, Standing]:
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


def named_of_many(evidence: Floats, *, alpha: float = ALPHA) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
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


def _standing(held: Evidence, needed_below: float) -> Standing:
    needed_above = naming_level()
    is_below, is_above = held.evidence_below >= needed_below, held.evidence_above >= needed_above
    # Both sides are reached: the work has just changed. Neither is said until one of them falls.
    side: Side = "undecided" if is_below == is_above else "below" if is_below else "above"
    expected = [
        tasks_expected(held.evidence_below, needed_below, held.growth_below),
        tasks_expected(held.evidence_above, needed_above, held.growth_above),
    ]
    known = [tasks for tasks in expected if tasks]
    return Standing(
        side=side,
        evidence_below=held.evidence_below,
        evidence_above=held.evidence_above,
        needed_below=needed_below,
        needed_above=needed_above,
        tasks=held.tasks,
        tasks_expected=min(known) if side == "undecided" and known and held.tasks >= _FEWEST_TASKS else None,
    )
