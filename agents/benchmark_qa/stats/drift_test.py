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
from functools import cached_property
from math import exp, inf, isfinite, lgamma, log
from typing import Self

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.labels.annotations import Numbers
from benchmark_qa.stats.evidence import ALPHA

LOOK_EVERY = 25
"""Own tasks with labels between two looks."""
MOST_OTHERS = 40
"""Most others on an item in the comparison: the first to submit."""
_EXACT_FROM = 100.0
"""Largest bound / level for which the exact tail is computed; the tail never exceeds the bound."""
_WORTH_A_SEARCH = 2.0
"""Squared standard deviations from the mean below which a simple bound is used as the p-value at any level."""
_STEPS = 12
_NOTHING = 1e-18
"""Sum of squares below which a label does not vary."""


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


@dataclass(frozen=True)
class Strata:
    """Groups of tasks; within a group each task is equally likely to be the person's.

    ``counts`` is (tasks, labels), group after group; ``is_own`` (tasks,) marks the person's tasks; ``sizes`` is
    (groups,).
    """

    counts: Numbers
    is_own: NDArray[np.bool_]
    sizes: NDArray[np.int64]

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """The first row of each group."""
        starts: NDArray[np.int64] = np.cumsum(self.sizes) - self.sizes
        return starts

    @cached_property
    def own(self) -> NDArray[np.int64]:
        """Number of the person's tasks in each group."""
        own: NDArray[np.int64] = np.add.reduceat(self.is_own.astype(np.int64), self.starts)
        return own


@dataclass(frozen=True, slots=True)
class SubmittedTasks:
    """All tasks of all people, by item and then by submission; equal rows of all arrays belong together."""

    counts: Numbers
    person: NDArray[np.int64]
    item: NDArray[np.int64]
    at: Numbers
    rank: NDArray[np.int64]
    """Position among the item's tasks."""

    @classmethod
    def of(cls, people: Mapping[str, Sequence[LabelledTask]]) -> Self:
        """The tasks of all people; people are numbered by name."""
        names = sorted(people)
        tasks = [(task, number) for number, name in enumerate(names) for task in people[name]]
        codes = {item: code for code, item in enumerate(sorted({task.item for task, _ in tasks}))}
        item = np.array([codes[task.item] for task, _ in tasks], dtype=np.int64)
        at, person = np.array([task.submitted for task, _ in tasks]), np.array([number for _, number in tasks])
        return cls.sorted(np.array([task.counts for task, _ in tasks], dtype=float), person, item, at)

    @classmethod
    def sorted(cls, counts: Numbers, person: NDArray[np.int64], item: NDArray[np.int64], at: Numbers) -> Self:
        """From tasks in any order: label counts (tasks, labels), numbers of people and items, moments."""
        order = np.lexsort((person, at, item))
        item = item[order]
        rank = np.arange(len(item)) - np.searchsorted(item, item)
        return cls(counts[order], person[order], item, at[order], rank)


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
    submitted = SubmittedTasks.of(used) if crowd else None
    numbers = {name: number for number, name in enumerate(sorted(used))}
    return {name: _looks_at(numbers[name], len(tasks), submitted, alpha, crowd) for name, tasks in used.items()}


def _looks_at(
    person: int, tasks: int, submitted: SubmittedTasks | None, alpha: float, crowd: int
) -> Iterator[DriftLook]:
    if submitted is None or tasks < LOOK_EVERY:
        yield DriftLook(False, 0, tasks, reason=f"fewer than {LOOK_EVERY} tasks with labels")
        return
    tasks_of_person = TasksOfPerson.of(person, submitted)
    for look in range(tasks // LOOK_EVERY, 0, -1):
        yield look_at(tasks_of_person, look, level_of_look(look, crowd, alpha))


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


def look_at(person: "TasksOfPerson", look: int, level: float) -> DriftLook:
    """The k-th look at a person, from the first 25 k tasks."""
    strata, tasks = person.strata(look), look * LOOK_EVERY
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


@dataclass(frozen=True, slots=True)
class TasksOfPerson:
    """Rows of all tasks that the looks at one person compare, in the order of all tasks."""

    all_tasks: SubmittedTasks
    own: NDArray[np.int64]
    """The person's rows, by submission"""
    rows: NDArray[np.int64]
    """All rows of the person's items"""
    place: NDArray[np.int64]
    """Of each of ``rows``, the position among the others on the item; -1 for the person's own"""
    own_place: NDArray[np.int64]
    """Of each of ``rows``, the position of the person's task on that item in ``own``"""
    first_of_others: NDArray[np.int64]
    """For each item that others have met, the row of the first of them"""

    @classmethod
    def of(cls, person: int, all_tasks: SubmittedTasks) -> Self:
        """The rows of one person of at least one task."""
        mine = np.flatnonzero(all_tasks.person == person)
        own = mine[np.argsort(all_tasks.at[mine], kind="stable")]
        # The position of the person's task on each item in `own`, and its position among all on the item.
        own_place = np.full(int(all_tasks.item[-1]) + 1, -1)
        own_place[all_tasks.item[own]] = np.arange(len(own))
        own_rank = np.full(len(own_place), np.iinfo(np.int64).max)
        own_rank[all_tasks.item[own]] = all_tasks.rank[own]
        rows = np.flatnonzero(own_place[all_tasks.item] >= 0)
        rank, of_person = all_tasks.rank[rows], own_rank[all_tasks.item[rows]]
        place = np.where(rank == of_person, -1, rank - (rank > of_person))
        is_first = all_tasks.rank - (all_tasks.rank > own_rank[all_tasks.item]) == 0
        first_of_others = np.flatnonzero(is_first & (all_tasks.person != person))
        return cls(all_tasks, own, rows, place, own_place[all_tasks.item[rows]], first_of_others)

    def strata(self, look: int) -> Strata:
        """One group for each item that others had done by this look; one group for all other items."""
        everything, tasks = self.all_tasks, look * LOOK_EVERY
        until = everything.at[self.own[:tasks][-1]]
        is_own_item = self.own_place < tasks
        is_own = is_own_item & (self.place < 0)
        others = is_own_item & (self.place >= 0) & (self.place < MOST_OTHERS) & (everything.at[self.rows] <= until)
        met_by_others = np.zeros(len(self.own), bool)
        met_by_others[self.own_place[others]] = True
        is_met = met_by_others[self.own_place]
        kept = (is_own | others) & is_met
        together, alone = self.rows[kept], self.rows[is_own & ~is_met]
        # Rows of one item follow each other.
        starts = np.flatnonzero(np.diff(everything.item[together], prepend=-1))
        sizes = np.diff(starts, append=len(together))
        rows, own_rows = together, is_own[kept]
        if len(alone):
            first = self.first_of_others[everything.at[self.first_of_others] <= until]
            is_of_person = np.zeros(int(everything.item[-1]) + 1, bool)
            is_of_person[everything.item[self.own[:tasks]]] = True
            elsewhere = first[~is_of_person[everything.item[first]]]
            rows, sizes = np.concatenate([together, alone, elsewhere]), np.append(sizes, len(alone) + len(elsewhere))
            own_rows = np.concatenate([own_rows, np.ones(len(alone), bool), np.zeros(len(elsewhere), bool)])
        return Strata(everything.counts[rows], own_rows, sizes)


def smallest_p_value(strata: Strata, level: float) -> tuple[float, int]:
    """The corrected p-value, and its label; above ``level`` it may be larger than necessary."""
    # Products with ones are sums, and faster for a few columns.
    total, marks = np.ones(len(strata.counts)) @ strata.counts, strata.counts @ np.ones(strata.counts.shape[1])
    share = total / total.sum()
    one_each = bool((marks == 1).all())
    labels = np.flatnonzero(total)
    given = np.ascontiguousarray(strata.counts[:, labels].T)
    values = given - share[labels, None] * marks
    values -= (np.add.reduceat(values, strata.starts, axis=1) / strata.sizes).repeat(strata.sizes, axis=1)
    squares = np.add.reduceat(values**2, strata.starts, axis=1)
    varies = np.flatnonzero(squares.sum(axis=1) > _NOTHING)
    totals, spreads = values @ strata.is_own, squares @ (strata.own / strata.sizes)
    worth_a_search = search_from(len(varies), level)
    found: list[tuple[float, int]] = []
    for place in varies.tolist():
        own, spread = float(totals[place]), float(spreads[place])
        towards = values[place] if own > 0 else -values[place]
        bound = _bound(towards, strata, abs(own), spread, worth_a_search)
        if one_each and bound <= _EXACT_FROM * level:
            bound = min(bound, _exact_tail(given[place] if own > 0 else 1 - given[place], strata))
        found.append((bound, int(labels[place])))
    if not found:
        return 1.0, int(share.argmax())
    p_value, label = min(found)
    # The other direction of each label has a bound of 1.
    return min(1.0, 2 * len(found) * p_value), label


def search_from(labels: int, level: float) -> float:
    """Squared standard deviations from the mean from which a label's p-value may reach the level."""
    return max(_WORTH_A_SEARCH, log(2 * max(labels, 1) / (_EXACT_FROM * level)))


def _bound(values: Numbers, strata: Strata, total: float, spread: float, worth_a_search: float) -> float:
    """A bound on the probability of an equal or greater own total; the values' mean is 0 in each group."""
    if total <= 0:
        return 1.0
    if total**2 < worth_a_search * spread:
        # Bernstein's bound: larger, but enough to see that there is no difference.
        return exp(-0.5 * total**2 / (spread + float(values.max()) * total / 3))
    return _chernoff(values, strata, total, total / spread)


def _chernoff(values: Numbers, strata: Strata, total: float, step: float) -> float:
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


def _exact_tail(ones: Numbers, strata: Strata) -> float:
    """The probability of at least as many ones in the own tasks, if each task is 0 or 1."""
    distribution = np.ones(1)
    held = np.add.reduceat(ones, strata.starts).astype(int)
    for size, ones_of_group, drawn in zip(strata.sizes.tolist(), held.tolist(), strata.own.tolist(), strict=True):
        distribution = np.convolve(distribution, _hypergeometric(size, ones_of_group, drawn))
    return float(min(1.0, distribution[int(ones[strata.is_own].sum()) :].sum()))


def _hypergeometric(size: int, ones: int, drawn: int) -> Numbers:
    """Probabilities (drawn + 1,) of the number of ones among those drawn."""
    if drawn == 1:
        return np.array([1 - ones / size, ones / size])
    whole = _log_choose(size, drawn)
    return np.exp([_log_choose(ones, k) + _log_choose(size - ones, drawn - k) - whole for k in range(drawn + 1)])


def _log_choose(size: int, chosen: int) -> float:
    return lgamma(size + 1) - lgamma(chosen + 1) - lgamma(size - chosen + 1) if 0 <= chosen <= size else -inf


def _shares(strata: Strata) -> tuple[Numbers, Numbers]:
    """Shares of labels of the person, and of the others on the same items, with the person's item weights."""
    own_rows = np.where(strata.is_own, 1.0, 0.0)
    others = (strata.sizes - strata.own).astype(float)
    weights = (1.0 - own_rows) * np.repeat(strata.own / np.maximum(others, 1.0), strata.sizes)
    own, theirs = own_rows @ strata.counts, weights @ strata.counts
    return own / own.sum(), theirs / max(float(theirs.sum()), 1e-300)


def _jensen_shannon(first: Numbers, second: Numbers) -> float:
    """The divergence between two distributions, in bits (Lin 1991)."""
    middle = 0.5 * (first + second)
    parts = [p * log(p / m, 2) for side in (first, second) for p, m in zip(side, middle, strict=True) if p > 0]
    return float(np.clip(0.5 * sum(parts), 0.0, 1.0))
