"""Parts of the COCO reader: errors, counted faults, and checked access to fields."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmark_qa.formats.label_parts import ImageSize, InputFault, Json
from benchmark_qa.labels.ontology import Shape

_VISIBILITIES = ("invisible", "occluded", "visible")
"""By COCO's v: not labelled; labelled and not visible; visible."""


_PREFERRED = (
    Shape.SKELETON, Shape.POINT, Shape.ELLIPSE, Shape.CIRCLE, Shape.BITMASK, Shape.POLYGON,
    Shape.ROTATABLE_BOUNDING_BOX, Shape.BOUNDING_BOX,
)  # fmt: skip
"""Order of preference among shapes of classes with one name; the first keeps most of the annotation."""


SHARES = "shares"
"""Key of an image whose size is unknown; its coordinates are shares of the image."""


UNKNOWN: ImageSize = (1, 1)
"""Size of an image whose coordinates are shares of it."""


class CocoError(ValueError):
    """The document is not COCO."""


class UndrawableError(ValueError):
    """An annotation cannot be drawn with the shape of its class; the message gives the reason."""


class NoKeypointError(UndrawableError):
    """None of an object's keypoints is labelled; COCO's own evaluation ignores such objects."""

    def __init__(self) -> None:
        super().__init__("has no labelled keypoint")


@dataclass
class _Faults:
    """Faults counted by reason, because a missing class affects all of its annotations."""

    first: dict[str, str] = field(default_factory=dict)
    count: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    """Things that are left out or changed without being a fault, in words."""

    def add(self, subject: str, reason: str) -> None:
        self.first.setdefault(reason, subject)
        self.count[reason] += 1

    def in_words(self) -> tuple[str, ...]:
        """The entries of `others`, with their numbers."""
        return tuple(f"{count:,} {what}" for what, count in sorted(self.others.items()))

    def listed(self) -> Iterator[InputFault]:
        for reason, subject in self.first.items():
            more = self.count[reason] - 1
            yield InputFault(subject + (f" and {more:,} more" if more else ""), reason)


def _box(annotation: Json, size: ImageSize) -> dict[str, float]:
    box = annotation.get("bbox")
    if not isinstance(box, list) or len(box) != 4:
        raise UndrawableError("has no bbox of four numbers")
    x, y, width, height = (_number(number, "bbox") for number in box)
    if width <= 0 or height <= 0:
        raise UndrawableError("has a bbox without width or height")
    if x >= size[0] or y >= size[1] or x + width <= 0 or y + height <= 0:
        raise UndrawableError("has a bbox that lies outside its image")
    return {"x": x / size[0], "y": y / size[1], "w": width / size[0], "h": height / size[1]}


def size_of(image: Json) -> ImageSize | None:
    """Width and height in pixels; 512.0 counts as a whole number (RFC 8259 has one number type)."""
    sides = [whole_number(image.get(key)) for key in ("width", "height")]
    width, height = (side if side is not None and side > 0 else None for side in sides)
    return (width, height) if width is not None and height is not None else None


def whole_number(value: object) -> int | None:
    """The value as an integer if it is a whole number in any notation; otherwise None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if value == int(value) else None


def id_text(value: object) -> str:
    """An id as a text; 7, 7.0 and "7" are one id."""
    number = whole_number(value)
    return str(value) if number is None else str(number)


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UndrawableError(f"has something in its {where} that is no number")
    return float(value)


def _list(document: Mapping[str, Any], key: str) -> list[Json]:
    listed = document.get(key)
    if not isinstance(listed, list) or not all(isinstance(entry, Mapping) for entry in listed):
        raise CocoError(f"the file is not COCO: it has no list of {key}")
    return listed


def _by_id(document: Mapping[str, Any], key: str) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for entry in _list(document, key):
        if not isinstance(entry.get("id"), int | float | str):
            raise CocoError(f"one of the {key} has no id")
        own = id_text(entry["id"])
        if found.setdefault(own, entry) is not entry:
            one, other = (str(each.get("file_name") or each.get("name") or each) for each in (found[own], entry))
            raise CocoError(f"two of the {key} have the id {own}: {one!r} and {other!r}")
    return found
