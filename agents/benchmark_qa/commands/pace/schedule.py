"""The order of benchmark tasks among others: at a constant rate, or a rate that falls with time.

Several people work on the front of a queue, and a benchmark task goes to several of them. So the rate that one person
meets differs from the share of benchmark tasks in the queue: with k people on each benchmark task and one on every
other, a share q in the queue is met as r = qk / (qk + 1 - q), hence q = r / (r + k (1 - r)).
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

import numpy as np

DEFAULT_PRIORITY = 0.5
"""Priority of a task for which nobody has set one"""


NARROWEST = 1e-6
"""Smallest usable distance of priorities: closer ones may be stored as equal"""


class NoRoomLeftError(ValueError):
    """Earlier runs have used up the range of priorities."""


class Rate(Protocol):
    """The share of benchmark tasks that a person meets, as a function of tasks done."""

    def at(self, tasks_done: float) -> float:
        """A share between 0 and 1."""
        ...


@dataclass(frozen=True, slots=True)
class ConstantRate:
    """A constant share."""

    share: float

    def at(self, tasks_done: float) -> float:
        """The share."""
        del tasks_done
        return self.share


@dataclass(frozen=True, slots=True)
class DecayingRate:
    """A share that decays from `first` to `last`, halving the distance every `half_life` tasks."""

    first: float
    last: float
    half_life: float

    def at(self, tasks_done: float) -> float:
        """The share after `tasks_done` tasks."""
        return float(self.last + (self.first - self.last) * 2.0 ** (-tasks_done / self.half_life))


@dataclass(frozen=True, slots=True)
class Workers:
    """How many people work on the queue, and how many of them get each benchmark task."""

    people: int = 1
    on_benchmark: int = 1


@dataclass(frozen=True)
class Schedule:
    """Priorities by task, and benchmark tasks held back until there are other tasks to mix them with."""

    priorities: dict[str, float]
    benchmark: tuple[int, ...]
    """Positions of benchmark tasks in this run's queue, from 0"""
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
    """Priorities that mix two kinds of tasks in a queue; a higher priority comes first.

    Both kinds take their priorities from one draw, in queue order, and the seed alone determines the order within each
    kind: a task's priority tells only its position in the queue, not its kind.

    Args:
        benchmark, others: the tasks, by any name.
        rate: of benchmark tasks, from one person's view.
        workers: the people who work on the queue.
        seed: another seed gives another order.
        before: tasks in the queue, or done, before these.
        below: all priorities are between `DEFAULT_PRIORITY` and this.

    Raises:
        NoRoomLeftError: `below` is too close to the default.
    """
    room = below - DEFAULT_PRIORITY
    if room < NARROWEST:
        raise NoRoomLeftError(f"there is no room for priorities between {DEFAULT_PRIORITY} and {below}")
    draw = np.random.default_rng([seed, before])
    shares = _shares_in_queue(rate, workers, before)
    kinds = list(_kinds(len(benchmark), len(others), shares, draw))
    waiting, rest = iter(_shuffled(benchmark, seed)), iter(_shuffled(others, seed))
    in_order = [next(waiting) if is_benchmark else next(rest) for is_benchmark in kinds]
    # Use the upper half of the range, so that later runs have the lower half.
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
    """Whether each position in the queue is a benchmark task, until there are no other tasks left.

    The expected number of benchmark tasks grows with each position. When it passes a random point below the next whole
    number, a benchmark task is placed. So the tasks keep to the rate, at irregular distances.
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
    """The share of benchmark tasks at the next position; `send` whether the position got one."""
    done = before / workers.people
    while True:
        met = rate.at(done)
        is_benchmark = yield met / (met + workers.on_benchmark * (1 - met))
        done += (workers.on_benchmark if is_benchmark else 1) / workers.people


def _shuffled(names: Sequence[str], seed: int) -> list[str]:
    """The names in an order that depends on the names and the seed, not on the input order."""
    return sorted(names, key=lambda name: blake2b(f"{seed}/{name}".encode(), digest_size=8).digest())
