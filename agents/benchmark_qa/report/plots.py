"""Plots as SVG that take the page's colours, light or dark."""

from collections.abc import Sequence
from datetime import date

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from benchmark_qa.page.names import NAMES
from benchmark_qa.page.svg import ACCENT, BAD, GOOD, SOFT, STYLE, WARN, svg
from benchmark_qa.quality.breakdown import Group
from benchmark_qa.quality.leaderboard import Leaderboard, Verdict
from benchmark_qa.stats.intervals import Interval

_VERDICT_COLOURS: dict[Verdict, str] = {
    "too few tasks": SOFT,
    "undecided": WARN,
    "above the bar": GOOD,
    "below the bar": BAD,
}
"""In this order, so that those below the bar are drawn last and seen"""


_GOLDEN = 0.618034


_ASIDE = 0.12


_MANY = 150
"""Annotators from which their points are drawn small and thin"""


def overview_plot(board: Leaderboard) -> Markup | None:
    """Every annotator's headline figure with its interval over the number of tasks."""
    shown = [line for line in board.lines if getattr(line, board.headline).estimate is not None]
    if not shown:
        return None
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(12.0, 4.2))
        figure.subplots_adjust(0.05, 0.12, 0.95, 0.97)
        axes = figure.subplots()
        for verdict, colour in _VERDICT_COLOURS.items():
            _error_bars(axes, [getattr(line, board.headline) for line in shown if line.verdict == verdict], colour)
        axes.axhline(board.bar.threshold, color=SOFT, linewidth=1.2, linestyle=(0, (4, 3)))
        axes.text(1.0, board.bar.threshold, " the bar", color=SOFT, va="center", transform=axes.get_yaxis_transform())
        axes.set_xscale("log")
        _name_counts(axes, min(line.tasks for line in shown), max(line.tasks for line in shown))
        axes.set_xlabel("tasks (logarithmic)")
        axes.set_ylabel(NAMES[board.headline])
        axes.set_ylim(_floor([getattr(line, board.headline) for line in shown]), 1.02)
        label = f"{NAMES[board.headline]} of {len(shown)} annotators with intervals, over their number of tasks"
        return svg(figure, "overview", label)


def trend_plot(
    weeks: Sequence[Group], headline: str, *, threshold: float, name: str, key: str, wide: bool
) -> Markup | None:
    """The headline figure week by week, with its interval; None where there are fewer than two weeks."""
    points = [(date.fromisoformat(week.name), getattr(week.figures, headline)) for week in weeks]
    known = [(day, interval) for day, interval in points if interval.estimate is not None]
    if len(known) < 2:
        return None
    days = [float(day.toordinal()) for day, _ in known]
    label = f"{NAMES[headline]} of {name} by week, from {known[0][0]} to {known[-1][0]}"
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(12.0, 3.2) if wide else (5.4, 2.4))
        figure.subplots_adjust(0.05 if wide else 0.12, 0.1 if wide else 0.13, 0.99, 0.97)
        axes = figure.subplots()
        low, high = [each.low for _, each in known], [each.high for _, each in known]
        axes.fill_between(days, low, high, color=ACCENT, alpha=0.18, linewidth=0)
        axes.plot(days, [each.estimate for _, each in known], color=ACCENT, linewidth=2, marker="o", markersize=4)
        axes.axhline(threshold, color=SOFT, linewidth=1.2, linestyle=(0, (4, 3)))
        axes.set_ylim(min(_floor([each for _, each in known]), threshold - 0.05), 1.02)
        named = _spread(known, 8 if wide else 4)
        axes.set_xticks([float(day.toordinal()) for day in named], [f"{day:%d %b}".lstrip("0") for day in named])
        axes.set_ylabel(NAMES[headline])
        return svg(figure, key, label)


def _spread(known: Sequence[tuple[date, Interval]], most: int) -> list[date]:
    """Some of the weeks, evenly, the last among them."""
    step = -(-len(known) // most)
    return [day for day, _ in known][::-1][::step][::-1]


def _error_bars(axes: Axes, intervals: Sequence[Interval], colour: str) -> None:
    """Annotators with one verdict, each moved aside a little: many have the same number of tasks."""
    known = [(each.n, each.estimate, each.low, each.high) for each in intervals if each.estimate is not None]
    if not known:
        return
    tasks, estimates, low, high = np.array(known, float).T
    aside = np.arange(len(known)) * _GOLDEN % 1.0 - 0.5
    axes.errorbar(
        tasks * (1.0 + _ASIDE * aside),
        estimates,
        yerr=[np.maximum(estimates - low, 0.0), np.maximum(high - estimates, 0.0)],
        fmt="o",
        color=colour,
        markersize=5 if len(known) < _MANY else 2.5,
        elinewidth=1.2 if len(known) < _MANY else 0.4,
        alpha=0.85,
    )


def _name_counts(axes: Axes, least: int, most: int) -> None:
    """Numbers on a logarithmic axis: round ones in a range of less than a decade, else 1, 2 and 5 of each."""
    axes.set_xlim(max(0.8, 0.9 * least - 1), 1.1 * most + 1)
    if most < 10 * least:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, steps=[1, 2, 5, 10]))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if _leads(value) else ""))


def _leads(value: float) -> bool:
    """Minor ticks that are named: 2 and 5 of every decade."""
    return f"{value:.0e}"[0] in "25"


def _floor(intervals: Sequence[Interval]) -> float:
    lowest = min((each.low for each in intervals if each.low is not None), default=0.0)
    return max(lowest - 0.05, -0.02)
