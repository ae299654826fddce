"""The plots of the report's page."""

from collections.abc import Mapping, Sequence
from datetime import date

from markupsafe import Markup

from benchmark_qa.page.names import NAMES
from benchmark_qa.page.svg import ACCENT, BAD, GOOD, SOFT, WARN, Plot, count_ticks, even_ticks
from benchmark_qa.quality.breakdown import Group
from benchmark_qa.quality.leaderboard import Leaderboard
from benchmark_qa.quality.verdict import Verdict
from benchmark_qa.stats.intervals import Interval

_COLOURS: Mapping[Verdict, str] = {
    "too few tasks": SOFT,
    "cannot be said: items not in random order": SOFT,
    "undecided": WARN,
    "above the bar": GOOD,
    "below the bar": BAD,
}
"""Colour of each verdict, in drawing order: those below the bar are drawn last, on top"""
_GOLDEN = 0.618034
_ASIDE = 0.12
_MANY = 150
"""Annotators from which points are drawn small and thin"""
Known = tuple[float, float, float, float]
"""Tasks or day, estimate, low end, high end"""


def overview_plot(board: Leaderboard) -> Markup | None:
    """Each annotator's verdict figure with its interval, over the number of tasks."""
    people = sorted(board.verdicts.people.items())
    shown = [(person.words, point) for _, person in people if (point := _known(person.figure.n, person.figure))]
    if not shown:
        return None
    tasks = [point[0] for _, point in shown]
    name = NAMES[board.headline]
    plot = Plot(
        label=f"{name} of {len(shown)} annotators with intervals, over their number of tasks",
        width=1200.0,
        height=420.0,
        across=(max(0.8, 0.9 * min(tasks) - 1), 1.1 * max(tasks) + 1),
        up=(_floor([point for _, point in shown]), 1.02),
        is_logarithmic=True,
        right=60.0,
    )
    plot.name_across([(count, f"{count:,}") for count in count_ticks(*plot.across)], "tasks (logarithmic)")
    plot.name_up(_shares(plot.up), name)
    plot.level(board.bar.threshold, "the bar")
    is_crowded = len(shown) >= _MANY
    for verdict, colour in _COLOURS.items():
        own = _moved_aside([point for words, point in shown if words == verdict])
        plot.bars([(x, low, high) for x, _, low, high in own], colour, 0.5 if is_crowded else 1.2)
        plot.dots([(x, estimate) for x, estimate, *_ in own], colour, 4.0 if is_crowded else 8.0)
    return plot.svg()


def trend_plot(weeks: Sequence[Group], headline: str, *, threshold: float, name: str, wide: bool) -> Markup | None:
    """The headline figure by week, with its interval; None if there are fewer than two weeks."""
    days = [(date.fromisoformat(week.name), getattr(week.figures, headline)) for week in weeks]
    points = [(day, point) for day, interval in days if (point := _known(day.toordinal(), interval))]
    if len(points) < 2:
        return None
    known = [each for _, each in points]
    first, last = points[0][0], points[-1][0]
    room = 0.03 * (last - first).days
    plot = Plot(
        label=f"{NAMES[headline]} of {name} by week, from {first} to {last}",
        width=1200.0 if wide else 540.0,
        height=320.0 if wide else 240.0,
        across=(first.toordinal() - room, last.toordinal() + room),
        up=(min(_floor(known), threshold - 0.05), 1.02),
    )
    named = [day for day, _ in points][::-1][:: -(-len(points) // (8 if wide else 4))][::-1]
    plot.name_across([(day.toordinal(), f"{day:%d %b}".lstrip("0")) for day in named])
    plot.name_up(_shares(plot.up), NAMES[headline])
    plot.band([(x, low, high) for x, _, low, high in known], ACCENT)
    plot.level(threshold)
    plot.line([(x, estimate) for x, estimate, *_ in known], ACCENT)
    plot.dots([(x, estimate) for x, estimate, *_ in known], ACCENT, 7.0)
    return plot.svg()


def _known(place: float, interval: Interval) -> Known | None:
    if interval.estimate is None or interval.low is None or interval.high is None:
        return None
    return float(place), interval.estimate, interval.low, interval.high


def _moved_aside(points: Sequence[Known]) -> list[Known]:
    """Shift each point a little: many annotators have the same number of tasks."""
    return [
        (x * (1.0 + _ASIDE * (number * _GOLDEN % 1.0 - 0.5)), estimate, low, high)
        for number, (x, estimate, low, high) in enumerate(points)
    ]


def _floor(points: Sequence[Known]) -> float:
    return max(min(low for *_, low, _ in points) - 0.05, -0.02)


def _shares(up: tuple[float, float]) -> list[tuple[float, str]]:
    return [(value, f"{value:g}") for value in even_ticks(max(up[0], 0.0), up[1])]
