"""How large a benchmark is to be: a share of the items, or what a crew needs, or an interval of a certain width."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from benchmark_qa.errors import RefusalError
from benchmark_qa.stats.intervals import RatioTotals

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


USUAL_SHARE = 0.1
"""Of benchmark tasks, where nobody has said otherwise"""


class SizeUnclear(RefusalError):
    """What is said about the size contradicts itself, or is too little."""


@dataclass(frozen=True, slots=True)
class Size:
    """What is said about the size of a benchmark; None: nothing."""

    count: int | None = None
    share: float | None = None
    """Of benchmark tasks in an annotator's work; where nobody says who works, of the items there are"""
    interval_width: float | None = None
    expected: float = 0.85
    """Mean score of an annotator, for the interval"""
    annotators: int | None = None
    tasks_each: int | None = None
    """Of an annotator while the pool is to last, benchmark tasks among them"""
    per_item: int | None = None
    """Annotators who get the same item; None: all of them"""
    spare: float = 0.1


def interval_width(tasks: int, expected: float) -> float:
    """Width of the 95 % interval of an annotator's mean score after so many tasks, at worst.

    The widest that scores with this mean can give: every task wholly right or wholly wrong. It is the report's own
    interval (docs/statistics/intervals.md), and what people draw gives a narrower one.
    """
    right = expected * tasks
    totals = RatioTotals(
        tasks=tasks,
        numerator=right,
        denominator=float(tasks),
        numerator_squared=right,
        product=right,
        denominator_squared=float(tasks),
        tasks_with_shortfall=round(tasks - right),
        tasks_with_success=round(right),
    )
    return totals.interval().width or 1.0


def tasks_for_interval(width: float, expected: float) -> tuple[int, str]:
    """The benchmark tasks that an annotator needs for an interval of that width, and why.

    Raises:
        WidthUnreachableError
    """
    tasks = tasks_for_width(width, lambda tasks: interval_width(tasks, expected))
    reached = interval_width(tasks, expected)
    return tasks, (
        f"a 95 % interval of width {width:g} for an annotator whose mean score is {expected:g}: {tasks:,} benchmark "
        f"tasks (width {reached:.3f} at most)"
    )


def pool_of_share(there: int, share: float) -> Pool:
    """A share of the items to choose from, rounded up."""
    items = ceil(there * share - 1e-9)
    unusual = unusual_share(share)
    because = [f"{share:.1%} of {there:,} items: {items:,}", *([unusual] if unusual else [])]
    return Pool(items, None, tuple(because))


def pool_for(size: Size, there: int) -> Pool:
    """How many items a benchmark is to have, of those there are to choose from, and why.

    Raises:
        SizeUnclear: what is asked for contradicts itself, or leaves open how much people work.
    """
    if size.count is not None:
        return Pool(size.count, None, (f"{size.count:,} items, as asked",))
    if size.interval_width is not None and size.share is not None:
        raise SizeUnclear("a share and an interval both say how many benchmark tasks an annotator gets: give one")
    if size.interval_width is None and size.annotators is None:
        return pool_of_share(there, size.share if size.share is not None else USUAL_SHARE)
    return _pool_of_crew(size)


def _pool_of_crew(size: Size) -> Pool:
    """The items from which everybody can be given enough without meeting one twice."""
    each, because = _tasks_each(size)
    unusual = unusual_share(each / size.tasks_each) if size.tasks_each else None
    crew = Crew(size.annotators or 1, size.per_item or size.annotators or 1)
    pool = items_for(crew, each, spare=size.spare)
    return Pool(pool.items, each, (because, *([unusual] if unusual else []), *pool.because))


def _tasks_each(size: Size) -> tuple[int, str]:
    """Benchmark tasks of an annotator, and why."""
    if size.interval_width is not None:
        try:
            each, because = tasks_for_interval(size.interval_width, size.expected)
        except WidthUnreachableError as error:
            raise SizeUnclear(str(error)) from None
        if size.tasks_each is not None and each > size.tasks_each:
            raise SizeUnclear(f"{because}: more than the {size.tasks_each:,} tasks that an annotator does at all")
        return each, because
    if size.tasks_each is None:
        raise SizeUnclear("say how many tasks an annotator does, or how wide the interval may be")
    share = size.share if size.share is not None else USUAL_SHARE
    each = ceil(size.tasks_each * share - 1e-9)
    return each, f"{share:.1%} of the {size.tasks_each:,} tasks of an annotator: {each:,} benchmark tasks"
