"""A label row as images with objects on them: what COCO, YOLO and tables are made of."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agents.interchange.regions import Region, regions_of
from agents.labels import Annotations, Ontology, read_label_row
from agents.labels.annotations import ROW, Answers, Drawings, Span
from agents.labels.frames import UNFRAMED, Frame, data_type, frames
from agents.labels.ontology import RANGE_SHAPES, Shape

Readable = dict[str, str | float | list[str]]
"""Answers by the name of the question, options by their labels"""


@dataclass(frozen=True, slots=True)
class PlacedObject:
    """One object on one image."""

    feature: int
    """Index into `Ontology.objects`"""
    shape: Shape
    object_hash: str
    region: Region | None
    """None: the shape has none, or the image's size is not known"""
    attributes: Readable
    drawing: Mapping[str, Any]
    """Encord's JSON of it"""

    @property
    def creator(self) -> str | None:
        """E-mail of who drew it, where the label row says so."""
        creator = self.drawing.get("createdBy")
        return creator if isinstance(creator, str) and creator else None

    @property
    def confidence(self) -> float | None:
        """Where one is given."""
        confidence = self.drawing.get("confidence")
        return float(confidence) if isinstance(confidence, int | float) else None


@dataclass(slots=True)
class LabelledImage:
    """An image, or one frame of something that has several."""

    space: str
    """Member of a data group, stream of a scene; empty for the data unit itself"""
    frame: int
    width: int | None
    height: int | None
    objects: list[PlacedObject] = field(default_factory=list)
    classifications: Readable = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Given:
    """One classification instance, and where it holds."""

    feature: int
    """Index into `Ontology.classifications`"""
    classification_hash: str
    space: str
    spans: tuple[Span, ...]
    """Empty: the whole data unit"""
    answers: Readable


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """One label row."""

    images: tuple[LabelledImage, ...]
    """In order of space and frame. Of what has frames, those with labels; of images, all"""
    elsewhere: tuple[PlacedObject, ...]
    """Objects on stretches of sound or text: on no image"""
    classifications: tuple[Given, ...]
    instances: Mapping[str, int]
    """Object hash to its class, an index into `Ontology.objects`"""


def read_images(
    row: Mapping[str, Any], ontology: Ontology, size: tuple[float | None, float | None] = (None, None)
) -> LabelledRow:
    """Read a label row.

    Args:
        row: label row JSON.
        ontology: of its project.
        size: width and height of the data unit, for rows that do not tell.

    Raises:
        LabelReadError: the row is not well formed.
    """
    annotations = read_label_row(row, ontology)
    drawn = list(frames(row, ontology))
    found = list(_placed(drawn, annotations, ontology, size))
    given = tuple(
        Given(item.feature, item.hash, item.space, item.spans, readable_answers(item.answers, ontology))
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
        image.classifications = _holding(given, image)
    return LabelledRow(
        tuple(images[place] for place in sorted(images)),
        tuple(sorted(elsewhere, key=lambda item: (item.feature, item.object_hash))),
        tuple(sorted(given, key=lambda item: (item.feature, item.classification_hash, item.space))),
        {item.object_hash: item.feature for _, item in found},
    )


def _placed(
    found: Sequence[Frame], annotations: Annotations, ontology: Ontology, size: tuple[float | None, float | None]
) -> Iterator[tuple[tuple[str, int], PlacedObject]]:
    """Every drawing with its place, shape by shape."""
    drawn = _drawings_by_shape(found, continuous=annotations.events is not None)
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
            answers = _answers_at(annotations, instance, *place)
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
    """The JSON of the drawings, in the order in which `read_label_row` makes its arrays of them."""
    by_shape: dict[str, list[Mapping[str, Any]]] = {}
    for frame in found:
        for drawing in frame.objects:
            ended = continuous and frame.space == ROW and drawing.get("event") == "delete"
            if not drawing.get("isDeleted") and not ended:
                by_shape.setdefault(drawing["shape"], []).append(drawing)
    return by_shape


def _media(drawings: Drawings, annotations: Annotations, size: tuple[float | None, float | None]) -> Any:
    """Width and height in pixels of each drawing's image; the data unit's where the row does not tell."""
    if None in size or not np.isnan(drawings.media).any():
        return drawings.media
    own = (drawings.space == annotations.spaces.index(ROW))[:, None]
    return np.where(np.isnan(drawings.media) & own, np.array(size, np.float64), drawings.media)


def _answers_at(annotations: Annotations, instance: int, space: str, frame: int) -> Answers:
    fixed = annotations.attributes.get(instance, {})
    moving = {
        given.question: given.answer
        for given in annotations.dynamic_attributes.get(instance, ())
        if given.space in (None, space) and _within(given.spans, frame)
    }
    return {**fixed, **moving} if moving else fixed


def readable_answers(answers: Answers, ontology: Ontology) -> Readable:
    """Answers by the name of their question; of two questions with one name the second has its hash added."""
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


def _holding(given: Sequence[Given], image: LabelledImage) -> Readable:
    """The answers that hold on an image."""
    found: Readable = {}
    for item in sorted(given, key=lambda item: (item.feature, item.classification_hash)):
        if item.space == image.space and (not item.spans or _within(item.spans, image.frame)):
            for name, answer in item.answers.items():
                found.setdefault(name, answer)
    return found


def _within(spans: Sequence[Span], frame: int) -> bool:
    return any(first <= frame <= last for first, last in spans)


def _on_range(frame: Frame) -> bool:
    return any(drawing.get("shape") in RANGE_SHAPES for drawing in frame.objects)


def _pixels(frame: Frame, size: tuple[float | None, float | None]) -> tuple[int | None, int | None]:
    width, height = (None if np.isnan(side) else int(side) for side in frame.size)
    if (width is None or height is None) and frame.space == ROW:
        return tuple(int(side) if side else None for side in size)  # type: ignore[return-value]
    return width, height
