"""When benchmark tasks come among the others: at a constant rate, or many at first and fewer later.

A queue is worked off from its front by several people, and a benchmark task goes to several of them. So the rate that
one person meets differs from the share of benchmark tasks in the queue: with k people on each benchmark task and one on
every other, a share q in the queue is met as r = qk / (qk + 1 - q), hence q = r / (r + k (1 - r)).
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

import numpy as np

DEFAULT_PRIORITY = 0.5
"""Of a task whose priority nobody has set"""
NARROWEST = 1e-6
"""Priorities closer together than this may be one and the same to whoever stores them"""


class NoRoomLeftError(ValueError):
    """So many runs have put their tasks behind each other that there is no room for another."""


class Rate(Protocol):
    """The share of benchmark tasks that a person meets, by how many tasks they have done."""

    def at(self, tasks_done: float) -> float:
        """A share between 0 and 1."""
        ...


@dataclass(frozen=True, slots=True)
class ConstantRate:
    """Always the same."""

    share: float

    def at(self, tasks_done: float) -> float:
        """The share."""
        del tasks_done
        return self.share


@dataclass(frozen=True, slots=True)
class DecayingRate:
    """From `first` towards `last`; half of the way is gone after `half_life` tasks, half of the rest after as many."""

    first: float
    last: float
    half_life: float

    def at(self, tasks_done: float) -> float:
        """The share after so many tasks."""
        return float(self.last + (self.first - self.last) * 2.0 ** (-tasks_done / self.half_life))


@dataclass(frozen=True, slots=True)
class Workers:
    """How many people work the queue off, and how many of them get each benchmark task."""

    people: int = 1
    on_benchmark: int = 1


@dataclass(frozen=True)
class Schedule:
    """Priorities by task, and benchmark tasks that are held back until there are others to hide them among."""

    priorities: dict[str, float]
    benchmark: tuple[int, ...]
    """Places in the queue of this run at which benchmark tasks stand, from 0"""
    held_back: tuple[str, ...]


def schedule(
    benchmark: Sequence[str],
    others: Sequence[str],
    rate: Rate,
    workers: Workers,
    *,
    seed: int,
    before: int = 0,
    below: float = 1.0,
) -> Schedule:
    """Priorities that make a queue of two kinds of tasks, higher first.

    Both kinds take their priorities from the same draw, in the order of the queue, and both stand in an order that the
    seed alone settles: of a task's priority, only its place in the queue can be told.

    Args:
        benchmark, others: the tasks, by any name.
        rate: of benchmark tasks, as a person meets it.
        workers: who works them off.
        seed: another one, another order.
        before: tasks in the queue, or done, before these.
        below: all priorities lie under this, and over `DEFAULT_PRIORITY`.

    Raises:
        NoRoomLeftError: `below` is too near to the default.
    """
    room = below - DEFAULT_PRIORITY
    if room < NARROWEST:
        raise NoRoomLeftError(f"there is no room for priorities between {DEFAULT_PRIORITY} and {below}")
    draw = np.random.default_rng([seed, before])
    shares = _shares_in_queue(rate, workers, before)
    kinds = list(_kinds(len(benchmark), len(others), shares, draw))
    waiting, rest = iter(_shuffled(benchmark, seed)), iter(_shuffled(others, seed))
    in_order = [next(waiting) if is_benchmark else next(rest) for is_benchmark in kinds]
    # The upper half of the room: what comes later finds the lower half.
    steps = (np.arange(len(in_order)) + draw.random(len(in_order))) / max(len(in_order), 1)
    priorities = below - steps * room / 2
    return Schedule(
        priorities=dict(zip(in_order, priorities.tolist(), strict=True)),
        benchmark=tuple(place for place, is_benchmark in enumerate(kinds) if is_benchmark),
        held_back=tuple(waiting),
    )


def _kinds(
    benchmark: int, others: int, shares: Generator[float, bool, None], draw: np.random.Generator
) -> Iterator[bool]:
    """Whether each place in the queue takes a benchmark task, until there are no other tasks left.

    The expected number of benchmark tasks adds up place by place; whenever it passes a point drawn at random from the
    next whole number, one is placed. So they keep to the rate and come at no regular distance.
    """
    expected, placed, point = next(shares), 0, draw.random()
    while others:
        is_benchmark = benchmark > 0 and expected > point
        if is_benchmark:
            benchmark -= 1
            placed += 1
            point = placed + draw.random()
        else:
            others -= 1
        yield is_benchmark
        expected += shares.send(is_benchmark)


def _shares_in_queue(rate: Rate, workers: Workers, before: int) -> Generator[float, bool, None]:
    """The share of benchmark tasks at the next place of the queue; is sent what the place was given."""
    done = before / workers.people
    while True:
        met = rate.at(done)
        is_benchmark = yield met / (met + workers.on_benchmark * (1 - met))
        done += (workers.on_benchmark if is_benchmark else 1) / workers.people


def _shuffled(names: Sequence[str], seed: int) -> list[str]:
    """In an order that depends on the names and the seed, not on the order given."""
    return sorted(names, key=lambda name: blake2b(f"{seed}/{name}".encode(), digest_size=8).digest())
