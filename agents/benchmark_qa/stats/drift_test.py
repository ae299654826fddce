"""Test whether a person gives other labels than the others do: an exact test, repeated every 25 tasks.

The test conditions on the label counts of each item. For people who label alike, each person on the item is equally
likely to have given each set of counts. Items that nobody else has done form one group: each of these tasks is equally
likely to be the person's (this half assumes that people get items in random order). So the person's total

    T_l = sum over own tasks of (c_l - m x share_l)      c_l: labels l given, m: all labels given, share_l: of everybody

has an exactly known distribution. It needs no model of how labels of one task cluster, and l may be rare:

- tasks with one label each: exact, a convolution of Bernoulli and hypergeometric distributions;
- otherwise: Chernoff's bound on the permutation distribution, min over t > 0 of e^(-t T) x product of means of e^(t x)
  over an item's people. It also bounds drawing without replacement (Hoeffding 1963, theorem 4). Never too small.

The p-value is the smallest over both directions of all labels that vary, times their number (Bonferroni).
Alpha is spent over looks and people: look k (25 k tasks) of one of K people has level 5 % x 5 / ((k + 4) (k + 5)) / K.
The weights sum to 1 over all looks, so among equal people anybody is named in at most 5 % of crowds.
A look compares with what the others had submitted by then, so it gives the same result whenever it is computed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, inf, isfinite, lgamma, log
from typing import Self

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.stats.evidence import ALPHA, Floats

LOOK_EVERY = 25
"""Own tasks with labels between two looks."""
MOST_OTHERS = 40
"""Most others on an item in the comparison: the first to submit."""
_EXACT_FROM = 100.0
"""Largest bound / level for which the exact tail is computed; the tail never exceeds the bound."""
_WORTH_A_SEARCH = 2.0
"""Squared standard deviations from the mean below which a simple bound is used as the p-value."""
_STEPS = 12


@dataclass(frozen=True, slots=True)
class LabelledTask:
    """Counts of each label in one task; ``submitted`` orders the tasks of all people in time."""

    submitted: float
    item: str
    counts: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class DriftLook:
    """The latest look at one person's labels.

    ``distance`` is the Jensen-Shannon divergence in bits between the person's shares of labels and those of the others.
    ``label`` is the index of the label with the clearest difference, ``difference`` the person's share minus the
    others'. All are None, with the ``reason``, if there was no look or nothing to compare.
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
    """Groups of tasks; within a group each task is equally likely to be the person's.

    ``counts`` is (tasks, labels), group after group; ``is_own`` (tasks,) marks the person's tasks; ``sizes`` is
    (groups,).
    """

    counts: Floats
    is_own: NDArray[np.bool_]
    sizes: NDArray[np.int64]

    @property
    def starts(self) -> NDArray[np.int64]:
        """The first row of each group."""
        starts: NDArray[np.int64] = np.cumsum(self.sizes) - self.sizes
        return starts

    @property
    def own(self) -> NDArray[np.int64]:
        """Number of the person's tasks in each group."""
        own: NDArray[np.int64] = np.add.reduceat(self.is_own.astype(np.int64), self.starts)
        return own


@dataclass(frozen=True, slots=True)
class _Submitted:
    """All tasks of all people, by item and then by submission; equal rows of all arrays belong together."""

    counts: Floats
    person: NDArray[np.int64]
    item: NDArray[np.int64]
    at: Floats
    rank: NDArray[np.int64]
    """Position among the item's tasks."""

    @classmethod
    def of(cls, people: Mapping[str, Sequence[LabelledTask]]) -> Self:
        names = sorted(people)
        tasks = [(task, number) for number, name in enumerate(names) for task in people[name]]
        codes = {item: code for code, item in enumerate(sorted({task.item for task, _ in tasks}))}
        item = np.array([codes[task.item] for task, _ in tasks], dtype=np.int64)
        at, person = np.array([task.submitted for task, _ in tasks]), np.array([number for _, number in tasks])
        order = np.lexsort((person, at, item))
        item = item[order]
        rank = np.arange(len(item)) - np.searchsorted(item, item)
        return cls(
            np.array([task.counts for task, _ in tasks], dtype=float)[order], person[order], item, at[order], rank
        )


def drift_looks(people: Mapping[str, Sequence[LabelledTask]], *, alpha: float = ALPHA) -> dict[str, DriftLook]:
    """The latest look at every person.

    Args:
        people: each person's tasks, each item once, in any order. All counts have the same labels.
        alpha: the largest share of crowds of equal people in which anybody is ever called different.
    """
    return {name: next(looks) for name, looks in _looks(people, alpha).items()}


def all_drift_looks(
    people: Mapping[str, Sequence[LabelledTask]], *, alpha: float = ALPHA
) -> dict[str, list[DriftLook]]:
    """Every look at every person, the latest first; arguments of `drift_looks`."""
    return {name: list(looks) for name, looks in _looks(people, alpha).items()}


def _looks(people: Mapping[str, Sequence[LabelledTask]], alpha: float) -> dict[str, Iterator[DriftLook]]:
    used = {name: _used(name, tasks) for name, tasks in people.items()}
    if len({len(task.counts) for tasks in used.values() for task in tasks}) > 1:
        raise ValueError("the label counts of all tasks are of the same labels")
    crowd = sum(bool(tasks) for tasks in used.values())
    submitted = _Submitted.of(used) if crowd else None
    numbers = {name: number for number, name in enumerate(sorted(used))}
    return {name: _looks_at(numbers[name], len(tasks), submitted, alpha, crowd) for name, tasks in used.items()}


def _looks_at(person: int, tasks: int, submitted: _Submitted | None, alpha: float, crowd: int) -> Iterator[DriftLook]:
    if submitted is None or tasks < LOOK_EVERY:
        yield DriftLook(False, 0, tasks, reason=f"fewer than {LOOK_EVERY} tasks with labels")
        return
    for look in range(tasks // LOOK_EVERY, 0, -1):
        yield _look(_strata(person, look, submitted), look, level_of_look(look, crowd, alpha))


def level_of_look(look: int, people: int, alpha: float = ALPHA) -> float:
    """The level of the k-th look at one of ``people``: alpha x 5 / ((k + 4) (k + 5)) / people."""
    if look < 1 or people < 1:
        raise ValueError(f"looks and people are counted from 1, not {look} and {people}")
    return alpha * 5.0 / ((look + 4) * (look + 5)) / people


def _used(name: str, tasks: Sequence[LabelledTask]) -> list[LabelledTask]:
    if len({task.item for task in tasks}) < len(tasks):
        raise ValueError(f"an item counts once for each person; {name} has one twice")
    for task in tasks:
        if not all(isfinite(count) and count >= 0 for count in task.counts):
            raise ValueError(f"label counts are zero or more (item {task.item})")
    return [task for task in tasks if any(task.counts)]


def _look(strata: Strata, look: int, level: float) -> DriftLook:
    tasks = look * LOOK_EVERY
    if strata.is_own.all():
        return DriftLook(False, look, tasks, reason="nobody to compare with")
    p_value, label = smallest_p_value(strata, level)
    shares, others = _shares(strata)
    return DriftLook(
        is_different=p_value <= level,
        look=look,
        tasks=tasks,
        level=level,
        p_value=p_value,
        distance=_jensen_shannon(shares, others),
        label=label,
        difference=float(shares[label] - others[label]),
    )


def _strata(person: int, look: int, all_tasks: _Submitted) -> Strata:
    """One group for each item that others had done by this look; one group for all other items."""
    mine = np.flatnonzero(all_tasks.person == person)
    own = mine[np.argsort(all_tasks.at[mine], kind="stable")][: look * LOOK_EVERY]
    in_time = (all_tasks.at <= all_tasks.at[own[-1]]) & (all_tasks.person != person)
    is_own = np.zeros(len(in_time), bool)
    is_own[own] = True
    # Positions among the others, without the person's own task.
    own_rank = np.full(int(all_tasks.item.max()) + 1, np.iinfo(np.int64).max)
    own_rank[all_tasks.item[own]] = all_tasks.rank[own]
    is_of_own_item = own_rank[all_tasks.item] < np.iinfo(np.int64).max
    place = all_tasks.rank - (all_tasks.rank > own_rank[all_tasks.item])
    others = in_time & is_of_own_item & (place < MOST_OTHERS)
    met_by_others = np.zeros(len(own_rank), bool)
    met_by_others[all_tasks.item[others]] = True
    together = np.flatnonzero((is_own | others) & met_by_others[all_tasks.item])
    alone = np.flatnonzero(is_own & ~met_by_others[all_tasks.item])
    sizes = np.unique(all_tasks.item[together], return_counts=True)[1]
    rows = together
    if len(alone):
        elsewhere = np.flatnonzero(in_time & ~is_of_own_item)
        elsewhere = elsewhere[np.unique(all_tasks.item[elsewhere], return_index=True)[1]]
        rows, sizes = np.concatenate([together, alone, elsewhere]), np.append(sizes, len(alone) + len(elsewhere))
    return Strata(all_tasks.counts[rows], is_own[rows], sizes)


def smallest_p_value(strata: Strata, level: float) -> tuple[float, int]:
    """The corrected p-value, and its label."""
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
    """A bound on the probability of an equal or greater own total; the values' mean is 0 in each group."""
    starts, own = strata.starts, strata.own
    total = float(values[strata.is_own].sum())
    spread = float((np.add.reduceat(values**2, starts) / strata.sizes * own).sum())
    if total <= 0:
        return 1.0
    if total**2 < _WORTH_A_SEARCH * spread:
        # Bernstein's bound: larger, but enough to see that there is no difference.
        return exp(-0.5 * total**2 / (spread + values.max() * total / 3))
    return _chernoff(values, strata, total, total / spread)


def _chernoff(values: Floats, strata: Strata, total: float, step: float) -> float:
    """The smallest bound e^(-t total) x product of means of e^(t value).

    Newton's steps find t; the bound is valid for every t.
    """
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
    """The probability of at least as many ones in the own tasks, if each task is 0 or 1."""
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
    """Shares of labels of the person, and of the others on the same items, with the person's item weights."""
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
