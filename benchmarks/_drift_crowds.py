"""Crowds of 41 whose labels are compared at every look, made fast enough for 1,000 runs.

All looks at one person are screened at once: a look at which no label is far enough from its expectation is one that
`smallest_p_value` does not search. The others are made by the product's own function, so the decisions are the same.
"""

import numpy as np

from benchmark_qa.labels.annotations import Numbers
from benchmark_qa.stats.drift_test import LOOK_EVERY, SubmittedTasks, TasksOfPerson, level_of_look, look_at, search_from

CROWD = 41
TASKS = 500
LOOKS = TASKS // LOOK_EVERY
RARE = (0.6, 0.37, 0.01, 0.01, 0.01)
PEOPLE_AN_ITEM = 7


def labelled(most: int, random: np.random.Generator, odd: tuple[float, ...] | None = None) -> SubmittedTasks:
    """Everybody has 500 tasks of as many items as make seven people an item; an item leans towards its own labels.

    Args:
        most: most labels of a task.
        random: draws everything.
        odd: shares of labels that the first person gives instead.
    """
    items = CROWD * TASKS // PEOPLE_AN_ITEM
    leaning = random.dirichlet(np.array(RARE) * 5, size=items)
    met = np.stack([random.permutation(items)[:TASKS] for _ in range(CROWD)])
    chances = leaning[met]
    if odd is not None:
        chances[0] = random.dirichlet(np.array(odd) * 5, size=TASKS)
    sizes = random.integers(1, most, size=(CROWD, TASKS), endpoint=True)
    counts = random.multinomial(sizes, chances).astype(float)
    people = np.repeat(np.arange(CROWD), TASKS)
    moments = (np.arange(TASKS) + np.arange(CROWD)[:, None] / 100).ravel()
    return SubmittedTasks.sorted(counts.reshape(-1, len(RARE)), people, met.ravel(), moments)


def first_accusation(crowd: SubmittedTasks, person: int) -> int:
    """The number of tasks at the first look that calls the person different, 0 without one."""
    own = TasksOfPerson.of(person, crowd)
    for look in np.flatnonzero(is_searched(own)).tolist():
        if look_at(own, look + 1, level_of_look(look + 1, CROWD)).is_different:
            return int((look + 1) * LOOK_EVERY)
    return 0


def is_searched(own: TasksOfPerson) -> np.ndarray:
    """(looks,): whether any label is so far from its expectation that the look searches for its p-value."""
    crowd, people_items = own.all_tasks, len(own.own)
    labels = crowd.counts.shape[1]
    until = crowd.at[own.own[LOOK_EVERY - 1 :: LOOK_EVERY]]
    item_look = own.own_place // LOOK_EVERY
    is_own = own.place < 0
    entry = np.where(is_own, item_look, np.maximum(item_look, np.searchsorted(until, crowd.at[own.rows])))
    extended = _products(crowd.counts[own.rows])
    width = extended.shape[1]
    # (items, looks, products): sums over the tasks of an item that count at a look.
    cells = own.own_place * (LOOKS + 1) + np.minimum(entry, LOOKS)
    order = np.argsort(cells, kind="stable")
    filled, starts = np.unique(cells[order], return_index=True)
    groups = np.zeros((people_items * (LOOKS + 1), width), np.float32)  # whole numbers: exact
    groups[filled] = np.add.reduceat(extended[order], starts)
    groups = groups.reshape(people_items, LOOKS + 1, width)[:, :LOOKS]
    for look in range(1, LOOKS):
        groups[:, look] += groups[:, look - 1]
    mine = np.empty((people_items, width))
    mine[own.own_place[is_own]] = extended[is_own]
    sizes = groups[:, :, 0].copy()
    is_alone, is_met = (sizes == 1).astype(np.float32), (sizes > 1).astype(np.float32)
    pooled_own, met_own = is_alone.T @ mine, is_met.T @ mine
    pooled = (pooled_own + _elsewhere(own, until)) * is_alone.any(axis=0)[:, None]
    met_all = (groups * is_met[:, :, None]).sum(axis=0) if is_alone.any() else groups.sum(axis=0)
    groups *= (is_met / np.maximum(sizes, 1.0)).astype(np.float32)[:, :, None]
    summed, marks, given = groups.sum(axis=0), groups[:, :, 1:2], groups[:, :, 2 : 2 + labels]
    share = (met_all + pooled)[:, 2 : 2 + labels] / (met_all + pooled)[:, 1:2]
    squares = ((given**2).sum(axis=0), (given * marks).sum(axis=0), (marks**2).sum(axis=0))
    spread = _variances(summed, squares, share, labels)
    size = np.maximum(pooled[:, :1], 1.0)
    mean = pooled / size
    of_mean = (mean[:, 2 : 2 + labels] ** 2, mean[:, 2 : 2 + labels] * mean[:, 1:2], mean[:, 1:2] ** 2)
    spread += pooled_own[:, :1] * _variances(mean, of_mean, share, labels)
    total = met_own - summed + pooled_own - pooled_own[:, :1] * mean
    differences = total[:, 2 : 2 + labels] - share * total[:, 1:2]
    # Not all labels may vary, so that the limit is lower by up to ln(5 / 2): a little slack, for rounding as well.
    worth = np.array([search_from(labels, level_of_look(look, CROWD)) - 1.0 for look in range(1, LOOKS + 1)])
    return np.asarray((differences**2 >= worth[:, None] * spread).any(axis=1))


def _products(counts: Numbers) -> Numbers:
    """(rows, 3 + 3 labels): 1, marks, labels, squared marks, squared labels, labels x marks."""
    marks = counts.sum(axis=1, keepdims=True)
    return np.concatenate([np.ones_like(marks), marks, counts, marks**2, counts**2, counts * marks], axis=1)


def _variances(means: Numbers, squares: tuple[Numbers, Numbers, Numbers], share: Numbers, labels: int) -> Numbers:
    """(looks, labels): summed variances of labels minus share x marks.

    Args:
        means: sums over items of the means of `_products`.
        squares: sums over items of squared means of labels, of means of labels x marks, of squared means of marks.
        share: of everybody's labels.
        labels: number of labels.
    """
    squared_marks = means[:, 2 + labels : 3 + labels]
    squared, crossed = means[:, 3 + labels : 3 + 2 * labels], means[:, 3 + 2 * labels :]
    given, both, marks = squares
    return np.asarray(squared - given - 2 * share * (crossed - both) + share**2 * (squared_marks - marks))


def _elsewhere(own: TasksOfPerson, until: Numbers) -> Numbers:
    """(looks, products): of the first task of others on each item that the person has not met by the look."""
    crowd, first = own.all_tasks, own.first_of_others
    extended = _products(crowd.counts[first])
    place = np.full(int(crowd.item[-1]) + 1, len(own.own))
    place[crowd.item[own.own]] = np.arange(len(own.own))
    enters, leaves = np.searchsorted(until, crowd.at[first]), place[crowd.item[first]] // LOOK_EVERY
    looks = np.arange(LOOKS)[:, None]
    return np.asarray(((enters <= looks) & (looks < leaves)).astype(float) @ extended)
