"""Labels that will be written to a data unit, in Encord's JSON, without the data unit's own fields."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from benchmark_qa.labels.frames import FLAT

Json = Mapping[str, Any]
ImageSize = tuple[int, int]
"""Width and height in pixels."""

TOLERANCE = 1e-5
"""Share of an image, or degrees, by which two equal places may differ."""
_DIGITS = 9
_GEOMETRIES = (
    "boundingBox", "rotatableBoundingBox", "polygons", "polyline", "point", "bitmask", "circle", "ellipse", "cuboid",
    "cuboid_2d", "segmentation",
)  # fmt: skip
_DEFAULTS: Mapping[str, Json] = {"circle": {"stretch": 1.0, "theta": 0.0}, "ellipse": {"theta": 0.0}}


class LayoutError(ValueError):
    """The labels belong to another kind of data unit."""


@dataclass(frozen=True)
class InputFault:
    """Something that cannot be imported, and the reason."""

    subject: str
    reason: str


@dataclass(frozen=True)
class LabelParts:
    """Labels of one data unit; `units` holds the labels of each image in order, or of the single file.

    Without units there are no labels, for any kind of data unit.
    """

    units: tuple[Json, ...]
    object_answers: Json = field(default_factory=dict)
    classification_answers: Json = field(default_factory=dict)
    object_actions: Json = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether there are no labels."""
        return not (
            self.object_answers or self.classification_answers or any(True for unit in self.units for _ in drawn(unit))
        )


@dataclass(frozen=True)
class Labelled:
    """The labels of a data unit, and the names that may identify it in the target project."""

    name: str
    """The name for messages."""
    parts: LabelParts
    data_hash: str | None = None
    urls: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    """Its name without the extension, if the file gives nothing else."""
    size: ImageSize | None = None
    """Width and height; None if unknown or not an image."""
    annotated: bool = True
    """False if the file does not mention the image, not even as empty."""


@dataclass(frozen=True)
class LabelReading:
    """The content of a file, or of another project, converted for an ontology."""

    labelled: tuple[Labelled, ...]
    faults: tuple[InputFault, ...] = ()
    left_out: tuple[str, ...] = ()
    """Content that is no label and is left out, in words with the numbers."""


def parts_of(document: Json) -> LabelParts:
    """The labels of a label row, as Encord serves and exports it.

    Raises:
        LayoutError: the row has labels in the spaces of a data group or a scene, which cannot be moved elsewhere.
    """
    if any(space.get("labels") for space in (document.get("spaces") or {}).values()):
        raise LayoutError("labels in the spaces of a data group or a scene cannot be imported")
    return LabelParts(
        units=tuple(unit.get("labels") or {} for unit in _in_order(document)),
        object_answers=document.get("object_answers") or {},
        classification_answers=document.get("classification_answers") or {},
        object_actions=document.get("object_actions") or {},
    )


def filled(document: Json, parts: LabelParts) -> dict[str, Any]:
    """A label row with its labels replaced by these.

    Raises:
        LayoutError: the number of images differs, or the labels are an image's and the row is a video.
    """
    units = _in_order(document)
    if not parts.units:
        nothing: Json = {"objects": [], "classifications": []} if document.get("data_type") in FLAT else {}
        parts = LabelParts((nothing,) * len(units))
    flat = document.get("data_type") in FLAT
    parts = laid_out(parts, len(units), flat=flat)
    if any(labels and ("objects" in labels) != flat for labels in parts.units):
        theirs, ours = ("by frames", "an image") if flat else ("of an image", f"of type {document.get('data_type')}")
        raise LayoutError(f"the labels are {theirs}, the data unit is {ours}")
    if len(units) != len(parts.units):
        raise LayoutError(f"the labels are those of {len(parts.units)} images, the data unit has {len(units)}")
    labels = {unit["data_hash"]: labels for unit, labels in zip(units, parts.units, strict=True)}
    return {
        **document,
        "data_units": {
            key: {**unit, "labels": labels[unit["data_hash"]]} for key, unit in document["data_units"].items()
        },
        "object_answers": parts.object_answers,
        "classification_answers": parts.classification_answers,
        "object_actions": parts.object_actions,
    }


def laid_out(parts: LabelParts, images: int, *, flat: bool) -> LabelParts:
    """The labels in the layout of a data unit; labels by frame become labels of a group's images.

    Args:
        parts: the labels; a file that only has frame numbers is a single unit.
        images: number of images of the data unit.
        flat: True if the labels are stored in each image instead of under frame numbers.

    Raises:
        LayoutError: a frame is beyond the last image.
    """
    if not flat or len(parts.units) != 1 or not parts.units[0] or "objects" in parts.units[0]:
        return parts
    by_frame = parts.units[0]
    beyond = [frame for frame in by_frame if int(frame) >= images]
    if beyond:
        raise LayoutError(f"the labels are of frame {beyond[0]}, the data unit has {images} images")
    nothing: Json = {"objects": [], "classifications": []}
    return replace(parts, units=tuple(by_frame.get(str(number), nothing) for number in range(images)))


def same(one: LabelParts, other: LabelParts) -> bool:
    """Whether two sets of labels are equal, apart from their order and their creators.

    Places may differ by `TOLERANCE`, because files store pixels with few decimals.
    """
    if _said(one) != _said(other):
        return False
    here, there = _drawings(one), _drawings(other)
    return here.keys() == there.keys() and all(_close(geometry, there[place]) for place, geometry in here.items())


def drawn(labels: Json) -> Iterator[tuple[int, Json]]:
    """The objects of a data unit's labels, each with its frame (0 for an image)."""
    if "objects" in labels:
        yield from ((0, drawing) for drawing in labels["objects"] or ())
        return
    for frame, content in labels.items():
        if isinstance(content, Mapping):
            yield from ((int(frame), drawing) for drawing in content.get("objects") or ())


def _in_order(document: Json) -> list[Json]:
    return sorted(document["data_units"].values(), key=lambda unit: int(unit.get("data_sequence") or 0))


def _said(parts: LabelParts) -> tuple[frozenset[str], ...]:
    answers = (
        [own, entry.get("range") or [], entry.get("range_html"), _answers(entry.get("classifications"))]
        for own, entry in parts.object_answers.items()
        if entry.get("range") or entry.get("range_html") or _answers(entry.get("classifications"))
    )
    classifications = (
        [entry.get("featureHash"), entry.get("range") or [], _answers(entry.get("classifications"))]
        for entry in parts.classification_answers.values()
    )
    actions = (
        [own, action.get("range"), _answers([action])]
        for own, entry in parts.object_actions.items()
        for action in entry.get("actions") or ()
    )
    return tuple(frozenset(map(_text, stated)) for stated in (answers, classifications, actions))


def _drawings(parts: LabelParts) -> dict[tuple[int, int, str, str], Any]:
    """The geometry of every drawing by image, frame, object and class."""
    return {
        (index, frame, drawing["objectHash"], drawing["featureHash"]): _geometry(drawing)
        for index, unit in enumerate(parts.units)
        for frame, drawing in drawn(unit)
        if not drawing.get("isDeleted")
    }


def _close(one: Any, other: Any) -> bool:
    """Whether two geometries are equal apart from rounding."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        told = ({key: value for key, value in each.items() if value is not None} for each in (one, other))
        here, there = told
        return here.keys() == there.keys() and all(_close(value, there[key]) for key, value in here.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_close, one, other))
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (one, other))
    return bool(abs(one - other) <= TOLERANCE) if numbers else bool(one == other)


def _answers(entries: Sequence[Json] | None) -> list[str]:
    """Answers with the hash of their question, as texts; those without a ticked option are left out."""
    given = []
    for entry in entries or ():
        answers = entry.get("answers")
        if isinstance(answers, list):
            answers = sorted(option["featureHash"] for option in answers)
        if answers not in (None, [], ""):
            given.append(_text([entry["featureHash"], answers]))
    return sorted(given)


def _geometry(drawing: Json) -> Any:
    if "skeleton" in drawing:
        points = drawing["skeleton"]
        listed = [points[key] for key in sorted(points, key=int)] if isinstance(points, Mapping) else points
        return [
            [point.get("featureHash") or point.get("name"), point["x"], point["y"], visibility_of(point)]
            for point in listed
        ]
    if "polygon" in drawing and not drawing.get("polygons"):
        points = drawing["polygon"]
        listed = [points[key] for key in sorted(points, key=int)] if isinstance(points, Mapping) else points
        return ["polygons", [[[number for point in listed for number in (point["x"], point["y"])]]]]
    key = next((key for key in _GEOMETRIES if drawing.get(key) is not None), None)
    if key is None:
        return None
    geometry = drawing[key]
    return [key, {**_DEFAULTS.get(key, {}), **geometry} if isinstance(geometry, Mapping) else geometry]


def visibility_of(point: Json) -> str:
    """The visibility of a skeleton's point; the older form uses the visibility's name as a key."""
    for name in ("invisible", "occluded", "selfOccluded", "visible"):
        if point.get(name):
            return name
    return str(point.get("visibility") or "visible")


def _text(value: Any) -> str:
    return json.dumps(_rounded(value), sort_keys=True)


def _rounded(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return round(float(value), _DIGITS)
    if isinstance(value, Mapping):
        return {key: _rounded(part) for key, part in value.items() if part is not None}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return value
