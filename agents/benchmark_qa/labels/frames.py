"""Find the drawings in a label row's JSON: data units, frames, spaces and ranges."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard

from benchmark_qa.labels.annotations import ROW
from benchmark_qa.labels.errors import LabelReadError, word_named
from benchmark_qa.labels.ontology import RANGE_SHAPES, Ontology

FLAT = frozenset({"image", "img_group"})
"""One image per data unit; the labels are in the unit itself."""
FRAMED = frozenset({"video", "dicom", "nifti", "pdf", "scene"})
"""Frames, slices or pages; the labels are stored under their number."""
UNFRAMED = frozenset({"audio", "time_series", "plain_text", "group"})
"""No frames; objects are on ranges, or in the spaces of the group."""


MediaSize = tuple[float, float]
"""Width and height of the media in pixels; NaN if the row has none."""


class Frame(NamedTuple):
    """The drawings of one frame of one space."""

    space: str
    number: int
    size: MediaSize
    objects: Sequence[Mapping[str, Any]]
    place: str
    """Their position in the JSON, for error messages."""

    @property
    def width(self) -> float:
        """Width of the media, in pixels."""
        return self.size[0]

    @property
    def height(self) -> float:
        """Height of the media, in pixels."""
        return self.size[1]


def frames(row: Mapping[str, Any], ontology: Ontology) -> Iterator[Frame]:
    """Every frame that may hold drawings; objects on ranges are in frame 0 of their space."""
    kind = data_type(row)
    for key, unit in json_entries(row, "data_units"):
        yield from _unit_frames(kind, unit, f"data_units[{key}]")
    for key, space in json_entries(row, "spaces"):
        yield from _space_frames(key, space)
    yield from _range_frames(row, ontology)


def data_type(row: Mapping[str, Any]) -> str:
    """The row's data type in lower case."""
    kind = row.get("data_type")
    if not isinstance(kind, str):
        raise LabelReadError("label row", "has no data_type")
    if kind.lower() not in FLAT | FRAMED | UNFRAMED:
        raise LabelReadError("label row", f"data_type {word_named(kind)} is not known")
    if not isinstance(row.get("data_units"), Mapping):
        raise LabelReadError("label row", "has no data_units")
    return kind.lower()


def media_ends(row: Mapping[str, Any]) -> dict[str, int]:
    """The last frame of each space, or the last millisecond of its audio, if the row contains it."""
    kind = data_type(row)
    units = [unit for _, unit in json_entries(row, "data_units")]
    own = None
    if kind in FLAT:
        own = max((_frame_number(unit.get("data_sequence", 0), "data_sequence") for unit in units), default=None)
    elif len(units) == 1:
        own = _unit_end(kind, units[0])
    ends = {ROW: own, **{name: _space_end(space) for name, space in json_entries(row, "spaces")}}
    return {name: end for name, end in ends.items() if end is not None}


def _unit_end(kind: str, unit: Mapping[str, Any]) -> int | None:
    duration, rate = unit.get("data_duration"), unit.get("data_fps")
    if kind == "audio" and _is_length(duration):
        return math.ceil(duration * 1000)
    if kind == "video" and _is_length(duration) and _is_length(rate):
        # The SDK counts frames like this; less than a thousandth of a frame is rounding.
        return math.ceil(duration * rate - 1e-3) - 1
    return None


def _space_end(space: Mapping[str, Any]) -> int | None:
    duration = space.get("duration_ms")
    if _is_length(duration):
        return math.ceil(duration)
    if space.get("space_type") in {"image", "scene_image"}:
        return 0
    frames = space.get("number_of_frames")
    if frames is None and isinstance(space.get("frames"), list):
        frames = len(space["frames"])
    return math.ceil(frames) - 1 if _is_length(frames) else None


def _is_length(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 2**40


def json_entries(holder: Mapping[str, Any], key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The JSON objects under `key`, by name; none if `key` is absent or null."""
    value = holder.get(key) or {}
    if not isinstance(value, Mapping):
        raise LabelReadError(key, "is not a JSON object")
    for name, entry in value.items():
        if not isinstance(entry, Mapping):
            raise LabelReadError(f"{key}[{name}]", "is not a JSON object")
        yield name, entry


def name_of(entry: Mapping[str, Any], field: str, otherwise: str) -> str:
    """The hash in the entry's `field`, otherwise the key of the entry."""
    name = entry.get(field)
    if name is not None and not isinstance(name, str):
        raise LabelReadError(field, "is not a text")
    return name or str(otherwise)


def _unit_frames(kind: str, unit: Mapping[str, Any], place: str) -> Iterator[Frame]:
    labels, size = _labels(unit, place), _size(unit)
    if kind in FLAT:
        number = _frame_number(unit.get("data_sequence", 0), f"{place}.data_sequence")
        yield _frame(ROW, number, size, labels, f"{place}.labels")
    elif kind in FRAMED:
        for key, frame in labels.items():
            here = f"{place}.labels[{key}]"
            if kind == "scene" and not str(key).isdecimal():
                yield _frame(str(key), 0, size, frame, here)  # an image or point cloud of the scene
            else:
                yield _frame(ROW, _frame_number(key, here), size, frame, here)


def _space_frames(name: str, space: Mapping[str, Any]) -> Iterator[Frame]:
    place = f"spaces[{name}]"
    labels = _labels(space, place)
    if isinstance(labels.get("objects"), list):
        yield _frame(_scene_name(name, space), 0, _size(space), labels, f"{place}.labels")
        return
    sizes = space.get("frames")
    for key, frame in labels.items():
        number = _frame_number(key, f"{place}.labels[{key}]")
        own = sizes[number] if isinstance(sizes, list) and number < len(sizes) else None
        size = _size(own) if isinstance(own, Mapping) and own.get("width") and own.get("height") else _size(space)
        yield _frame(name, number, size, frame, f"{place}.labels[{key}]")


def _scene_name(name: str, space: Mapping[str, Any]) -> str:
    """Name of a scene image as in the data unit, `STREAM#FRAME`, so that both layouts agree."""
    info = space.get("scene_info")
    if space.get("space_type") != "scene_image" or not isinstance(info, Mapping):
        return name
    return f"{info.get('stream_id')}#{info.get('start_frame', info.get('event_index'))}"


def _range_frames(row: Mapping[str, Any], ontology: Ontology) -> Iterator[Frame]:
    on_ranges = {item.hash: item.shape.value for item in ontology.objects if item.shape in RANGE_SHAPES}
    for key, entry in json_entries(row, "object_answers"):
        # A class outside the ontology keeps its stated shape; the reader reports it.
        shape = on_ranges.get(str(entry.get("featureHash")), entry.get("shape"))
        if shape not in RANGE_SHAPES:
            continue
        drawing = {"objectHash": key, **entry, "shape": shape, "range": None, "range_html": None}
        place = f"object_answers[{key}]"
        spaces = list(json_entries(entry, "spaces"))
        for space, where in spaces:
            field = "range_html" if where.get("type") == "html" else "range"
            yield _range_frame(space, {**drawing, field: where.get("range")}, f"{place}.spaces[{space}]")
        if not spaces:
            given = {field: entry.get(field) for field in ("range", "range_html")}
            yield _range_frame(ROW, {**drawing, **given}, place)


def _range_frame(space: str, drawing: Mapping[str, Any], place: str) -> Frame:
    return Frame(space, 0, _UNKNOWN, [drawing], place)


def _labels(holder: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    labels = holder.get("labels") or {}
    if not isinstance(labels, Mapping):
        raise LabelReadError(f"{place}.labels", "is not a JSON object")
    return labels


def _frame(space: str, number: int, size: MediaSize, labels: object, place: str) -> Frame:
    if not isinstance(labels, Mapping):
        raise LabelReadError(place, "is not a JSON object")
    objects = labels.get("objects") or []
    if not isinstance(objects, list):
        raise LabelReadError(f"{place}.objects", "is not a list")
    own = labels.get("metadata")
    if isinstance(own, Mapping) and own.get("width") and own.get("height"):
        size = _size(own)
    return Frame(space, number, size, objects, place)


_UNKNOWN: MediaSize = (float("nan"), float("nan"))


def _size(holder: Mapping[str, Any]) -> MediaSize:
    return _length(holder.get("width")), _length(holder.get("height"))


def _length(value: object) -> float:
    """A media width or height; NaN if the row has none (absent, null or 0)."""
    return float(value) if isinstance(value, int | float) and 0 < value < float("inf") else float("nan")


def _frame_number(value: object, place: str) -> int:
    try:
        number = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        raise LabelReadError(place, "is not a frame number") from None
    if not 0 <= number < 2**62:
        raise LabelReadError(place, "is not a frame number")
    return int(number)
