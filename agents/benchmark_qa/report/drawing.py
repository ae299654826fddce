"""A small drawing of truth and labels, without the image: the report holds no pixels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark_qa.engine.assignment import SLACK
from benchmark_qa.records.conflicts import UNMATCHED
from benchmark_qa.records.sketch import Kind, Mark, Path, Sketch

SMALLEST_VIEW = 0.3
"""Least share of the media's height that is shown, so that one box does not fill the drawing"""
_MARGIN = 0.08
_MATCH_FROM = 0.5


@dataclass(frozen=True)
class Box:
    """One object with its rectangle, in units of the media's height."""

    left: float
    top: float
    width: float
    height: float
    feature: str
    alone: bool = False
    """Whether it has no match on the other side"""
    kind: Kind = "box"
    path: str = ""
    """Path of the SVG; if empty, only the rectangle is drawn"""


@dataclass(frozen=True)
class Drawing:
    """The boxes to draw, and the part of the media that is shown."""

    view: str
    """`viewBox` of the SVG"""
    frame: Box
    truth: tuple[Box, ...]
    labels: tuple[Box, ...]
    pointed: tuple[Box, ...] = ()
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
) -> Drawing | None:
    """The drawing of a sketch; None if neither side holds anything to draw.

    Args:
        sketch: of both sides.
        pointed: boxes to point at.
        conflicts: of the score, as `Conflict.to_dict` gives them: objects that they name have no match.
    """
    aspect = sketch.aspect or 16 / 9
    lonely = _unmatched(conflicts, sketch.frame)
    spots = tuple(Box(box[0] * aspect, box[1], box[2] * aspect, box[3], "") for box in pointed)
    if not (sketch.truth or sketch.labels or spots):
        return None
    truth = tuple(_box(mark, aspect, sketch.labels, lonely["truth_object"]) for mark in sketch.truth)
    labels = tuple(_box(mark, aspect, sketch.truth, lonely["label_object"]) for mark in sketch.labels)
    return Drawing(
        view=_view(spots or [*truth, *labels], aspect),
        frame=Box(0.0, 0.0, aspect, 1.0, ""),
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


def _box(mark: Mark, aspect: float, others: Iterable[Mark], unmatched: set[str]) -> Box:
    """One mark as a box; the score says whether it has no match, in older records the boxes do."""
    alone = mark.instance in unmatched if mark.instance else not any(_fits(mark, other) for other in others)
    return Box(
        left=mark.left * aspect,
        top=mark.top,
        width=mark.width * aspect,
        height=mark.height,
        feature=mark.feature,
        alone=alone,
        kind=mark.kind,
        path="".join(_path(path, mark.kind, aspect) for path in mark.paths),
    )


def _path(path: Path, kind: Kind, aspect: float) -> str:
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


def _view(boxes: Sequence[Box], aspect: float) -> str:
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
