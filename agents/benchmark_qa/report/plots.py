"""The plots of the report's page, and drawings of truth and labels without pixels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from markupsafe import Markup

from benchmark_qa.engine.pairs import SLACK
from benchmark_qa.page.svg import ACCENT, BAD, GOOD, SOFT, WARN, Plot, count_ticks, even_ticks
from benchmark_qa.page.template import NAMES
from benchmark_qa.quality.breakdown import Group
from benchmark_qa.quality.leaderboard import Leaderboard
from benchmark_qa.quality.verdict import Verdict
from benchmark_qa.records.score import UNMATCHED
from benchmark_qa.records.sketch import Mark, MarkKind, Path, Sketch
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


Rectangle = tuple[float, float, float, float]
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


def _known(place: float, interval: Interval) -> Rectangle | None:
    if interval.estimate is None or interval.low is None or interval.high is None:
        return None
    return float(place), interval.estimate, interval.low, interval.high


def _moved_aside(points: Sequence[Rectangle]) -> list[Rectangle]:
    """Shift each point a little: many annotators have the same number of tasks."""
    return [
        (x * (1.0 + _ASIDE * (number * _GOLDEN % 1.0 - 0.5)), estimate, low, high)
        for number, (x, estimate, low, high) in enumerate(points)
    ]


def _floor(points: Sequence[Rectangle]) -> float:
    return max(min(low for *_, low, _ in points) - 0.05, -0.02)


def _shares(up: tuple[float, float]) -> list[tuple[float, str]]:
    return [(value, f"{value:g}") for value in even_ticks(max(up[0], 0.0), up[1])]


SMALLEST_VIEW = 0.3
"""Least share of the media's height that is shown, so that one box does not fill the drawing"""


_MARGIN = 0.08


_MATCH_FROM = 0.5


@dataclass(frozen=True)
class DrawnObject:
    """One object with its rectangle, in units of the media's height."""

    left: float
    top: float
    width: float
    height: float
    feature: str
    alone: bool = False
    """Whether it has no match on the other side"""
    kind: MarkKind = "box"
    path: str = ""
    """Path of the SVG; if empty, only the rectangle is drawn"""


@dataclass(frozen=True)
class Picture:
    """The boxes to draw, and the part of the media that is shown."""

    view: str
    """`viewBox` of the SVG"""
    frame: DrawnObject
    truth: tuple[DrawnObject, ...]
    labels: tuple[DrawnObject, ...]
    pointed: tuple[DrawnObject, ...] = ()
    """Boxes to point at"""

    @property
    def words(self) -> str:
        """Description of the drawing for screen readers."""
        missed = sum(box.alone for box in self.truth)
        extra = sum(box.alone for box in self.labels)
        return (
            f"{len(self.truth)} in the ground truth, {len(self.labels)} in the labels; "
            f"{missed} of the truth unmatched, {extra} of the labels unmatched"
        )


def draw(
    sketch: Sketch, pointed: Iterable[tuple[float, ...]] = (), conflicts: Sequence[Mapping[str, Any]] = ()
) -> Picture | None:
    """The drawing of a sketch; None if neither side holds anything to draw.

    Args:
        sketch: of both sides.
        pointed: boxes to point at.
        conflicts: of the score, as `Conflict.to_dict` gives them: objects that they name have no match.
    """
    aspect = sketch.aspect or 16 / 9
    lonely = _unmatched(conflicts, sketch.frame)
    spots = tuple(DrawnObject(box[0] * aspect, box[1], box[2] * aspect, box[3], "") for box in pointed)
    if not (sketch.truth or sketch.labels or spots):
        return None
    truth = tuple(_box(mark, aspect, sketch.labels, lonely["truth_object"]) for mark in sketch.truth)
    labels = tuple(_box(mark, aspect, sketch.truth, lonely["label_object"]) for mark in sketch.labels)
    return Picture(
        view=_view(spots or [*truth, *labels], aspect),
        frame=DrawnObject(0.0, 0.0, aspect, 1.0, ""),
        truth=truth,
        labels=labels,
        pointed=spots,
    )


def _unmatched(conflicts: Iterable[Mapping[str, Any]], frame: int) -> dict[str, set[str]]:
    """Objects without a match on the frame, by side."""
    here = [each for each in conflicts if each["kind"] in UNMATCHED and _is_on(frame, each)]
    return {side: {each[side] for each in here if each.get(side)} for side in ("truth_object", "label_object")}


def _is_on(frame: int, conflict: Mapping[str, Any]) -> bool:
    first = conflict.get("frame")
    last = conflict.get("last_frame")
    return first is None or first <= frame <= (first if last is None else last)


def _box(mark: Mark, aspect: float, others: Iterable[Mark], unmatched: set[str]) -> DrawnObject:
    """One mark as a box; the score says whether it has no match, in older records the boxes do."""
    alone = mark.instance in unmatched if mark.instance else not any(_fits(mark, other) for other in others)
    return DrawnObject(
        left=mark.left * aspect,
        top=mark.top,
        width=mark.width * aspect,
        height=mark.height,
        feature=mark.feature,
        alone=alone,
        kind=mark.kind,
        path="".join(_path(path, mark.kind, aspect) for path in mark.paths),
    )


def _path(path: Path, kind: MarkKind, aspect: float) -> str:
    """A closed outline, an open line, or a dot for each point: a line of length 0 with round ends."""
    points = [f"{x * aspect:.4f} {y:.4f}" for x, y in zip(path[::2], path[1::2], strict=True)]
    if kind == "dots":
        return "".join(f"M{point}h0" for point in points)
    return f"M{'L'.join(points)}{'Z' if kind == 'area' else ''}"


def _fits(mark: Mark, other: Mark) -> bool:
    return other.feature == mark.feature and _iou(mark, other) >= _MATCH_FROM - SLACK


def _iou(one: Mark, other: Mark) -> float:
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one.width * one.height + other.width * other.height - shared)


def _view(boxes: Sequence[DrawnObject], aspect: float) -> str:
    """The part of the media around the boxes, with the media's aspect ratio."""
    left = min(box.left for box in boxes) - _MARGIN
    right = max(box.left + box.width for box in boxes) + _MARGIN
    top = min(box.top for box in boxes) - _MARGIN
    bottom = max(box.top + box.height for box in boxes) + _MARGIN
    height = min(max(bottom - top, (right - left) / aspect, SMALLEST_VIEW), 1.0)
    width = height * aspect
    x = min(max((left + right - width) / 2, 0.0), aspect - width)
    y = min(max((top + bottom - height) / 2, 0.0), 1.0 - height)
    return f"{x:.4f} {y:.4f} {width:.4f} {height:.4f}"
