"""The structure of an ontology: Encord's ontology JSON with optional ids, colours, feature hashes."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_COLOURS = (
    "#D33115",
    "#E27300",
    "#16406C",
    "#FE9200",
    "#68BC00",
    "#A4DD00",
    "#AEA1FF",
    "#73D8FF",
    "#9F0500",
    "#653294",
)
_CHOICES = ("radio", "checklist")

ShapeName = Literal[
    "bounding_box", "rotatable_bounding_box", "polygon", "polyline", "point", "skeleton", "bitmask", "segmentation",
    "circle", "ellipse", "cuboid", "cuboid_2d", "audio", "text", "time_range",
]  # fmt: skip


Label = Annotated[str, Field(min_length=1)]


class Feature(BaseModel):
    """What features of every kind have; what is not named here is passed on to Encord as it stands."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: str | None = None
    featureNodeHash: str | None = None  # noqa: N815 - Encord's own key
    archived: bool = False


class Option(Feature):
    """An answer of a radio or a checklist, and the questions that it leads to."""

    label: Label
    options: "tuple[Attribute, ...]" = ()
    """Encord's own key: these are attributes"""


class Attribute(Feature):
    """A question about an object, a frame or a file."""

    name: str = Field(min_length=1)
    type: Literal["radio", "checklist", "text", "numeric"]
    options: tuple[Label | Option, ...] = ()
    """Answers; a plain string is an answer's label"""


class ObjectFeature(Feature):
    """A class of objects."""

    name: str = Field(min_length=1)
    shape: ShapeName
    attributes: tuple[Attribute, ...] = ()


class ClassificationFeature(Feature):
    """A question about a frame or a file: exactly one attribute, which may lead to others."""

    attributes: tuple[Attribute, ...] = Field(min_length=1, max_length=1)


class Structure(BaseModel):
    """Objects and classifications."""

    model_config = ConfigDict(extra="allow", frozen=True)

    objects: tuple[ObjectFeature, ...] = ()
    classifications: tuple[ClassificationFeature, ...] = ()


Option.model_rebuild()


def complete(structure: Structure, title: str) -> dict[str, Any]:
    """The structure in Encord's form; missing values are derived from names and positions, reproducibly."""
    written = structure.model_dump(mode="json", exclude_unset=True)
    for key in ("objects", "classifications"):
        written[key] = [
            _completed(feature, str(index), f"{title}/{key}") for index, feature in enumerate(written.get(key, ()), 1)
        ]
    for index, feature in enumerate(written["objects"]):
        feature.setdefault("color", _COLOURS[index % len(_COLOURS)])
    return written


def _completed(given: dict[str, Any] | str, number: str, place: str) -> dict[str, Any]:
    feature: dict[str, Any] = {"label": given} if isinstance(given, str) else given
    name = feature.get("name") or feature.get("label") or "question"
    here = f"{place}/{name}"
    feature.setdefault("id", number)
    feature.setdefault("featureNodeHash", blake2b(f"{here} {number}".encode(), digest_size=4).hexdigest())
    if "label" in feature:
        feature.setdefault("value", "_".join(feature["label"].lower().split()))
    if "type" in feature:
        feature.setdefault("required", False)
        if feature["type"] in _CHOICES:
            feature.setdefault("options", [])
    for key in ("attributes", "options"):
        if key in feature:
            feature[key] = [_completed(each, f"{number}.{n}", here) for n, each in enumerate(feature[key], 1)]
    return feature


def differences(wanted: Structure, found: Mapping[str, Any]) -> list[str]:
    """What an ontology lacks and what it has in addition, by name, shape, type and place.

    Archived features count as missing.
    """
    wished, seen = dict(_features(complete(wanted, ""))), dict(_features(found))
    lacks = [f"lacks {described}" for key, described in wished.items() if key not in seen]
    has_also = [f"has also {described}" for key, described in seen.items() if key not in wished]
    return lacks + has_also


def _features(structure: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    for feature in _kept(structure.get("objects")):
        key = ("object", str(feature.get("name")), str(feature.get("shape")))
        yield key, f"object '{key[1]}' ({key[2]})"
        yield from _questions(feature.get("attributes"), key)
    for feature in _kept(structure.get("classifications")):
        yield from _questions(feature.get("attributes"), ("classification",))


def _questions(attributes: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    for attribute in _kept(attributes):
        key = (*place, str(attribute.get("name")), str(attribute.get("type")))
        yield key, f"'{key[-2]}' ({key[-1]}) {_of(place)}"
        for option in _kept(attribute.get("options")):
            answer = (*key, str(option.get("label")))
            yield answer, f"answer '{answer[-1]}' to '{key[-2]}' {_of(place)}"
            yield from _questions(option.get("options"), answer)


def _kept(features: Any) -> Iterator[Mapping[str, Any]]:
    listed: Sequence[Mapping[str, Any]] = features or ()
    return (feature for feature in listed if not feature.get("archived"))


def _of(place: tuple[str, ...]) -> str:
    return f"of '{place[1]}'" if place[0] == "object" else "among the classifications"
