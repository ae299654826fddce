"""A sketch of truth and labels: enough to draw both, and to let the crowd judge the truth.

It keeps one frame of a data unit, with a conflict if there is any. Of every drawing it keeps the box with its class and
a few points of its outline, in fractions of the media. It also keeps the answers to single-choice and multiple-choice
questions. It never keeps text or pixels.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import orjson

from benchmark_qa.engine.result import Conflict
from benchmark_qa.labels.annotations import (
    INVISIBLE,
    Annotations,
    Answer,
    Drawings,
    Lines,
    Numbers,
    Rings,
    Runs,
    Skeletons,
)
from benchmark_qa.labels.ontology import AREA_SHAPES, Ontology, Question, QuestionType, Shape

MarkKind = Literal["box", "area", "line", "dots"]


Path = tuple[float, ...]
"""x, y, x, y ... in fractions of the media."""


POINTS_A_PATH = 48


_ROWS_OF_A_MASK = 24


_TOLERANCE = 0.002


_OUTLINE_DECIMALS = 4


class Traced(NamedTuple):
    """One drawing: its box in fractions of the media, and how to draw it."""

    left: float
    top: float
    width: float
    height: float
    kind: MarkKind
    paths: tuple[Path, ...] = ()
    """Outlines of an area, a line, or single points; empty for a box."""


def trace(drawings: Drawings) -> Iterator[Traced | None]:
    """Each drawing in order; None for a drawing that cannot be shown in the plane."""
    geometry = drawings.geometry
    if drawings.shape is Shape.BOUNDING_BOX:
        for left, top, width, height in geometry.tolist():
            yield Traced(left, top, width, height, "box")
    elif drawings.shape is Shape.POINT:
        for point in geometry:
            yield _flat("dots", point[None, :])
    elif isinstance(geometry, Lines):
        for start, end in zip(geometry.offsets[:-1], geometry.offsets[1:], strict=True):
            yield _flat("line", geometry.points[start:end])
    elif isinstance(geometry, Skeletons):
        for start, end in zip(geometry.offsets[:-1], geometry.offsets[1:], strict=True):
            seen = geometry.visibility[start:end] != INVISIBLE
            yield _traced("dots", [geometry.points[start:end][seen]])
    elif drawings.shape in AREA_SHAPES:
        yield from _areas(drawings)
    else:
        yield from (None for _ in range(len(drawings)))


def _flat(kind: MarkKind, points: Numbers) -> Traced | None:
    """A sketch of points (m, 3) in the plane; None if they lie in space."""
    return None if np.isfinite(points[:, 2]).any() else _traced(kind, [points[:, :2]])


def _traced(kind: MarkKind, paths: list[Numbers]) -> Traced | None:
    points = np.concatenate(paths) if paths else np.empty((0, 2))
    if not len(points):
        return None
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return Traced(left, top, right - left, bottom - top, kind, tuple(_path(path) for path in paths))


def _path(points: Numbers) -> Path:
    """At most `POINTS_A_PATH` points at even steps, including the first and the last."""
    if len(points) > POINTS_A_PATH:
        points = points[np.linspace(0, len(points) - 1, POINTS_A_PATH).round().astype(int)]
    return tuple(points.round(_OUTLINE_DECIMALS).ravel().tolist())


def _areas(drawings: Drawings) -> Iterator[Traced | None]:
    if isinstance(drawings.geometry, Runs):
        for index in range(len(drawings)):
            yield _traced("area", [_silhouette(drawings.geometry, index)])
        return
    import shapely  # noqa: PLC0415 - boxes need none

    from benchmark_qa.labels.outlines import outlines  # noqa: PLC0415

    media = np.where(np.isfinite(drawings.media) & (drawings.media > 0), drawings.media, 1.0)
    areas = outlines(drawings, media)
    simple = shapely.simplify(areas, _TOLERANCE * media.min(axis=1))
    for index, area in enumerate(simple):
        parts = [part for part in shapely.get_parts(area) if shapely.get_type_id(part) == shapely.GeometryType.POLYGON]
        rings = [shapely.get_coordinates(shapely.get_exterior_ring(part)) / media[index] for part in parts]
        traced = _traced("area", rings or [shapely.get_coordinates(area) / media[index]])
        if traced is not None and isinstance(drawings.geometry, Rings):
            traced = _about(drawings.geometry, index, traced)
        yield traced


def _about(rings: Rings, index: int, traced: Traced) -> Traced:
    """The drawing with the box of the polygon's own points; its simplified outline may be smaller."""
    points = rings.points[rings.point_offsets[index] : rings.point_offsets[index + 1]]
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return Traced(left, top, right - left, bottom - top, traced.kind, traced.paths)


def _silhouette(runs: Runs, index: int) -> Numbers:
    """The left and right edge of a mask, row by row (m, 2); holes and gaps within a row are not visible."""
    if runs.size is None:
        return np.empty((0, 2))
    height, width = (int(number) for number in runs.size[index])
    chosen = slice(runs.offsets[index], runs.offsets[index + 1])
    starts, ends = runs.starts[chosen].astype(np.int64), runs.ends[chosen].astype(np.int64) - 1
    first, last = starts // width, ends // width
    left, right = np.full(height, np.inf), np.full(height, -np.inf)
    np.minimum.at(left, first, starts % width)
    np.maximum.at(right, last, ends % width + 1)
    goes_on = np.zeros(height + 1, np.int64)  # runs that continue in the next row
    np.add.at(goes_on, first, 1)
    np.add.at(goes_on, last, -1)
    right[np.cumsum(goes_on)[:-1] > 0] = width
    left[1:][np.cumsum(goes_on)[:-2] > 0] = 0
    rows = np.flatnonzero(np.isfinite(left))
    if not len(rows):
        return np.empty((0, 2))
    kept = rows[np.unique(np.linspace(0, len(rows) - 1, _ROWS_OF_A_MASK).round().astype(int))]
    # The upper edge of each row, then the lower edge of the last row.
    down = [(left[row], row) for row in kept] + [(left[rows[-1]], rows[-1] + 1)]
    up = [(right[rows[-1]], rows[-1] + 1)] + [(right[row], row) for row in kept[::-1]]
    return np.array(down + up, float) / (width, height)


MARKS_KEPT = 300
"""Drawings of one side that are kept; `left_out` counts the others."""


POINTS_KEPT = 3_000
"""Outline points of one side that are kept; later drawings keep their box only."""


_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Mark:
    """One drawing: its axis-parallel box in fractions of the media's width and height, and its outline."""

    feature: str
    left: float
    top: float
    width: float
    height: float
    kind: MarkKind = "box"
    paths: tuple[Path, ...] = ()
    """Empty for a box, and if only the drawing's box is kept."""
    instance: str = ""
    """Object hash; empty in records older than this field."""

    @property
    def is_area(self) -> bool:
        """Whether the drawing's box tells how much of the media it covers."""
        return self.kind in ("box", "area")

    def to_row(self) -> list[Any]:
        """A JSON list of the fields; default values at the end are left out."""
        row = [self.feature, self.left, self.top, self.width, self.height, self.instance]
        return row if self.kind == "box" else [*row, self.kind, [list(path) for path in self.paths]]

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Self:
        """The inverse of `to_row`."""
        feature, left, top, width, height, *rest = row
        instance = rest[0] if rest else ""
        kind: MarkKind = rest[1] if len(rest) > 1 else "box"
        paths: Sequence[Sequence[float]] = rest[2] if len(rest) > 1 else ()
        return cls(feature, left, top, width, height, kind, tuple(map(tuple, paths)), instance)


@dataclass(frozen=True, slots=True)
class Answered:
    """The answers of truth and labels to one question; None if unanswered."""

    question_hash: str
    question: str
    truth: str | None
    given: str | None


@dataclass(frozen=True, slots=True)
class Sketch:
    """Drawings and answers of truth and labels on one frame."""

    frame: int = 0
    frames: int = 1
    """Number of frames with a drawing on either side."""
    aspect: float | None = None
    """Width over height of the media; None if the label row does not contain it."""
    truth: tuple[Mark, ...] = ()
    labels: tuple[Mark, ...] = ()
    answers: tuple[Answered, ...] = ()
    left_out: int = 0
    """Drawings of this frame that are not kept: too many, or not in the plane."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return {
            "frame": self.frame,
            "frames": self.frames,
            "aspect": self.aspect,
            "truth": [mark.to_row() for mark in self.truth],
            "labels": [mark.to_row() for mark in self.labels],
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
            truth=tuple(map(Mark.from_row, data["truth"])),
            labels=tuple(map(Mark.from_row, data["labels"])),
            answers=tuple(Answered(**answer) for answer in data["answers"]),
            left_out=data["left_out"],
        )


def packed_json(text: str) -> bytes:
    """JSON text, compressed quickly."""
    return zlib.compress(text.encode(), 1)


def unpacked_json(content: bytes) -> dict[str, Any]:
    """The JSON object that `packed_json` has compressed."""
    decoded: dict[str, Any] = orjson.loads(zlib.decompress(content))
    return decoded


@dataclass(frozen=True, slots=True)
class PackedSketch:
    """A sketch as compressed JSON, a tenth of the memory: a report holds those of a whole project."""

    content: bytes

    @classmethod
    def of(cls, text: str) -> Self:
        """Pack the JSON text of `Sketch.to_dict`."""
        return cls(packed_json(text))

    def unpack(self) -> Sketch:
        """The sketch, decoded anew at each call."""
        return Sketch.from_dict(unpacked_json(self.content))


def sketch_of(
    truth: Annotations, labels: Annotations, ontology: Ontology, conflicts: Sequence[Conflict] = ()
) -> Sketch:
    """The sketch of the frame with the most conflicts, and of the answers.

    Without conflicts it shows the frame with the most truth drawings.

    Args:
        truth, labels: both sides.
        ontology: of both sides.
        conflicts: the conflicts of the score.
    """
    frames = _frames(truth)
    given = _frames(labels)
    all_frames = sorted({*frames, *given})
    frame = _worst(conflicts, all_frames, frames)
    if frame is None:
        frame = _busiest(frames or given)
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


def _frames(side: Annotations) -> dict[int, int]:
    """Number of drawings by frame."""
    counts: dict[int, int] = {}
    for drawings in side.drawings.values():
        for frame, number in zip(*np.unique(drawings.frame, return_counts=True), strict=True):
            counts[int(frame)] = counts.get(int(frame), 0) + int(number)
    return counts


def _busiest(counts: Mapping[int, int]) -> int:
    return min(counts, key=lambda frame: (-counts[frame], frame), default=0)


def _worst(conflicts: Sequence[Conflict], drawn: Sequence[int], truth: Mapping[int, int]) -> int | None:
    """The frame with the most visible conflicts; of several, the one with the most truth drawings."""
    places = np.array(drawn, dtype=np.int64)
    changes = np.zeros(len(places) + 1, dtype=np.int64)
    for conflict in conflicts:
        first = conflict.frame
        if first is not None:
            last = first if conflict.last_frame is None else conflict.last_frame
            changes[np.searchsorted(places, first)] += 1
            changes[np.searchsorted(places, last, side="right")] -= 1
    faults = np.cumsum(changes[:-1])
    if not len(faults) or not faults.max():
        return None
    worst: list[int] = places[faults == faults.max()].tolist()
    return max(worst, key=lambda frame: (truth.get(frame, 0), -frame))


def _drawn(side: Annotations, frame: int) -> int:
    return sum(int(np.count_nonzero(drawings.frame == frame)) for drawings in side.drawings.values())


def _marks(side: Annotations, ontology: Ontology, frame: int) -> Iterator[Mark]:
    points = 0
    for drawings in side.drawings.values():
        here = drawings.take(np.flatnonzero(drawings.frame == frame)[: MARKS_KEPT + 1])
        for row, traced in enumerate(trace(here)):
            if traced is None:
                continue
            points += sum(map(len, traced.paths)) // 2
            left, top, width, height = (round(value, _DECIMALS) for value in traced[:4])
            yield Mark(
                feature=ontology.objects[int(here.feature[row])].name,
                left=left,
                top=top,
                width=width,
                height=height,
                kind=traced.kind,
                paths=traced.paths if points <= POINTS_KEPT else (),
                instance=side.instances[int(here.instance[row])],
            )


def _aspect(side: Annotations) -> float | None:
    for drawings in side.drawings.values():
        known = drawings.media[np.isfinite(drawings.media).all(axis=1)]
        if len(known) and known[0, 1] > 0:
            return round(float(known[0, 0] / known[0, 1]), _DECIMALS)
    return None


def _answers(truth: Annotations, labels: Annotations, ontology: Ontology) -> Iterator[Answered]:
    """Questions of classifications with at most one instance per side; with more, the pairing is unknown."""
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
