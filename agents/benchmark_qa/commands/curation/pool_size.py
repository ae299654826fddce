"""How many benchmark items are enough: by a share, by the width of an interval, and so that nobody meets one twice."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

USUAL_SHARES = (0.05, 0.15)
"""Of the work: below, intervals stay wide for long; above, the check costs more than it tells"""
MOST_TASKS = 1_000_000


class WidthUnreachableError(ValueError):
    """No number of tasks makes the interval that narrow."""


@dataclass(frozen=True, slots=True)
class Crew:
    """How many work, and how many of them get the same benchmark item."""

    annotators: int
    annotators_per_item: int
    """As the consensus block says; at most all of them"""


@dataclass(frozen=True, slots=True)
class Pool:
    """How many items, and why: one line for each step of the reckoning."""

    items: int
    tasks_each: int | None
    """Benchmark tasks that an annotator meets; None: nobody has said how much they work"""
    because: tuple[str, ...]


def tasks_for_width(width: float, width_at: Callable[[int], float]) -> int:
    """The fewest tasks whose interval is at most so wide.

    Args:
        width: from the low to the high end.
        width_at: of the interval after so many tasks; narrower the more there are.

    Raises:
        WidthUnreachableError
    """
    if width_at(MOST_TASKS) > width:
        raise WidthUnreachableError(f"an interval of width {width:g} takes more than {MOST_TASKS:,} tasks")
    low, high = 0, 1
    while width_at(high) > width:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if width_at(middle) > width else (low, middle)
    return high


def items_for(crew: Crew, tasks_each: int, *, spare: float = 0.0) -> Pool:
    """The pool from which every annotator can be given so many items without meeting one twice.

    An item serves as many annotators as get it; each of them once. So n annotators with m benchmark tasks each need
    n · m / k items where k get the same one, and never fewer than m.

    Args:
        crew: who works.
        tasks_each: benchmark tasks of an annotator.
        spare: share on top, for items that will be excluded or retired.
    """
    shared = min(crew.annotators_per_item, crew.annotators)
    needed = max(tasks_each, ceil(crew.annotators * tasks_each / shared))
    items = ceil(needed * (1 + spare) - 1e-9)
    because = [
        f"{crew.annotators:,} annotators x {tasks_each:,} benchmark tasks, {shared:,} annotators on each item: "
        f"{needed:,} items, so that nobody meets one twice"
    ]
    if items > needed:
        because.append(f"{spare:.0%} more, for items that will be excluded or retired: {items:,}")
    return Pool(items, tasks_each, tuple(because))


def unusual_share(share: float) -> str | None:
    """What is to be said about a share of benchmark tasks outside the usual 5 to 15 %; None: nothing."""
    low, high = USUAL_SHARES
    if share < low:
        return f"{share:.1%} of the work is less than the usual {low:.0%} to {high:.0%}: intervals stay wide for long"
    if share > high:
        return f"{share:.1%} of the work is more than the usual {low:.0%} to {high:.0%}: the check costs more work"
    return None
