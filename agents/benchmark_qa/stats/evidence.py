"""Evidence about a bar that is valid at every look and forgets, for one person and for a crowd.

A task becomes a *gain*: positive gains support the person, and its mean is 0 for somebody exactly at the bar. With u
the gain divided by its bound (negated for "below"), so that u >= -1, one bet b multiplies its sum by 1 + b u:

    S_b <- (S_b + w_t) (1 + b u_t),     evidence = mean over b of S_b  +  the weight not yet started

over nine fixed bets b (Waudby-Smith & Ramdas 2024, JRSS B 86: betting). w_t is the weight of starting at task t: 0.45
on the first task, and 0.55 / (k (k + 1)) at the k-th later start. A later start comes when recent tasks speak for it
(the product of min(2, 1 + 0.54 u) since it was last below 1 reaches 2.3) while the earlier starts have lost (the mean
of S_b is below 1). So the evidence is a mixture over the times at which looking may start (Shin, Ramdas & Rinaldo 2024:
e-detectors). All weights sum to 1, and each follows from earlier tasks alone, so it is an e-process: if the expected
gain of each task, given the past, is 0 or on the other side, the evidence is at most 1 on average after any number of
tasks, at any stopping time. So it reaches 20 with a probability of at most 5 %, over any horizon (Ville 1939).

After each task the sums are scaled down to a cap of ten times the level of naming. This only lowers the evidence, so
the guarantee holds. It also limits the time until somebody who has improved is no longer named.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark_qa.labels.annotations import Numbers

TaskCounts = NDArray[np.int64]


ALPHA = 0.05
"""Largest probability of calling somebody below (or above) who is not."""


BETS: Numbers = np.linspace(0.03**0.5, 0.85**0.5, 9) ** 2
"""Shares of the largest bet that keeps every factor positive; denser where they are small."""


FIRST_WEIGHT = 0.45
"""Weight of the start at the first task; the rest waits for later starts."""


SIGNAL = 2.3
"""Product of recent factors from which a later start comes: lower ones waste weight, higher ones come late."""


_SIGNAL_BET = float(BETS[6])
"""The bet of the product of recent factors: 0.54"""


_MOST_OF_ONE_TASK = 2.0
"""Largest recent factor; below `SIGNAL`, so that no start follows from a single task."""


CAP_OVER_LEVEL = 10.0
"""The cap of the evidence, as a multiple of the level of naming."""


OBJECTS_OF_A_TASK = 3
"""Objects of one task that count in full: truth objects by a weight, spurious objects by a cap."""


_MEMORY = 100
"""Tasks of the exponential moving average of the evidence's growth."""


METHOD = 1
"""Raised with every change of gains or of the fold, so that stored evidence is folded again."""


@dataclass(frozen=True, slots=True)
class Gains:
    """Gains of tasks in order of submission, and their bounds: -most_loss <= gain <= most_gain.

    ``values`` is (tasks,), or (people, tasks) for many people at once; NaN for a task with nothing to judge.
    """

    values: Numbers
    most_gain: float
    most_loss: float

    @property
    def for_below(self) -> Numbers:
        """Each task's value as evidence for "below the bar", -1 or more."""
        return -self.values / self.most_gain

    @property
    def for_above(self) -> Numbers:
        """Each task's value as evidence for "above the bar", -1 or more."""
        return self.values / self.most_loss


def object_gains(tp: ArrayLike, fp: ArrayLike, fn: ArrayLike, truth: ArrayLike, bar: float) -> Gains:
    """Gains of tasks whose figure is F1 of objects, pooled with capped weights.

    The figure is sum c 2 tp / sum c (2 tp + fp + fn) with fp at most 3 and the weight c = min(1, 3 / truth objects),
    1 on an empty item; gain = c [2 (1 - bar) tp - bar (fp + fn)], between -6 bar and 6 (1 - bar). A task with
    nothing to find and nothing drawn is NaN.

    Args:
        tp: matches of each task; any shape, the same for all four.
        fp: spurious objects.
        fn: missing objects.
        truth: objects of the ground truth, at least tp + fn.
        bar: between 0 and 1, both excluded.
    """
    weights, hits, spurious, missed = _weighed(tp, fp, fn, truth)
    drawn = 2 * hits + spurious + missed
    values = np.where(drawn > 0, weights * (2 * hits - _checked(bar) * drawn), np.nan)
    most = 2.0 * OBJECTS_OF_A_TASK
    return Gains(values, most * (1 - bar), most * bar)


def object_figure(tp: ArrayLike, fp: ArrayLike, fn: ArrayLike, truth: ArrayLike) -> float | None:
    """The figure of `object_gains`: F1 with capped weights; None if there was nothing to judge."""
    weights, hits, spurious, missed = _weighed(tp, fp, fn, truth)
    drawn = float((weights * (2 * hits + spurious + missed)).sum())
    return float((weights * 2 * hits).sum()) / drawn if drawn else None


def value_gains(values: ArrayLike, bar: float, *, lowest: float = 0.0, highest: float = 1.0) -> Gains:
    """Gains of tasks whose figure is the mean of a bounded value, or NaN."""
    given = np.asarray(values, float)
    if not lowest < bar < highest:
        raise ValueError(f"a bar lies between {lowest:g} and {highest:g}, both excluded, not at {bar:g}")
    if ((given < lowest) | (given > highest)).any():
        raise ValueError(f"a value lies between {lowest:g} and {highest:g}")
    return Gains(given - bar, highest - bar, bar - lowest)


def weight_of_start(starts: ArrayLike) -> Numbers:
    """The weight of the k-th later start; all weights, with the first task's, sum to 1."""
    order = np.asarray(starts, float)
    weights: Numbers = (1.0 - FIRST_WEIGHT) / (order * (order + 1.0))
    return weights


def weight_to_come(tasks: ArrayLike, starts: ArrayLike) -> Numbers:
    """The weight not yet started after ``tasks`` tasks and ``starts`` later starts; 1 before the first task."""
    weights: Numbers = np.where(np.asarray(tasks) > 0, (1.0 - FIRST_WEIGHT) / (np.asarray(starts) + 1.0), 1.0)
    return weights


def naming_level(crowd: int = 1) -> float:
    """The evidence from which the first of ``crowd`` people is named: crowd / 5 %, 20 alone."""
    if crowd < 1:
        raise ValueError(f"a crowd has at least one person, not {crowd}")
    return crowd / ALPHA


def cap_for(crowd: int = 1) -> float:
    """The cap of the evidence: ten times the level of naming in a crowd rounded up to a power of two.

    The rounding avoids recomputing stored states whenever a person joins.
    """
    return CAP_OVER_LEVEL * naming_level(1 << (crowd - 1).bit_length() if crowd > 1 else crowd)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence about one person after some tasks, for both directions, as JSON numbers.

    ``tasks`` counts tasks with something to judge. ``below`` and ``above`` hold one sum per bet. ``recent`` is the
    product of recent factors and ``starts`` the number of later starts, for below and above. ``growth_below`` and
    ``growth_above`` are the mean logarithm of the factors of each bet, over about the last 100 tasks.
    """

    tasks: int = 0
    below: tuple[float, ...] = (0.0,) * len(BETS)
    above: tuple[float, ...] = (0.0,) * len(BETS)
    recent: tuple[float, ...] = (1.0, 1.0)
    starts: tuple[int, ...] = (0, 0)
    growth_below: tuple[float, ...] = (0.0,) * len(BETS)
    growth_above: tuple[float, ...] = (0.0,) * len(BETS)

    @property
    def evidence_below(self) -> float:
        """Evidence that the figure is below the bar; 1 is neutral, 20 is enough for one person alone."""
        return sum(self.below) / len(BETS) + float(weight_to_come(self.tasks, self.starts[0]))

    @property
    def evidence_above(self) -> float:
        """Evidence that the figure is above the bar."""
        return sum(self.above) / len(BETS) + float(weight_to_come(self.tasks, self.starts[1]))

    def after(self, gains: Gains, *, cap: float | None = None) -> "Evidence":
        """The evidence after further tasks of one person, in the order of their submission.

        Args:
            gains: gains of one person.
            cap: cap of the evidence for "below", `cap_for` of the crowd. The cap for "above" is always `cap_for()`.
        """
        return after_all({"": (self, gains)}, cap=cap_for() if cap is None else cap)[""]

    def to_dict(self) -> dict[str, Any]:
        """The state as JSON types."""
        return {"tasks": self.tasks} | {name: list(getattr(self, name)) for name in _LENGTHS}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; raises ValueError for any other content."""
        try:
            tasks = int(stored["tasks"])
            parts: dict[str, Any] = {name: tuple(float(number) for number in stored[name]) for name in _LENGTHS}
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a state of evidence: {error}") from error
        wrong = [name for name, part in parts.items() if len(part) != _LENGTHS[name] or not all(map(isfinite, part))]
        if wrong or tasks < 0 or min(parts["starts"]) < 0:
            raise ValueError(f"not a state of evidence: {', '.join(wrong) or 'tasks or starts'}")
        parts["starts"] = tuple(int(number) for number in parts["starts"])
        return cls(tasks, **parts)


_LENGTHS: Mapping[str, int] = {
    "below": len(BETS),
    "above": len(BETS),
    "recent": 2,
    "starts": 2,
    "growth_below": len(BETS),
    "growth_above": len(BETS),
}


def fold(gains: Gains, *, crowd: int = 1) -> Evidence:
    """The evidence about one person of a crowd after all tasks."""
    return Evidence().after(gains, cap=cap_for(crowd))


def folds(people: Mapping[str, Gains]) -> dict[str, Evidence]:
    """The evidence about everybody of a crowd after all tasks; the crowd is those with a task to judge."""
    crowd = sum(not np.isnan(each.values).all() for each in people.values())
    return after_all({name: (Evidence(), each) for name, each in people.items()}, cap=cap_for(max(crowd, 1)))


def after_all(people: Mapping[str, tuple[Evidence, Gains]], *, cap: float) -> dict[str, Evidence]:
    """The evidence about many people after further tasks of each, all at once; see `Evidence.after`."""
    wrong = [each.values.shape for _, each in people.values() if each.values.ndim != 1]
    if wrong:
        raise ValueError(f"the gains of one person are (tasks,), not {wrong[0]}")
    before = [held for held, _ in people.values()]
    said = [~np.isnan(each.values) for _, each in people.values()]
    further = np.array([int(each.sum()) for each in said], np.int64)
    units = np.full((int(further.max(initial=0)), 2, len(before)), np.nan)
    for person, ((_, each), counts) in enumerate(zip(people.values(), said, strict=True)):
        units[: further[person], 0, person] = each.for_below[counts]
        units[: further[person], 1, person] = each.for_above[counts]
    tasks = np.array([held.tasks for held in before], np.int64)
    sums = Sums(
        np.array([[*held.below, *held.above] for held in before]).reshape(len(before), 2, len(BETS)).T,
        np.array([held.recent for held in before]).T,
        np.array([held.starts for held in before], np.int64).T,
    )
    growths = np.array([[held.growth_below for held in before], [held.growth_above for held in before]])
    for step, now in enumerate(units):
        sums = advance(sums, tasks + step == 0, now, np.array([[cap], [cap_for()]]))
        logs = np.log1p(np.where(np.isnan(now), 0.0, now)[..., None] * BETS) - growths
        growths += np.where(np.isnan(now), 0.0, 1.0 / np.minimum(tasks + step + 1, _MEMORY))[..., None] * logs
    parts = (np.moveaxis(sums.of_bets, 0, 2), sums.recent.T, sums.starts.T, growths)
    bets, recent, starts, grown = (each.tolist() for each in parts)
    return {
        name: Evidence(
            tasks=int(tasks[person] + further[person]),
            below=tuple(bets[0][person]),
            above=tuple(bets[1][person]),
            recent=tuple(recent[person]),
            starts=tuple(starts[person]),
            growth_below=tuple(grown[0][person]),
            growth_above=tuple(grown[1][person]),
        )
        for person, name in enumerate(people)
    }


@dataclass(frozen=True, slots=True)
class Sums:
    """What is carried from task to task, for arrays (...) of people and sides."""

    of_bets: Numbers
    """(bets, ...)"""
    recent: Numbers
    """Product of recent factors"""
    starts: TaskCounts
    """Number of later starts"""

    @classmethod
    def none(cls, people: int) -> Self:
        """Before the first task."""
        return cls(np.zeros((len(BETS), people)), np.ones(people), np.zeros(people, np.int64))


def advance(sums: Sums, is_first: NDArray[np.bool_], units: Numbers, caps: Numbers | float) -> Sums:
    """The sums after one more task.

    Args:
        sums: before the task.
        is_first: whether it is the person's first task.
        units: what the task says, -1 or more; NaN for nothing to judge, which changes nothing.
        caps: largest mean of the sums over the bets.
    """
    counts = ~np.isnan(units)
    said = np.where(counts, units, 0.0)
    starts_now = counts & (sums.recent >= SIGNAL) & (sums.of_bets.mean(axis=0) < 1.0)
    weights = np.where(is_first, FIRST_WEIGHT, 0.0)
    starts, recent = sums.starts, np.maximum(sums.recent, 1.0)
    if starts_now.any():
        starts = starts + starts_now
        weights = np.where(starts_now, weight_of_start(np.maximum(starts, 1)), weights)
        recent = np.where(starts_now, 1.0, recent)
    grown = said * BETS.reshape(-1, *[1] * said.ndim)
    grown += 1.0
    grown *= sums.of_bets + weights
    too_much = np.maximum(grown.mean(axis=0) / caps, 1.0)
    if (too_much > 1.0).any():
        grown /= too_much
    recent = np.minimum(recent * np.minimum(1.0 + _SIGNAL_BET * said, _MOST_OF_ONE_TASK), SIGNAL)
    if counts.all():
        return Sums(grown, recent, starts)
    return Sums(np.where(counts, grown, sums.of_bets), np.where(counts, recent, sums.recent), starts)


def evidence_paths(units: Numbers, *, cap: float) -> Numbers:
    """Evidence of many people after every task: (people, tasks) from `Gains.for_below` or `for_above`.

    The formula is that of `Evidence`; made for many people at once, about 20 million tasks a second.
    """
    people, tasks = units.shape
    sums, seen = Sums.none(people), np.zeros(people, np.int64)
    paths = np.empty((tasks, people))
    for task, said in enumerate(np.ascontiguousarray(units.T)):
        sums = advance(sums, seen == 0, said, cap)
        seen += ~np.isnan(said)
        paths[task] = sums.of_bets.mean(axis=0) + weight_to_come(seen, sums.starts)
    return paths.T


def _weighed(
    tp: ArrayLike, fp: ArrayLike, fn: ArrayLike, truth: ArrayLike
) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    hits, drawn_beside, missed, objects = (np.asarray(counts, float) for counts in (tp, fp, fn, truth))
    if any((counts < 0).any() for counts in (hits, drawn_beside, missed)) or (hits + missed > objects).any():
        raise ValueError(
            "counts are zero or more, and matches and missing objects together at most the truth's objects"
        )
    weights = np.minimum(1.0, OBJECTS_OF_A_TASK / np.maximum(objects, 1.0))
    return weights, hits, np.minimum(drawn_beside, OBJECTS_OF_A_TASK), missed


def _checked(bar: float) -> float:
    if not 0.0 < bar < 1.0:
        raise ValueError(f"a bar lies between 0 and 1, both excluded, not at {bar:g}")
    return bar
