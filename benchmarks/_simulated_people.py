"""Simulated people whose figure is known: made up, or drawn from the tasks of real ones.

Real people have 10 to 469 tasks. A simulated one draws tasks with replacement from one real person's, exponentially
tilted (weights e^(t gain), t found by bisection) so that the figure over the weighted tasks is exactly the one wanted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from benchmark_qa.labels.annotations import Numbers
from benchmark_qa.stats.evidence import Gains, object_gains, value_gains
from benchmarks.intervals import answer_crowd, box_crowd

BAR = 0.7
FEWEST_TASKS = 40

GainsAt = Callable[[float], Gains]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of tasks: ``draw(figure, people, tasks, random)`` are the gains of people with that figure."""

    name: str
    draw: Callable[[float, int, int, np.random.Generator], Gains]


def kinds() -> tuple[Kind, ...]:
    return (
        Kind("Bernoulli", bernoulli),
        Kind("beta (4p, 4q)", beta),
        Kind("pedestrians", lambda *of: _real(tuple(pedestrian_tasks()), *of)),
        Kind("bluebirds", lambda *of: _real(tuple(bluebird_tasks()), *of)),
    )


def bernoulli(figure: float, people: int, tasks: int, random: np.random.Generator) -> Gains:
    return value_gains(random.random((people, tasks)) < figure, BAR)


def beta(figure: float, people: int, tasks: int, random: np.random.Generator) -> Gains:
    return value_gains(random.beta(4 * figure, 4 * (1 - figure), (people, tasks)), BAR)


@cache
def pedestrian_tasks() -> tuple[GainsAt, ...]:
    """For each real annotator with 40 tasks or more, the gains of the tasks at a bar."""
    return tuple(_objects(rows) for rows in box_crowd() if len(rows) >= FEWEST_TASKS)


@cache
def bluebird_tasks() -> tuple[GainsAt, ...]:
    truth, answers = answer_crowd()
    return tuple(_values(row == truth) for row in answers)


def _objects(rows: Numbers) -> GainsAt:
    tp, fp, fn = rows.T[:3]
    return lambda bar: object_gains(tp, fp, fn, tp + fn, bar)


def _values(right: Numbers) -> GainsAt:
    return lambda bar: value_gains(right, bar)


def tilted(gains: Numbers, base: Numbers | None = None) -> Numbers | None:
    """Weights of tasks for which the mean gain is 0; None where no weights can do it. NaN counts as 0."""
    values = np.nan_to_num(gains)
    start = np.ones(len(values)) if base is None else base
    if not values.min() < 0 < values.max():
        return None
    low, high = -200.0, 200.0
    for _ in range(100):
        middle = (low + high) / 2
        powers = middle * values
        weights = start * np.exp(powers - powers.max())
        low, high = (middle, high) if weights @ values < 0 else (low, middle)
    return np.asarray(weights / weights.sum())


def _real(crowd: tuple[GainsAt, ...], figure: float, people: int, tasks: int, random: np.random.Generator) -> Gains:
    drawn = _weighed(crowd, figure)
    whom = random.integers(len(drawn), size=people)
    values = np.empty((people, tasks))
    for number, (held, weights) in enumerate(drawn):
        mine = np.flatnonzero(whom == number)
        values[mine] = random.choice(held.values, size=(len(mine), tasks), p=weights)
    return Gains(values, drawn[0][0].most_gain, drawn[0][0].most_loss)


@cache
def _weighed(crowd: tuple[GainsAt, ...], figure: float) -> list[tuple[Gains, Numbers]]:
    weights = [(gains_at(BAR), tilted(gains_at(figure).values)) for gains_at in crowd]
    return [(gains, each) for gains, each in weights if each is not None]


def mostly_empty(figure: float, people: int, tasks: int, random: np.random.Generator, *, empty: float = 0.9) -> Gains:
    """Real tasks of everybody, with a share of empty items; the figure is as wanted."""
    rows = np.concatenate(box_crowd())
    nothing = rows[:, 0] + rows[:, 2] == 0
    base = np.where(nothing, empty / nothing.sum(), (1 - empty) / (~nothing).sum())
    weights = tilted(_objects(rows)(figure).values, base)
    gains = _objects(rows)(BAR)
    return Gains(random.choice(gains.values, size=(people, tasks), p=weights), gains.most_gain, gains.most_loss)


def silent(people: int, tasks: int, random: np.random.Generator, *, empty: float = 0.9) -> Gains:
    """People who never draw anything, where a share of the items is empty."""
    rows = np.concatenate(box_crowd())
    objects = rows[:, 0] + rows[:, 2]
    drawn = np.where(
        random.random((people, tasks)) < empty, 0, random.choice(objects[objects > 0], size=(people, tasks))
    )
    return object_gains(np.zeros_like(drawn), np.zeros_like(drawn), drawn, drawn, BAR)
