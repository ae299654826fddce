"""Truth against labels as a small drawing, without the image: the report holds no pixels."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agents.records import Mark, Sketch
from agents.scoring.assignment import SLACK

SMALLEST_VIEW = 0.3
"""Share of the media's height that is shown at least, so that one box does not fill the drawing"""
_MARGIN = 0.08
_MATCH_FROM = 0.5


@dataclass(frozen=True)
class Box:
    """A rectangle in the drawing's own units: the media is 1 high."""

    left: float
    top: float
    width: float
    height: float
    feature: str
    alone: bool = False
    """Nothing on the other side fits it"""


@dataclass(frozen=True)
class Drawing:
    """What is drawn, and the part of the media that is shown."""

    view: str
    """`viewBox` of an SVG"""
    frame: Box
    truth: tuple[Box, ...]
    labels: tuple[Box, ...]
    pointed: tuple[Box, ...] = ()
    """Where somebody should look"""

    @property
    def words(self) -> str:
        """The drawing for those who cannot see it."""
        missed = sum(box.alone for box in self.truth)
        extra = sum(box.alone for box in self.labels)
        return (
            f"{len(self.truth)} in the ground truth, {len(self.labels)} in the labels; "
            f"{missed} of the truth unmatched, {extra} of the labels unmatched"
        )


def draw(sketch: Sketch, pointed: Iterable[tuple[float, ...]] = ()) -> Drawing | None:
    """None where neither side holds a box."""
    aspect = sketch.aspect or 16 / 9
    truth = [_scaled(mark, aspect) for mark in sketch.truth]
    labels = [_scaled(mark, aspect) for mark in sketch.labels]
    spots = tuple(Box(box[0] * aspect, box[1], box[2] * aspect, box[3], "") for box in pointed)
    if not (truth or labels or spots):
        return None
    return Drawing(
        view=_view(spots or [*truth, *labels], aspect),
        frame=Box(0.0, 0.0, aspect, 1.0, ""),
        truth=tuple(_lonely(box, labels) for box in truth),
        labels=tuple(_lonely(box, truth) for box in labels),
        pointed=spots,
    )


def _scaled(mark: Mark, aspect: float) -> Box:
    return Box(mark.left * aspect, mark.top, mark.width * aspect, mark.height, mark.feature)


def _lonely(box: Box, others: Iterable[Box]) -> Box:
    fits = any(other.feature == box.feature and _iou(box, other) >= _MATCH_FROM - SLACK for other in others)
    return box if fits else Box(box.left, box.top, box.width, box.height, box.feature, alone=True)


def _iou(one: Box, other: Box) -> float:
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one.width * one.height + other.width * other.height - shared)


def _view(boxes: Sequence[Box], aspect: float) -> str:
    """The part about the boxes, with the media's own proportions."""
    left = min(box.left for box in boxes) - _MARGIN
    right = max(box.left + box.width for box in boxes) + _MARGIN
    top = min(box.top for box in boxes) - _MARGIN
    bottom = max(box.top + box.height for box in boxes) + _MARGIN
    height = min(max(bottom - top, (right - left) / aspect, SMALLEST_VIEW), 1.0)
    width = height * aspect
    x = min(max((left + right - width) / 2, 0.0), aspect - width)
    y = min(max((top + bottom - height) / 2, 0.0), 1.0 - height)
    return f"{x:.4f} {y:.4f} {width:.4f} {height:.4f}"
