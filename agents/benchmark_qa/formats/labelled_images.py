"""A label row as images with objects, the input of the COCO, YOLO and table writers."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmark_qa.formats.regions import Region, regions_of
from benchmark_qa.labels.annotations import ROW, Annotations, Answers, Drawings, Span
from benchmark_qa.labels.frames import UNFRAMED, Frame, data_type, frames
from benchmark_qa.labels.ontology import RANGE_SHAPES, Ontology, Shape
from benchmark_qa.labels.reader import read_label_row

Readable = dict[str, str | float | list[str]]
"""Answers by the question's name; options by their labels."""


@dataclass(frozen=True, slots=True)
class PlacedObject:
    """One object on one image."""

    feature: int
    """Index into `Ontology.objects`."""
    shape: Shape
    object_hash: str
    region: Region | None
    """None if the shape has none, or the image's size is unknown."""
    attributes: Readable
    drawing: Mapping[str, Any]
    """The drawing in Encord's JSON."""

    @property
    def creator(self) -> str | None:
        """E-mail of the creator, if the label row contains it."""
        creator = self.drawing.get("createdBy")
        return creator if isinstance(creator, str) and creator else None

    @property
    def confidence(self) -> float | None:
        """The confidence, if there is one."""
        confidence = self.drawing.get("confidence")
        return float(confidence) if isinstance(confidence, int | float) else None


@dataclass(slots=True)
class LabelledImage:
    """An image, or one frame of a data unit with frames."""

    space: str
    """Member of a data group, or stream of a scene; empty for the data unit itself."""
    frame: int
    width: int | None
    height: int | None
    objects: list[PlacedObject] = field(default_factory=list)
    classifications: Readable = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """One classification instance and its spans."""

    feature: int
    """Index into `Ontology.classifications`."""
    classification_hash: str
    space: str
    spans: tuple[Span, ...]
    """Empty for the whole data unit."""
    answers: Readable


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """One label row as images, classifications and objects outside images."""

    images: tuple[LabelledImage, ...]
    """By space and frame: all images, but only frames with labels."""
    elsewhere: tuple[PlacedObject, ...]
    """Objects on ranges of audio or text, without an image."""
    classifications: tuple[GivenAnswer, ...]
    instances: Mapping[str, int]
    """Object hash to class, as an index into `Ontology.objects`."""


def read_images(
    row: Mapping[str, Any], ontology: Ontology, size: tuple[float | None, float | None] = (None, None)
) -> LabelledRow:
    """Read a label row.

    Args:
        row: label row JSON.
        ontology: ontology of its project.
        size: width and height of the data unit, for rows without them.

    Raises:
        LabelReadError: the row is not well formed.
    """
    annotations = read_label_row(row, ontology)
    drawn = list(frames(row, ontology))
    found = list(_placed(drawn, annotations, ontology, size))
    given = tuple(
        GivenAnswer(item.feature, item.hash, item.space, item.spans, readable_answers(item.answers, ontology))
        for item in annotations.classifications
    )
    images: dict[tuple[str, int], LabelledImage] = {}
    unframed = data_type(row) in UNFRAMED
    for frame in drawn:
        if not _on_range(frame) and not (unframed and frame.space == ROW):
            width, height = _pixels(frame, size)
            images.setdefault((frame.space, frame.number), LabelledImage(frame.space, frame.number, width, height))
    elsewhere = []
    for place, item in found:
        if place in images:
            images[place].objects.append(item)
        else:
            elsewhere.append(item)
    for image in images.values():
        image.objects.sort(key=lambda item: (item.feature, item.object_hash))
    _answer(images, given)
    return LabelledRow(
        tuple(images[place] for place in sorted(images)),
        tuple(sorted(elsewhere, key=lambda item: (item.feature, item.object_hash))),
        tuple(sorted(given, key=lambda item: (item.feature, item.classification_hash, item.space))),
        {item.object_hash: item.feature for _, item in found},
    )


def _placed(
    found: Sequence[Frame], annotations: Annotations, ontology: Ontology, size: tuple[float | None, float | None]
) -> Iterator[tuple[tuple[str, int], PlacedObject]]:
    """Every drawing with its space and frame, shape by shape."""
    drawn = _drawings_by_shape(found, continuous=annotations.events is not None)
    moving = _moving_answers(found, annotations)
    for shape, drawings in annotations.drawings.items():
        regions = regions_of(drawings, _media(drawings, annotations, size))
        rows = zip(
            drawings.space.tolist(),
            drawings.frame.tolist(),
            drawings.feature.tolist(),
            drawings.instance.tolist(),
            regions,
            drawn[shape],
            strict=True,
        )
        for space, frame, feature, instance, region, drawing in rows:
            place = (annotations.spaces[space], frame)
            answers = annotations.attributes.get(instance, {})
            if (instance, *place) in moving:
                answers = {**answers, **moving[instance, *place]}
            yield (
                place,
                PlacedObject(
                    feature,
                    shape,
                    annotations.instances[instance],
                    region,
                    readable_answers(answers, ontology) if answers else {},
                    drawing,
                ),
            )


def _drawings_by_shape(found: Iterable[Frame], *, continuous: bool) -> dict[str, list[Mapping[str, Any]]]:
    """The JSON of the drawings, in the order of the arrays of `read_label_row`."""
    by_shape: dict[str, list[Mapping[str, Any]]] = {}
    for frame in found:
        for drawing in frame.objects:
            ended = continuous and frame.space == ROW and drawing.get("event") == "delete"
            if not drawing.get("isDeleted") and not ended:
                by_shape.setdefault(drawing["shape"], []).append(drawing)
    return by_shape


def _media(drawings: Drawings, annotations: Annotations, size: tuple[float | None, float | None]) -> Any:
    """Width and height in pixels of each drawing's image; the data unit's if the row has none."""
    if None in size or not np.isnan(drawings.media).any():
        return drawings.media
    own = (drawings.space == annotations.spaces.index(ROW))[:, None]
    return np.where(np.isnan(drawings.media) & own, np.array(size, np.float64), drawings.media)


def _moving_answers(found: Iterable[Frame], annotations: Annotations) -> dict[tuple[int, str, int], dict[str, Any]]:
    """Dynamic answers by instance, space and frame; of two answers to one question the last counts."""
    frames_of = _frames_by_space((frame.space, frame.number) for frame in found)
    moving: dict[tuple[int, str, int], dict[str, Any]] = {}
    for instance, answers in annotations.dynamic_attributes.items():
        for given in answers:
            for space in frames_of if given.space is None else (given.space,):
                for frame in _frames_within(frames_of.get(space, ()), given.spans):
                    moving.setdefault((instance, space, frame), {})[given.question] = given.answer
    return moving


def readable_answers(answers: Answers, ontology: Ontology) -> Readable:
    """Answers by the question's name; a second question with the same name has its hash added."""
    found: Readable = {}
    for question_hash, answer in sorted(answers.items()):
        question = ontology.questions[question_hash]
        name = question.name if question.name not in found else f"{question.name} ({question_hash})"
        if isinstance(answer, frozenset):
            found[name] = sorted(question.options[option] for option in answer)
        elif isinstance(answer, str):
            found[name] = question.options.get(answer, answer)
        else:
            found[name] = answer
    return found


def _answer(images: Mapping[tuple[str, int], LabelledImage], given: Iterable[GivenAnswer]) -> None:
    """Put the answers on their images.

    Of two answers to one question the first by class, then by hash, counts.
    """
    frames_of = _frames_by_space(images)
    for item in sorted(given, key=lambda item: (item.feature, item.classification_hash)):
        numbers = frames_of.get(item.space, ())
        for number in _frames_within(numbers, item.spans) if item.spans else numbers:
            found = images[item.space, number].classifications
            for name, answer in item.answers.items():
                found.setdefault(name, answer)


def _frames_by_space(places: Iterable[tuple[str, int]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for space, number in sorted(places):
        found.setdefault(space, []).append(number)
    return found


def _frames_within(numbers: Sequence[int], spans: Sequence[Span]) -> Iterator[int]:
    """The ordered frame numbers that lie in one of the spans; efficient for as many spans as frames."""
    for first, last in spans:
        yield from numbers[bisect_left(numbers, first) : bisect_right(numbers, last)]


def _on_range(frame: Frame) -> bool:
    return any(drawing.get("shape") in RANGE_SHAPES for drawing in frame.objects)


def _pixels(frame: Frame, size: tuple[float | None, float | None]) -> tuple[int | None, int | None]:
    width, height = (None if np.isnan(side) else int(side) for side in frame.size)
    if (width is None or height is None) and frame.space == ROW:
        return tuple(int(side) if side else None for side in size)  # type: ignore[return-value]
    return width, height
