"""The size of a benchmark: from a share of the items, the people's work, or the width of an interval."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from benchmark_qa.errors import RefusalError
from benchmark_qa.stats.intervals import RatioTotals

USUAL_SHARES = (0.05, 0.15)
"""Usual share of benchmark tasks: below, intervals stay wide; above, the check costs too much"""


MOST_TASKS = 1_000_000


class WidthUnreachableError(ValueError):
    """No number of tasks gives an interval that narrow."""


@dataclass(frozen=True, slots=True)
class Crew:
    """Number of annotators, and how many of them get the same benchmark item."""

    annotators: int
    annotators_per_item: int
    """The consensus block's number; at most all annotators"""


@dataclass(frozen=True, slots=True)
class Pool:
    """Number of items, with one line for each step of the calculation."""

    items: int
    tasks_each: int | None
    """Benchmark tasks per annotator; None: the amount of work is not given"""
    because: tuple[str, ...]


def tasks_for_width(width: float, width_at: Callable[[int], float]) -> int:
    """The smallest number of tasks whose interval has at most this width.

    Args:
        width: from the low to the high end.
        width_at: width of the interval after a number of tasks; decreasing.

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
    """The pool from which every annotator can get `tasks_each` items without meeting one twice.

    n annotators with m benchmark tasks each need n · m / k items if k annotators get the same item, and never fewer
    than m.

    Args:
        crew: the annotators.
        tasks_each: benchmark tasks per annotator.
        spare: additional share, for items that will be excluded or retired.
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
    """A remark about a share of benchmark tasks outside the usual 5 to 15 %; None if it is usual."""
    low, high = USUAL_SHARES
    if share < low:
        return f"{share:.1%} of the work is less than the usual {low:.0%} to {high:.0%}: intervals stay wide for long"
    if share > high:
        return f"{share:.1%} of the work is more than the usual {low:.0%} to {high:.0%}: the check costs more work"
    return None


USUAL_SHARE = 0.1
"""Default share of benchmark tasks"""


class SizeUnclear(RefusalError):
    """The size options contradict each other, or are too few."""


@dataclass(frozen=True, slots=True)
class SizeOptions:
    """The size options of a benchmark; None: not given."""

    count: int | None = None
    share: float | None = None
    """Share of benchmark tasks in an annotator's work; without annotators, share of the available items"""
    interval_width: float | None = None
    expected: float = 0.85
    """Expected mean score of an annotator, for the interval"""
    annotators: int | None = None
    tasks_each: int | None = None
    """Tasks of an annotator while the pool is used, including benchmark tasks"""
    per_item: int | None = None
    """Annotators who get the same item; None: all of them"""
    spare: float = 0.1


def interval_width(tasks: int, expected: float) -> float:
    """Width of the 95 % interval of an annotator's mean score after `tasks` tasks, in the worst case.

    The worst case for a given mean: every task is wholly right or wholly wrong. The interval is the report's own
    (docs/statistics/intervals.md); real labels give a narrower one.
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
    """The benchmark tasks that an annotator needs for an interval of that width, with the explanation.

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
    """The given share of the available items, rounded up."""
    items = ceil(there * share - 1e-9)
    unusual = unusual_share(share)
    because = [f"{share:.1%} of {there:,} items: {items:,}", *([unusual] if unusual else [])]
    return Pool(items, None, tuple(because))


def pool_for(size: SizeOptions, there: int) -> Pool:
    """How many of the available items a benchmark needs, with the explanation.

    Raises:
        SizeUnclear: the options contradict each other, or the amount of work is missing.
    """
    if size.count is not None:
        return Pool(size.count, None, (f"{size.count:,} items, as asked",))
    if size.interval_width is not None and size.share is not None:
        raise SizeUnclear("a share and an interval both say how many benchmark tasks an annotator gets: give one")
    if size.interval_width is None and size.annotators is None:
        return pool_of_share(there, size.share if size.share is not None else USUAL_SHARE)
    return _pool_of_crew(size)


def _pool_of_crew(size: SizeOptions) -> Pool:
    """The items that give everybody enough tasks without meeting an item twice."""
    each, because = _tasks_each(size)
    unusual = unusual_share(each / size.tasks_each) if size.tasks_each else None
    crew = Crew(size.annotators or 1, size.per_item or size.annotators or 1)
    pool = items_for(crew, each, spare=size.spare)
    return Pool(pool.items, each, (because, *([unusual] if unusual else []), *pool.because))


def _tasks_each(size: SizeOptions) -> tuple[int, str]:
    """Benchmark tasks per annotator, with the explanation."""
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
