"""The ontology for scoring: classes, their shapes and their questions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Self

from benchmark_qa.labels.errors import LabelReadError, word_named


class Shape(StrEnum):
    """The shapes of Encord's ontology."""

    BOUNDING_BOX = "bounding_box"
    ROTATABLE_BOUNDING_BOX = "rotatable_bounding_box"
    POLYGON = "polygon"
    POLYLINE = "polyline"
    POINT = "point"
    SKELETON = "skeleton"
    BITMASK = "bitmask"
    CUBOID = "cuboid"
    CUBOID_2D = "cuboid_2d"
    CIRCLE = "circle"
    ELLIPSE = "ellipse"
    AUDIO = "audio"
    TIME_RANGE = "time_range"
    TEXT = "text"
    SEGMENTATION = "segmentation"


SHAPES = frozenset(shape.value for shape in Shape)
RANGE_SHAPES = frozenset({Shape.AUDIO, Shape.TIME_RANGE, Shape.TEXT})
"""Shapes on a range of time or text, without a frame."""


AREA_SHAPES = frozenset(
    {
        Shape.BOUNDING_BOX,
        Shape.ROTATABLE_BOUNDING_BOX,
        Shape.POLYGON,
        Shape.BITMASK,
        Shape.CIRCLE,
        Shape.ELLIPSE,
        Shape.CUBOID_2D,
    }
)
"""Shapes that cover an area of the image; `benchmark_qa.labels.outlines` computes their outlines."""
PATH_SHAPES = frozenset({Shape.POLYLINE, Shape.POINT, Shape.SKELETON})
"""Shapes without an area: lines and points."""
SPACE_SHAPES = frozenset({Shape.CUBOID, Shape.SEGMENTATION})
"""Shapes in the space of a scene: boxes and points."""


class QuestionType(StrEnum):
    """The type of answer to an attribute or a classification."""

    RADIO = "radio"
    CHECKLIST = "checklist"
    TEXT = "text"
    NUMERIC = "numeric"


QUESTION_TYPES = frozenset(kind.value for kind in QuestionType)


@dataclass(frozen=True, slots=True)
class Question:
    """One attribute: of an object, of a classification, or nested under an option of a radio attribute."""

    hash: str
    name: str
    type: QuestionType
    dynamic: bool = False
    archived: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    """Option hash to label; empty for text and numeric."""
    parent: str | None = None
    """Hash of the radio attribute that this one is nested under."""
    parent_option: str | None = None
    """Hash of the option of `parent` that shows this question."""


@dataclass(frozen=True, slots=True)
class ObjectClass:
    """A class of objects."""

    hash: str
    name: str
    shape: Shape
    archived: bool = False
    questions: tuple[Question, ...] = ()
    """Parents come before children."""


@dataclass(frozen=True, slots=True)
class ClassificationClass:
    """A question about the data unit, a frame, or a range of it; the first of `questions` is the root."""

    hash: str
    name: str
    archived: bool = False
    whole: bool = False
    """True for a classification of level `global`: it applies to the data unit, not to frames."""
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True)
class Ontology:
    """Object classes and classifications, in the order of the ontology."""

    objects: tuple[ObjectClass, ...] = ()
    classifications: tuple[ClassificationClass, ...] = ()

    @classmethod
    def from_editor(cls, editor: Mapping[str, Any]) -> Self:
        """Read the ontology's `editor` JSON, as the platform returns it.

        Raises:
            LabelReadError: a key is missing, or a shape or an attribute type is unknown.
        """
        if not isinstance(editor, Mapping):
            raise LabelReadError("ontology", "is not a JSON object")
        return cls(
            tuple(_object_class(item, f"ontology.objects[{i}]") for i, item in _items(editor, "objects")),
            tuple(
                _classification_class(item, f"ontology.classifications[{i}]")
                for i, item in _items(editor, "classifications")
            ),
        )

    @cached_property
    def object_index(self) -> Mapping[str, int]:
        """Position in `objects` by feature hash."""
        return {item.hash: i for i, item in enumerate(self.objects)}

    @cached_property
    def classification_index(self) -> Mapping[str, int]:
        """Position in `classifications` by feature hash."""
        return {item.hash: i for i, item in enumerate(self.classifications)}

    @property
    def classes(self) -> tuple[ObjectClass | ClassificationClass, ...]:
        """Every class, objects first."""
        return (*self.objects, *self.classifications)

    @cached_property
    def questions(self) -> Mapping[str, Question]:
        """Every question of every class by its hash."""
        return {question.hash: question for item in self.classes for question in item.questions}


def _items(holder: Mapping[str, Any], key: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    items = holder.get(key) or []
    if not isinstance(items, list):
        raise LabelReadError(f"ontology.{key}", "is not a list")
    for index, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise LabelReadError(f"ontology.{key}[{index}]", "is not a JSON object")
        yield index, item


def _text(item: Mapping[str, Any], key: str, place: str) -> str:
    value = item.get(key)
    if not isinstance(value, str):
        raise LabelReadError(place, f"has no {key}")
    return value


def _object_class(item: Mapping[str, Any], place: str) -> ObjectClass:
    shape = _text(item, "shape", place)
    if shape not in SHAPES:
        raise LabelReadError(place, f"shape {word_named(shape)} is not known")
    return ObjectClass(
        hash=_text(item, "featureNodeHash", place),
        name=_text(item, "name", place),
        shape=Shape(shape),
        archived=bool(item.get("archived")),
        questions=tuple(_questions(item.get("attributes"), f"{place}.attributes")),
    )


def _classification_class(item: Mapping[str, Any], place: str) -> ClassificationClass:
    questions = tuple(_questions(item.get("attributes"), f"{place}.attributes"))
    if not questions:
        raise LabelReadError(place, "has no attribute")
    return ClassificationClass(
        hash=_text(item, "featureNodeHash", place),
        name=questions[0].name,
        archived=bool(item.get("archived")),
        whole=item.get("level") == "global",
        questions=questions,
    )


def _questions(items: object, place: str, parent: str | None = None, option: str | None = None) -> Iterator[Question]:
    if items is None:
        return
    if not isinstance(items, list):
        raise LabelReadError(place, "is not a list")
    for index, item in enumerate(items):
        yield from _question(item, f"{place}[{index}]", parent, option)


def _question(item: object, place: str, parent: str | None, option: str | None) -> Iterator[Question]:
    if not isinstance(item, Mapping):
        raise LabelReadError(place, "is not a JSON object")
    kind = _text(item, "type", place)
    if kind not in QUESTION_TYPES:
        raise LabelReadError(place, f"attribute type {word_named(kind)} is not known")
    own = _text(item, "featureNodeHash", place)
    options = list(_items(item, "options"))
    yield Question(
        hash=own,
        name=_text(item, "name", place),
        type=QuestionType(kind),
        dynamic=bool(item.get("dynamic")),
        archived=bool(item.get("archived")),
        options={_text(o, "featureNodeHash", place): str(o.get("label", o.get("value", ""))) for _, o in options},
        parent=parent,
        parent_option=option,
    )
    for index, answer in options:
        # A radio option holds its nested attributes under its own "options".
        yield from _questions(answer.get("options"), f"{place}.options[{index}]", own, str(answer["featureNodeHash"]))
