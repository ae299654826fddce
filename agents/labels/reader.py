"""A label row's JSON to `Annotations`, in one pass and without the SDK's object graph.

The layout is that of `LabelRowV2` (encord-sdk 0.1.211, `objects/ontology_labels_impl.py`).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.labels.annotations import ROW, Annotations, Answers, Classification, Drawings, Span
from agents.labels.answers import read_answers
from agents.labels.errors import LabelReadError
from agents.labels.ontology import SHAPES, Ontology, Shape
from agents.labels.shapes import READERS, BadGeometryError

FLAT = frozenset({"image", "img_group"})
FRAMED = frozenset({"video", "dicom", "nifti", "pdf"})


def read_label_row(row: Mapping[str, Any], ontology: Ontology) -> Annotations:
    """Read a label row as the API returns it and as exports hold it.

    Raises:
        LabelReadError: the row is not well formed, holds a feature that the ontology does not have, or numbers that
            are no geometry. The message names the place in the JSON.
    """
    if not isinstance(row, Mapping):
        raise LabelReadError("label row", "is not a JSON object")
    collector = _Collector(ontology)
    for frame in _frames(row):
        collector.add(frame)
    drawings = collector.drawings()
    return Annotations(
        instances=tuple(collector.instances),
        drawings=drawings,
        attributes=_static_answers(row, ontology, collector.instances),
        classifications=tuple(_classifications(row, ontology)),
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    """The drawings of one frame, and where in the JSON they stand."""

    space: int
    number: int
    width: float
    height: float
    objects: Sequence[Mapping[str, Any]]
    place: str


@dataclass(slots=True)
class _Bucket:
    """The drawings of one shape so far, frame by frame."""

    objects: list[Mapping[str, Any]] = field(default_factory=list)
    frames: list[_Frame] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def close(self, frame: _Frame, before: int) -> None:
        self.frames.append(frame)
        self.counts.append(len(self.objects) - before)

    def frame_of(self, index: int) -> _Frame:
        return self.frames[int(np.searchsorted(np.cumsum(self.counts), index, side="right"))]


class _Collector:
    def __init__(self, ontology: Ontology) -> None:
        self.ontology = ontology
        self.buckets: defaultdict[str, _Bucket] = defaultdict(_Bucket)
        self.instances: dict[str, int] = {}

    def add(self, frame: _Frame) -> None:
        before = {shape: len(bucket.objects) for shape, bucket in self.buckets.items()}
        buckets = self.buckets
        try:
            for drawing in frame.objects:
                buckets[drawing["shape"]].objects.append(drawing)
        except (KeyError, TypeError):
            raise LabelReadError(frame.place, "holds an object without a shape") from None
        for shape, bucket in buckets.items():
            if len(bucket.objects) > before.get(shape, 0):
                bucket.close(frame, before.get(shape, 0))

    def drawings(self) -> dict[Shape, Drawings]:
        return {Shape(shape): self._drawings(shape, bucket) for shape, bucket in self.buckets.items()}

    def _drawings(self, shape: str, bucket: _Bucket) -> Drawings:
        if shape not in SHAPES or Shape(shape) not in READERS:
            raise LabelReadError(bucket.frames[0].place, f"shape {shape!r} is not known")
        counts = np.array(bucket.counts)
        media = np.array([(f.width, f.height) for f in bucket.frames]).repeat(counts, axis=0)
        try:
            geometry = READERS[Shape(shape)](bucket.objects)
        except BadGeometryError as error:
            raise LabelReadError(
                bucket.frame_of(error.index).place, f"an object of shape {shape} {error.problem}"
            ) from None
        return Drawings(
            shape=Shape(shape),
            space=np.array([f.space for f in bucket.frames], np.int32).repeat(counts),
            frame=np.array([f.number for f in bucket.frames], np.int64).repeat(counts),
            feature=self._features(bucket),
            instance=self._instances(bucket),
            media=media,
            geometry=geometry,
        )

    def _features(self, bucket: _Bucket) -> NDArray[np.int32]:
        index = self.ontology.object_index
        try:
            return np.array([index[drawing["featureHash"]] for drawing in bucket.objects], np.int32)
        except (KeyError, TypeError):
            pass
        for position, drawing in enumerate(bucket.objects):
            feature = drawing.get("featureHash")
            if not isinstance(feature, str) or feature not in index:
                raise LabelReadError(bucket.frame_of(position).place, f"feature {feature!r} is not in the ontology")
        raise AssertionError("every feature is in the ontology")

    def _instances(self, bucket: _Bucket) -> NDArray[np.int32]:
        instances = self.instances
        try:
            return np.array(
                [instances.setdefault(drawing["objectHash"], len(instances)) for drawing in bucket.objects],
                np.int32,
            )
        except (KeyError, TypeError):
            raise LabelReadError(bucket.frames[0].place, "an object here or later has no objectHash") from None


def _mapping(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = holder.get(key) or {}
    if not isinstance(value, Mapping):
        raise LabelReadError(key, "is not a JSON object")
    return value


def _frames(row: Mapping[str, Any]) -> Iterator[_Frame]:
    kind = row.get("data_type")
    if not isinstance(kind, str):
        raise LabelReadError("label row", "has no data_type")
    if "data_units" not in row:
        raise LabelReadError("label row", "has no data_units")
    for key, unit in _mapping(row, "data_units").items():
        if not isinstance(unit, Mapping):
            raise LabelReadError(f"data_units[{key}]", "is not a JSON object")
        yield from _unit_frames(kind.lower(), unit, f"data_units[{key}]")


def _unit_frames(kind: str, unit: Mapping[str, Any], place: str) -> Iterator[_Frame]:
    labels = unit.get("labels") or {}
    if not isinstance(labels, Mapping):
        raise LabelReadError(f"{place}.labels", "is not a JSON object")
    if kind in FLAT:
        number = _frame_number(unit.get("data_sequence", 0), f"{place}.data_sequence")
        yield _frame(labels, number, unit, f"{place}.labels")
    elif kind in FRAMED:
        for key, frame in labels.items():
            yield _frame(frame, _frame_number(key, f"{place}.labels"), unit, f"{place}.labels[{key}]")


def _frame(labels: object, number: int, sized: Mapping[str, Any], place: str) -> _Frame:
    if not isinstance(labels, Mapping):
        raise LabelReadError(place, "is not a JSON object")
    objects = labels.get("objects") or []
    if not isinstance(objects, list):
        raise LabelReadError(f"{place}.objects", "is not a list")
    return _Frame(0, number, _length(sized.get("width")), _length(sized.get("height")), objects, place)


def _length(value: object) -> float:
    """A media width or height; NaN where the row does not tell it (older rows: absent, null or 0)."""
    return float(value) if isinstance(value, int | float) and value > 0 else float("nan")


def _frame_number(value: object, place: str) -> int:
    try:
        return int(value)  # type: ignore[call-overload, no-any-return]
    except (TypeError, ValueError):
        raise LabelReadError(place, f"{value!r} is not a frame number") from None


def _static_answers(row: Mapping[str, Any], ontology: Ontology, instances: Mapping[str, int]) -> dict[int, Answers]:
    answers: dict[int, Answers] = {}
    for key, entry in _mapping(row, "object_answers").items():
        place = f"object_answers[{key}]"
        if not isinstance(entry, Mapping):
            raise LabelReadError(place, "is not a JSON object")
        instance = instances.get(entry.get("objectHash", key))
        if instance is None:
            continue  # an answer left behind by a deleted object; the SDK skips it too
        given = read_answers(entry.get("classifications") or [], ontology.questions, f"{place}.classifications")
        if given:
            answers[instance] = given
    return answers


def _classifications(row: Mapping[str, Any], ontology: Ontology) -> Iterator[Classification]:
    for key, entry in _mapping(row, "classification_answers").items():
        place = f"classification_answers[{key}]"
        if not isinstance(entry, Mapping):
            raise LabelReadError(place, "is not a JSON object")
        feature = entry.get("featureHash")
        if feature is None:
            continue  # the SDK skips it too
        index = ontology.classification_index.get(feature)
        if index is None:
            raise LabelReadError(place, f"feature {feature!r} is not in the ontology")
        spans = _spans(entry.get("range") or [], f"{place}.range")
        if not spans and not ontology.classifications[index].whole and _is_framed(row):
            continue  # on no frame: not there
        answers = read_answers(entry.get("classifications") or [], ontology.questions, place)
        yield Classification(str(entry.get("classificationHash", key)), index, ROW, spans, answers)


def _is_framed(row: Mapping[str, Any]) -> bool:
    return str(row.get("data_type")).lower() in FLAT | FRAMED


def _spans(ranges: object, place: str) -> tuple[Span, ...]:
    if not isinstance(ranges, list):
        raise LabelReadError(place, "is not a list")
    spans = []
    for item in ranges:
        if not isinstance(item, list | tuple) or len(item) != 2:
            raise LabelReadError(place, "holds something that is not a [start, end] pair")
        try:
            start, end = float(item[0]), float(item[1])
        except (TypeError, ValueError):
            raise LabelReadError(place, "holds a range whose ends are not numbers") from None
        if not start <= end:
            raise LabelReadError(place, "holds a range that ends before it starts")
        spans.append((start, end))
    return tuple(sorted(spans))
