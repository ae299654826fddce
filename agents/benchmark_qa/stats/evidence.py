"""Evidence about a bar that is valid at every look and forgets, for one person and for a crowd.

A task becomes a *gain*: positive gains support the person, and its mean is 0 for somebody exactly at the bar. With u
the gain divided by its bound (negated for "below"), so that u >= -1, one bet b multiplies its sum by 1 + b u:

    S_b <- (S_b + w_t) (1 + b u_t),     evidence = mean over b of S_b  +  the weights not yet started

over nine fixed bets b (Waudby-Smith & Ramdas 2024, JRSS B 86: betting). w_t are start weights that sum to 1: 1/2 on the
first task, and 1/2 x 1 / (j (j + 1)) spread evenly over the j-th block of 20 tasks. They form a mixture over the times
at which looking may start (Shin, Ramdas & Rinaldo 2024: e-detectors; weights that sum to 1 keep it an e-process).
The evidence starts at 1. If the expected gain of each task, given the past, is 0 or on the other side, the evidence is
at most 1 on average after any number of tasks, at any stopping time. So it reaches 20 with a probability of at most
5 %, over any horizon (Ville 1939).

After each task the sums are scaled down to a cap of ten times the level of naming. This only lowers the evidence, so
the guarantee holds. It also limits the time until somebody who has improved is no longer named.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, isfinite, log
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


Counts = NDArray[np.int64]


ALPHA = 0.05
"""Largest probability of calling somebody below (or above) who is not."""


BETS: Floats = np.linspace(0.03**0.5, 0.85**0.5, 9) ** 2
"""Shares of the largest bet that keeps every factor positive; denser where they are small."""


BLOCK = 20
"""Tasks in a block of start weights."""


CAP_OVER_LEVEL = 10.0
"""The cap of the evidence, as a multiple of the level of naming."""


OBJECTS_OF_A_TASK = 3
"""Objects of one task that count in full: truth objects by a weight, spurious objects by a cap."""


_MEMORY = 100
"""Tasks of the exponential moving average of the evidence's growth."""


@dataclass(frozen=True, slots=True)
class Gains:
    """Gains of tasks in order of submission, and their bounds: -most_loss <= gain <= most_gain.

    ``values`` is (tasks,), or (people, tasks) for many people at once; NaN for a task with nothing to judge.
    """

    values: Floats
    most_gain: float
    most_loss: float

    @property
    def for_below(self) -> Floats:
        """Each task's value as evidence for "below the bar", -1 or more."""
        return -self.values / self.most_gain

    @property
    def for_above(self) -> Floats:
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


def answer_gains(right: ArrayLike, asked: ArrayLike, bar: float, *, most: float = 1.0) -> Gains:
    """Gains of tasks whose figure is the accuracy of answers: ``right`` of ``asked`` in each task.

    The figure is sum c right / sum c asked with c = min(1, most / asked). With ``most`` 1 a task counts as one answer,
    its share of right ones: the mean over tasks. A task without a question is NaN.
    """
    correct, questions = np.asarray(right, float), np.asarray(asked, float)
    if (correct > questions).any() or (correct < 0).any():
        raise ValueError("right answers are between 0 and the number asked")
    weights = np.minimum(1.0, most / np.maximum(questions, 1.0))
    values = np.where(questions > 0, weights * (correct - _checked(bar) * questions), np.nan)
    return Gains(values, most * (1 - bar), most * bar)


def value_gains(values: ArrayLike, bar: float, *, lowest: float = 0.0, highest: float = 1.0) -> Gains:
    """Gains of tasks whose figure is the mean of a bounded value, or NaN."""
    given = np.asarray(values, float)
    if not lowest < bar < highest:
        raise ValueError(f"a bar lies between {lowest:g} and {highest:g}, both excluded, not at {bar:g}")
    if ((given < lowest) | (given > highest)).any():
        raise ValueError(f"a value lies between {lowest:g} and {highest:g}")
    return Gains(given - bar, highest - bar, bar - lowest)


def start_weights(tasks: ArrayLike) -> Floats:
    """The start weight of the next task after ``tasks`` tasks; all start weights sum to 1."""
    before = np.asarray(tasks)
    block = before // BLOCK + 1
    weights: Floats = 0.5 / (block * (block + 1) * BLOCK) + np.where(before == 0, 0.5, 0.0)
    return weights


def weight_to_come(tasks: ArrayLike) -> Floats:
    """The sum of the start weights after ``tasks`` tasks; 1 before the first."""
    seen = np.asarray(tasks)
    whole, rest = seen // BLOCK, seen % BLOCK
    later = 0.5 / (whole + 1) - rest * 0.5 / ((whole + 1) * (whole + 2) * BLOCK)
    weights: Floats = later + np.where(seen == 0, 0.5, 0.0)
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

    ``tasks`` counts tasks with something to judge. ``below`` and ``above`` hold one sum per bet; ``growth_below`` and
    ``growth_above`` the mean logarithm of the factors of each bet, over about the last 100 tasks.
    """

    tasks: int = 0
    below: tuple[float, ...] = (0.0,) * len(BETS)
    above: tuple[float, ...] = (0.0,) * len(BETS)
    growth_below: tuple[float, ...] = (0.0,) * len(BETS)
    growth_above: tuple[float, ...] = (0.0,) * len(BETS)

    @property
    def evidence_below(self) -> float:
        """Evidence that the figure is below the bar; 1 is neutral, 20 is enough for one person alone."""
        return _total(self.below, self.tasks)

    @property
    def evidence_above(self) -> float:
        """Evidence that the figure is above the bar."""
        return _total(self.above, self.tasks)

    def after(self, gains: Gains, *, cap: float | None = None) -> Self:
        """The evidence after further tasks of one person, in the order of their submission.

        Args:
            gains: gains of one person.
            cap: cap of the evidence for "below", `cap_for` of the crowd. The cap for "above" is always `cap_for()`.
        """
        last = None
        for last in self._parts(gains, cap):  # noqa: B007
            pass
        return self if last is None else self._of(*last)

    def steps(self, gains: Gains, *, cap: float | None = None) -> Iterator[Self]:
        """The evidence after each of these further tasks; a task with nothing to judge repeats it."""
        state, further = self, self._parts(gains, cap)
        for says_nothing in np.isnan(gains.values).tolist():
            state = state if says_nothing else self._of(*next(further))
            yield state

    def _parts(self, gains: Gains, cap: float | None) -> Iterator[tuple[int, Floats, Floats]]:
        """Tasks, sums and growths (below and above, bets) after each task with something to judge."""
        if gains.values.ndim != 1:
            raise ValueError(f"the gains of one person are (tasks,), not {gains.values.shape}")
        sums, growths = np.array([self.below, self.above]), np.array([self.growth_below, self.growth_above])
        caps = np.array([cap_for() if cap is None else cap, cap_for()])
        units = np.stack([gains.for_below, gains.for_above], axis=1)[~np.isnan(gains.values)]
        weights = start_weights(self.tasks + np.arange(len(units)))
        for tasks, (weight, said) in enumerate(zip(weights, units, strict=True), self.tasks + 1):
            sums = advance(sums, weight, said, caps)
            growths = growths + (np.log1p(said[:, None] * BETS) - growths) / min(tasks, _MEMORY)
            yield tasks, sums, growths

    @classmethod
    def _of(cls, tasks: int, sums: Floats, growths: Floats) -> Self:
        below, above = (tuple(each) for each in sums.tolist())
        growth_below, growth_above = (tuple(each) for each in growths.tolist())
        return cls(tasks, below, above, growth_below, growth_above)

    def to_dict(self) -> dict[str, Any]:
        """The state as JSON types."""
        names = ("below", "above", "growth_below", "growth_above")
        return {"tasks": self.tasks} | {name: list(getattr(self, name)) for name in names}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; raises ValueError for any other content."""
        names = ("below", "above", "growth_below", "growth_above")
        try:
            tasks = int(stored["tasks"])
            parts = {name: tuple(float(number) for number in stored[name]) for name in names}
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a state of evidence: {error}") from error
        wrong = [name for name, part in parts.items() if len(part) != len(BETS) or not all(map(isfinite, part))]
        if wrong or tasks < 0:
            raise ValueError(f"not a state of evidence: {', '.join(wrong) or 'tasks'}")
        return cls(tasks, **parts)


def fold(gains: Gains, *, crowd: int = 1) -> Evidence:
    """The evidence about one person of a crowd after all tasks."""
    return Evidence().after(gains, cap=cap_for(crowd))


def advance(sums: Floats, weights: ArrayLike, units: ArrayLike, caps: ArrayLike) -> Floats:
    """Sums (..., bets) after one more task, from start weights, units and caps (each broadcast to ...)."""
    most = np.asarray(caps, float)[..., None]
    started = sums + np.asarray(weights, float)[..., None]
    grown: Floats = started * (1.0 + np.asarray(units, float)[..., None] * BETS)
    capped: Floats = grown * (most / np.maximum(grown.mean(axis=-1, keepdims=True), most))
    return capped


def evidence_paths(units: Floats, *, cap: float) -> Floats:
    """Evidence of many people after every task: (people, tasks) from `Gains.for_below` or `for_above`.

    The formula is that of `Evidence`; made for simulations, about 10 million tasks of people a second.
    """
    people, tasks = units.shape
    sums, seen = np.zeros((people, len(BETS))), np.zeros(people, np.int64)
    paths = np.empty((people, tasks))
    for task, said in enumerate(units.T):
        counts = ~np.isnan(said)
        sums[counts] = advance(sums[counts], start_weights(seen[counts]), said[counts], cap)
        seen += counts
        paths[:, task] = sums.mean(axis=1) + weight_to_come(seen)
    return paths


def _weighed(tp: ArrayLike, fp: ArrayLike, fn: ArrayLike, truth: ArrayLike) -> tuple[Floats, Floats, Floats, Floats]:
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


def _total(sums: tuple[float, ...], tasks: int) -> float:
    return sum(sums) / len(sums) + float(weight_to_come(tasks))


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
