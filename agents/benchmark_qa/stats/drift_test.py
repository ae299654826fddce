"""Whether somebody gives other labels than the others do: an exact test, looked at every 25 tasks.

On each item the label counts of those who met it are taken as they are; for people who label alike, each of them is
as likely to have given one set of counts as another. Items that nobody else has met are taken together: each of these
tasks is as likely to be the person's (this half assumes that people get items in random order). So the person's total

    T_l = sum over own tasks of (c_l - m x share_l)      c_l: labels l given, m: all labels given, share_l: of everybody

has a distribution that is known exactly, without a model for how labels of one task cluster and however rare l is:

- tasks with one label each: exact, a convolution of Bernoulli and hypergeometric distributions;
- else: Chernoff's bound on the permutation distribution, min over t > 0 of e^(-t T) x product of means of e^(t x) over
  an item's people. It also bounds drawing without replacement (Hoeffding 1963, theorem 4). Never too small.

The p-value is the smallest of both directions of all labels that vary, times their number (Bonferroni).
Alpha is spent over looks and people: look k (25 k tasks) of one of K people has level 5 % x 5 / ((k + 4) (k + 5)) / K.
The weights sum to 1 over all looks for ever, so among equal people anybody is accused in 5 % of crowds at most.
A look compares with what the others had submitted by then: it is the same look whenever it is computed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from math import exp, inf, isfinite, lgamma, log

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.stats.evidence import ALPHA, Floats

LOOK_EVERY = 25
"""Own tasks with labels between two looks"""
MOST_OTHERS = 40
"""Others on an item who are compared with: the first to submit"""
_EXACT_FROM = 100.0
"""The exact tail is worked out where the bound is within this factor of the level: it is never larger"""
_WORTH_A_SEARCH = 2.0
"""Squared standard deviations from the mean, below which a simple bound is the p-value"""
_STEPS = 12


@dataclass(frozen=True, slots=True)
class LabelledTask:
    """How often each label was given in one task; ``submitted`` orders the tasks of all people in time."""

    submitted: float
    item: str
    counts: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class DriftLook:
    """The latest look at one person's labels.

    ``distance`` is the Jensen-Shannon divergence in bits between the own shares of labels and those of the others.
    ``label`` is the index of the label that speaks most clearly and ``difference`` the own share minus the others'.
    All are None, with the ``reason``, where there was no look or nothing to compare.
    """

    is_different: bool
    look: int
    tasks: int
    level: float | None = None
    p_value: float | None = None
    distance: float | None = None
    label: int | None = None
    difference: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Strata:
    """Groups of tasks; within a group each task is as likely to be the person's.

    ``counts`` is (tasks, labels), group after group, the own tasks first in each; ``sizes`` and ``own`` are (groups,).
    """

    counts: Floats
    sizes: NDArray[np.int64]
    own: NDArray[np.int64]

    @property
    def starts(self) -> NDArray[np.int64]:
        """The row where each group begins."""
        starts: NDArray[np.int64] = np.cumsum(self.sizes) - self.sizes
        return starts

    @property
    def is_own(self) -> NDArray[np.bool_]:
        """Which tasks are the person's."""
        place = np.arange(len(self.counts)) - np.repeat(self.starts, self.sizes)
        mine: NDArray[np.bool_] = place < np.repeat(self.own, self.sizes)
        return mine


def drift_looks(people: Mapping[str, Sequence[LabelledTask]], *, alpha: float = ALPHA) -> dict[str, DriftLook]:
    """The latest look at everybody.

    Args:
        people: each person's tasks, each item once, in any order. All counts have the same labels.
        alpha: the largest share of crowds of equal people in which anybody is ever called different.
    """
    used = {name: sorted(_used(tasks), key=lambda task: (task.submitted, task.item)) for name, tasks in people.items()}
    if len({len(task.counts) for tasks in used.values() for task in tasks}) > 1:
        raise ValueError("the label counts of all tasks are of the same labels")
    crowd = sum(bool(tasks) for tasks in used.values())
    by_item: dict[str, list[tuple[float, str, LabelledTask]]] = {}
    for name in sorted(used):
        for task in used[name]:
            by_item.setdefault(task.item, []).append((task.submitted, name, task))
    for met in by_item.values():
        met.sort(key=lambda each: each[:2])
    return {name: _latest_look(name, tasks, by_item, alpha, crowd) for name, tasks in used.items()}


def level_of_look(look: int, people: int, alpha: float = ALPHA) -> float:
    """The level of the k-th look at one of ``people``: alpha x 5 / ((k + 4) (k + 5)) / people."""
    if look < 1 or people < 1:
        raise ValueError(f"looks and people are counted from 1, not {look} and {people}")
    return alpha * 5.0 / ((look + 4) * (look + 5)) / people


def _used(tasks: Iterable[LabelledTask]) -> list[LabelledTask]:
    for task in tasks:
        if not all(isfinite(count) and count >= 0 for count in task.counts):
            raise ValueError(f"label counts are zero or more (item {task.item})")
    return [task for task in tasks if any(task.counts)]


def _latest_look(
    name: str,
    tasks: Sequence[LabelledTask],
    by_item: Mapping[str, Sequence[tuple[float, str, LabelledTask]]],
    alpha: float,
    crowd: int,
) -> DriftLook:
    look = len(tasks) // LOOK_EVERY
    if look == 0:
        return DriftLook(False, 0, len(tasks), reason=f"fewer than {LOOK_EVERY} tasks with labels")
    own = tasks[: look * LOOK_EVERY]
    strata = _strata(name, own, by_item)
    if (strata.sizes == strata.own).all():
        return DriftLook(False, look, len(own), reason="nobody to compare with")
    level = level_of_look(look, crowd, alpha)
    p_value, label = smallest_p_value(strata, level)
    shares, others = _shares(strata)
    return DriftLook(
        is_different=p_value <= level,
        look=look,
        tasks=len(own),
        level=level,
        p_value=p_value,
        distance=_jensen_shannon(shares, others),
        label=label,
        difference=float(shares[label] - others[label]),
    )


def _strata(
    name: str, own: Sequence[LabelledTask], by_item: Mapping[str, Sequence[tuple[float, str, LabelledTask]]]
) -> Strata:
    until, items = own[-1].submitted, {task.item for task in own}
    rows: list[tuple[float, ...]] = []
    sizes: list[int] = []
    alone: list[tuple[float, ...]] = []
    for task in own:
        in_time = takewhile(lambda each: each[0] <= until, by_item[task.item])
        others = [each.counts for _, _, each in islice((met for met in in_time if met[1] != name), MOST_OTHERS)]
        if others:
            rows += [task.counts, *others]
            sizes.append(1 + len(others))
        else:
            alone.append(task.counts)
    owns = [1] * len(sizes)
    if alone:
        elsewhere = [met[0][2].counts for item, met in by_item.items() if item not in items and met[0][0] <= until]
        rows += [*alone, *elsewhere]
        sizes.append(len(alone) + len(elsewhere))
        owns.append(len(alone))
    return Strata(np.array(rows, dtype=float), np.array(sizes), np.array(owns))


def smallest_p_value(strata: Strata, level: float) -> tuple[float, int]:
    """The corrected p-value, and the label that it comes from."""
    total, marks = strata.counts.sum(axis=0), strata.counts.sum(axis=1)
    share = total / total.sum()
    one_each = bool((marks == 1).all())
    found: list[tuple[float, int]] = []
    for label in np.flatnonzero(total).tolist():
        given = strata.counts[:, label]
        values = given - marks * share[label]
        values -= np.repeat(np.add.reduceat(values, strata.starts) / strata.sizes, strata.sizes)
        if np.abs(values).max() < 1e-12:
            continue
        for turned in (False, True):
            bound = _bound(-values if turned else values, strata)
            if one_each and bound <= _EXACT_FROM * level:
                bound = min(bound, _exact_tail(1 - given if turned else given, strata))
            found.append((bound, label))
    if not found:
        return 1.0, int(share.argmax())
    p_value, label = min(found)
    return min(1.0, len(found) * p_value), label


def _bound(values: Floats, strata: Strata) -> float:
    """A bound on the probability that the own values add up to as much, or more; their mean is 0 in each group."""
    starts, own = strata.starts, strata.own
    total = float(values[strata.is_own].sum())
    spread = float((np.add.reduceat(values**2, starts) / strata.sizes * own).sum())
    if total <= 0:
        return 1.0
    if total**2 < _WORTH_A_SEARCH * spread:
        # Bernstein's bound: larger, and enough to see that nothing is there.
        return exp(-0.5 * total**2 / (spread + values.max() * total / 3))
    return _chernoff(values, strata, total, total / spread)


def _chernoff(values: Floats, strata: Strata, total: float, step: float) -> float:
    """The smallest bound e^(-t total) x product of means of e^(t value), by Newton's steps for t; each t is valid."""
    starts, sizes, own = strata.starts, strata.sizes, strata.own
    highest = np.maximum.reduceat(values, starts)
    below_highest = values - np.repeat(highest, sizes)
    best = 0.0
    for _ in range(_STEPS):
        powers = np.exp(step * below_highest)
        sums = np.add.reduceat(powers, starts)
        first = np.add.reduceat(powers * values, starts) / sums
        second = np.add.reduceat(powers * values**2, starts) / sums - first**2
        best = min(best, float((own * (step * highest + np.log(sums / sizes))).sum()) - step * total)
        slope, bend = float((own * first).sum()) - total, float((own * second).sum())
        if abs(slope) < 1e-6 * total:
            break
        step = min(max(step - slope / bend, step / 4), step * 4) if bend > 0 else step * 2
    return exp(best)


def _exact_tail(ones: Floats, strata: Strata) -> float:
    """The probability of as many ones in the own tasks, or more, where each task is 0 or 1."""
    distribution = np.ones(1)
    held = np.add.reduceat(ones, strata.starts).astype(int)
    for size, ones_of_group, drawn in zip(strata.sizes.tolist(), held.tolist(), strata.own.tolist(), strict=True):
        distribution = np.convolve(distribution, _hypergeometric(size, ones_of_group, drawn))
    return float(min(1.0, distribution[int(ones[strata.is_own].sum()) :].sum()))


def _hypergeometric(size: int, ones: int, drawn: int) -> Floats:
    """Probabilities (drawn + 1,) of the number of ones among those drawn."""
    if drawn == 1:
        return np.array([1 - ones / size, ones / size])
    whole = _log_choose(size, drawn)
    return np.exp([_log_choose(ones, k) + _log_choose(size - ones, drawn - k) - whole for k in range(drawn + 1)])


def _log_choose(size: int, chosen: int) -> float:
    return lgamma(size + 1) - lgamma(chosen + 1) - lgamma(size - chosen + 1) if 0 <= chosen <= size else -inf


def _shares(strata: Strata) -> tuple[Floats, Floats]:
    """Shares of labels of the person, and of the others on the same items (each item weighs as it does in the own)."""
    own_rows = np.where(strata.is_own, 1.0, 0.0)
    others = (strata.sizes - strata.own).astype(float)
    weights = (1.0 - own_rows) * np.repeat(strata.own / np.maximum(others, 1.0), strata.sizes)
    own, theirs = own_rows @ strata.counts, weights @ strata.counts
    return own / own.sum(), theirs / max(float(theirs.sum()), 1e-300)


def _jensen_shannon(first: Floats, second: Floats) -> float:
    """The divergence between two distributions, in bits (Lin 1991)."""
    middle = 0.5 * (first + second)
    parts = [p * log(p / m, 2) for side in (first, second) for p, m in zip(side, middle, strict=True) if p > 0]
    return float(np.clip(0.5 * sum(parts), 0.0, 1.0))
