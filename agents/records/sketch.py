"""Just enough of the truth and of the labels to draw both, and to let the crowd judge the truth.

Kept of one frame of a data unit: the box about every bounding box and polygon with its class, in fractions of the
media, and the answers to single-choice and multiple-choice questions. Never a text, never a pixel.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from agents.labels import Annotations, Ontology
from agents.labels.annotations import Answer, Drawings
from agents.labels.geometry import Rings
from agents.labels.ontology import Question, QuestionType, Shape

MARKS_KEPT = 300
"""Drawings of one side that are kept; `left_out` says how many were not."""
_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Mark:
    """The axis-parallel box about one drawing, in fractions of the media's width and height."""

    feature: str
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Answered:
    """One question, answered by the truth and by the labels (None: not answered)."""

    question_hash: str
    question: str
    truth: str | None
    given: str | None


@dataclass(frozen=True, slots=True)
class Sketch:
    """Truth and labels of one frame."""

    frame: int = 0
    frames: int = 1
    """Frames that hold a drawing on either side"""
    aspect: float | None = None
    """Width over height of the media; None where the label row does not tell"""
    truth: tuple[Mark, ...] = ()
    labels: tuple[Mark, ...] = ()
    answers: tuple[Answered, ...] = ()
    left_out: int = 0
    """Drawings of this frame that are not kept: too many, or of a shape that has no box"""

    def to_dict(self) -> dict[str, Any]:
        """JSON types only; a mark is [feature, left, top, width, height]."""
        return {
            "frame": self.frame,
            "frames": self.frames,
            "aspect": self.aspect,
            "truth": [_row(mark) for mark in self.truth],
            "labels": [_row(mark) for mark in self.labels],
            "answers": [asdict(answer) for answer in self.answers],
            "left_out": self.left_out,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(
            frame=data["frame"],
            frames=data["frames"],
            aspect=data["aspect"],
            truth=tuple(Mark(*row) for row in data["truth"]),
            labels=tuple(Mark(*row) for row in data["labels"]),
            answers=tuple(Answered(**answer) for answer in data["answers"]),
            left_out=data["left_out"],
        )


def sketch_of(truth: Annotations, labels: Annotations, ontology: Ontology) -> Sketch:
    """The frame with most of the truth's drawings (the labels', where the truth has none), and the answers."""
    frames = _frames(truth)
    all_frames = sorted({*frames, *_frames(labels)})
    frame = _busiest(frames or _frames(labels))
    true_marks, given_marks = list(_marks(truth, ontology, frame)), list(_marks(labels, ontology, frame))
    drawn = _drawn(truth, frame) + _drawn(labels, frame)
    kept = len(true_marks[:MARKS_KEPT]) + len(given_marks[:MARKS_KEPT])
    return Sketch(
        frame=frame,
        frames=max(len(all_frames), 1),
        aspect=_aspect(truth) or _aspect(labels),
        truth=tuple(true_marks[:MARKS_KEPT]),
        labels=tuple(given_marks[:MARKS_KEPT]),
        answers=tuple(_answers(truth, labels, ontology)),
        left_out=drawn - kept,
    )


def _row(mark: Mark) -> list[str | float]:
    return [mark.feature, mark.left, mark.top, mark.width, mark.height]


def _frames(side: Annotations) -> dict[int, int]:
    """Number of drawings by frame."""
    counts: dict[int, int] = {}
    for drawings in side.drawings.values():
        for frame, number in zip(*np.unique(drawings.frame, return_counts=True), strict=True):
            counts[int(frame)] = counts.get(int(frame), 0) + int(number)
    return counts


def _busiest(counts: Mapping[int, int]) -> int:
    return min(counts, key=lambda frame: (-counts[frame], frame), default=0)


def _drawn(side: Annotations, frame: int) -> int:
    return sum(int(np.count_nonzero(drawings.frame == frame)) for drawings in side.drawings.values())


def _marks(side: Annotations, ontology: Ontology, frame: int) -> Iterator[Mark]:
    for shape, drawings in side.drawings.items():
        for row in np.flatnonzero(drawings.frame == frame)[: MARKS_KEPT + 1]:
            box = _box(shape, drawings, int(row))
            if box is not None:
                yield Mark(ontology.objects[int(drawings.feature[row])].name, *(round(v, _DECIMALS) for v in box))


def _box(shape: Shape, drawings: Drawings, row: int) -> tuple[float, float, float, float] | None:
    """Left, top, width, height; None for a shape of which a box about it says little."""
    geometry = drawings.geometry
    if shape is Shape.BOUNDING_BOX and isinstance(geometry, np.ndarray):
        left, top, width, height = (float(value) for value in geometry[row])
        return left, top, width, height
    if shape is Shape.POLYGON and isinstance(geometry, Rings):
        points = geometry.points[geometry.point_offsets[row] : geometry.point_offsets[row + 1]]
        (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        return left, top, right - left, bottom - top
    return None


def _aspect(side: Annotations) -> float | None:
    for drawings in side.drawings.values():
        known = drawings.media[np.isfinite(drawings.media).all(axis=1)]
        if len(known) and known[0, 1] > 0:
            return round(float(known[0, 0] / known[0, 1]), _DECIMALS)
    return None


def _answers(truth: Annotations, labels: Annotations, ontology: Ontology) -> Iterator[Answered]:
    """Questions that one instance a side answers at most: with more, it is not known which belong together."""
    for feature, asked in enumerate(ontology.classifications):
        sides = [[c.answers for c in side.classifications if c.feature == feature] for side in (truth, labels)]
        if max(map(len, sides)) > 1 or not any(sides):
            continue
        for question in asked.questions:
            true, given = (_label(question, side) for side in sides)
            if true is not None or given is not None:
                yield Answered(question.hash, question.name, true, given)


def _label(question: Question, answers: Sequence[Mapping[str, Answer]]) -> str | None:
    answer = answers[0].get(question.hash) if answers else None
    if question.type is QuestionType.RADIO and isinstance(answer, str):
        return question.options.get(answer, answer)
    if question.type is QuestionType.CHECKLIST and isinstance(answer, frozenset):
        return ", ".join(sorted(question.options.get(option, option) for option in answer))
    return None
