"""A label row's JSON to `Annotations`, in one pass and without the SDK's object graph.

The layout is that of `LabelRowV2` (encord-sdk 0.1.211, `objects/ontology_labels_impl.py`).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.labels.annotations import ROW, Annotations, Drawings, Events, Geometry, Runs
from benchmark_qa.labels.answers import AnswerReader
from benchmark_qa.labels.errors import LabelReadError, hash_named, word_named
from benchmark_qa.labels.frames import Frame, frames, media_ends
from benchmark_qa.labels.ontology import SHAPES, Ontology, Shape
from benchmark_qa.labels.shapes import (
    BadGeometryError,
    Drawing,
    read_boxes,
    read_circles,
    read_cuboids,
    read_ellipses,
    read_flat_cuboids,
    read_points,
    read_polygons,
    read_polylines,
    read_rotated_boxes,
    read_skeletons,
)


def readers() -> Mapping[Shape, Callable[[Sequence[Drawing]], Geometry]]:
    """The reader of every shape."""
    from benchmark_qa.labels import runs  # noqa: PLC0415 - boxes do not need them

    return {
        Shape.BOUNDING_BOX: read_boxes,
        Shape.ROTATABLE_BOUNDING_BOX: read_rotated_boxes,
        Shape.CIRCLE: read_circles,
        Shape.ELLIPSE: read_ellipses,
        Shape.POINT: read_points,
        Shape.CUBOID: read_cuboids,
        Shape.CUBOID_2D: read_flat_cuboids,
        Shape.POLYGON: read_polygons,
        Shape.POLYLINE: read_polylines,
        Shape.SKELETON: read_skeletons,
        Shape.BITMASK: runs.read_bitmasks,
        Shape.SEGMENTATION: runs.read_segmentations,
        Shape.AUDIO: runs.read_times,
        Shape.TIME_RANGE: runs.read_times,
        Shape.TEXT: runs.read_texts,
    }


_ANSWERED = ("object_answers", "object_actions", "classification_answers")
"""The parts of a label row that hold answers."""
_SHAPE, _FEATURE, _OBJECT = itemgetter("shape"), itemgetter("featureHash"), itemgetter("objectHash")


def read_label_row(row: Mapping[str, Any], ontology: Ontology) -> Annotations:
    """Read a label row as the API returns it and as exports hold it.

    Objects marked `isDeleted` are left out.

    Raises:
        LabelReadError: the row is not well formed, holds a feature that the ontology does not have, or numbers that
            are no geometry. The message names the place in the JSON.
    """
    if not isinstance(row, Mapping):
        raise LabelReadError("label row", "is not a JSON object")
    collector = _Collector(ontology, continuous=_is_continuous(row))
    for frame in frames(row, ontology):
        collector.add(frame)
    drawings = collector.drawings()
    annotations = Annotations(
        spaces=tuple(collector.spaces),
        instances=tuple(collector.instances),
        drawings=drawings,
        events=collector.events(),
        ends=media_ends(row),
    )
    if all(row.get(section) in (None, {}) for section in _ANSWERED):
        return annotations
    answers = AnswerReader(row, ontology)
    dynamic = answers.dynamic_answers(collector.instances)
    static = answers.static_answers(collector.instances, dynamic)
    return replace(
        annotations,
        attributes=static,
        dynamic_attributes=dynamic,
        classifications=answers.classifications(),
        contradicted=frozenset(answers.contradicted),
    )


def _is_continuous(row: Mapping[str, Any]) -> bool:
    scene = row.get("scene")
    return isinstance(scene, Mapping) and bool(scene.get("isContinuous"))


@dataclass(slots=True)
class _Bucket:
    """The drawings of one shape so far, frame by frame."""

    objects: list[Drawing] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def place(self, index: int) -> str:
        """Where the drawing at `index` stands in the JSON."""
        return self.frames[int(np.searchsorted(self.ends, index, side="right"))].place


class _Collector:
    """Takes frame after frame, then turns everything into arrays at once."""

    def __init__(self, ontology: Ontology, *, continuous: bool) -> None:
        self.ontology = ontology
        self.continuous = continuous
        self.buckets: defaultdict[str, _Bucket] = defaultdict(_Bucket)
        self.instances: dict[str, int] = {}
        self.spaces: dict[str, int] = {ROW: 0}
        self.deleted: list[tuple[str, int]] = []
        self.linear: list[tuple[str, int]] = []

    def add(self, frame: Frame) -> None:
        objects = self._events(frame) if self.continuous else frame.objects
        try:
            kept = [drawing for drawing in objects if not drawing.get("isDeleted")]
            shapes = set(map(_SHAPE, kept))
        except (KeyError, TypeError, AttributeError):
            raise LabelReadError(frame.place, "holds an object without a shape") from None
        self.spaces.setdefault(frame.space, len(self.spaces))
        for shape in shapes:
            bucket = self.buckets[shape]
            bucket.objects += kept if len(shapes) == 1 else [d for d in kept if d["shape"] == shape]
            bucket.frames.append(frame)
            bucket.ends.append(len(bucket.objects))

    def _events(self, frame: Frame) -> list[Drawing]:
        """The upserts of a continuous scene; deletes and straight-line movements are noted."""
        upserts = []
        for drawing in frame.objects:
            if frame.space != ROW:
                upserts.append(drawing)
            elif drawing.get("event") == "delete":
                self.deleted.append((str(drawing.get("objectHash")), frame.number))
            else:
                upserts.append(drawing)
                if drawing.get("interpolate") == "linear":
                    self.linear.append((str(drawing.get("objectHash")), frame.number))
        return upserts

    def events(self) -> Events | None:
        """When objects of a continuous scene end and move; None for a row of frames."""
        if not self.continuous:
            return None
        known = self.instances
        return Events(
            deleted=frozenset((known[name], at) for name, at in self.deleted if name in known),
            linear=frozenset((known[name], at) for name, at in self.linear if name in known),
        )

    def drawings(self) -> dict[Shape, Drawings]:
        """The arrays of every shape that is drawn."""
        table = {}
        for shape, bucket in self.buckets.items():
            if shape not in SHAPES:
                raise LabelReadError(bucket.frames[0].place, f"shape {word_named(shape)} is not known")
            table[Shape(shape)] = self._drawings(Shape(shape), bucket)
        return table

    def _drawings(self, shape: Shape, bucket: _Bucket) -> Drawings:
        try:
            geometry = readers()[shape](bucket.objects)
        except BadGeometryError as error:
            raise LabelReadError(bucket.place(error.index), f"an object of shape {shape} {error.problem}") from None
        counts = np.diff(bucket.ends, prepend=0)
        drawings = Drawings(
            shape=shape,
            space=np.array([self.spaces[f.space] for f in bucket.frames], np.int32).repeat(counts),
            frame=np.array([f.number for f in bucket.frames], np.int64).repeat(counts),
            feature=self._features(shape, bucket),
            instance=self._instances(bucket),
            media=np.array([f.size for f in bucket.frames], np.float64).repeat(counts, axis=0),
            geometry=geometry,
        )
        _refuse_twice(drawings, bucket)
        if isinstance(geometry, Runs) and geometry.size is not None:
            _refuse_other_size(drawings, geometry.size, bucket)
        return drawings

    def _features(self, shape: Shape, bucket: _Bucket) -> NDArray[np.int32]:
        index = self.ontology.object_index
        try:
            features = np.fromiter(map(index.__getitem__, map(_FEATURE, bucket.objects)), np.int32)
        except (KeyError, TypeError):
            raise _unknown_feature(bucket, index) from None
        right = np.array([item.shape is shape for item in self.ontology.objects], np.bool_)
        if not right[features].all():
            position = int((~right[features]).argmax())
            name = self.ontology.objects[features[position]].hash
            raise LabelReadError(bucket.place(position), f"feature {name!r} is drawn as {shape}")
        return features

    def _instances(self, bucket: _Bucket) -> NDArray[np.int32]:
        known = self.instances
        try:
            names = list(map(_OBJECT, bucket.objects))
            for name in dict.fromkeys(names):
                known.setdefault(name + "", len(known))  # a TypeError where it is no text
            return np.fromiter(map(known.__getitem__, names), np.int32, len(names))
        except (KeyError, TypeError):
            position = next(
                i for i, drawing in enumerate(bucket.objects) if not isinstance(drawing.get("objectHash"), str)
            )
            raise LabelReadError(bucket.place(position), "an object has no objectHash") from None


def _unknown_feature(bucket: _Bucket, index: Mapping[str, int]) -> LabelReadError:
    for position, drawing in enumerate(bucket.objects):
        feature = drawing.get("featureHash")
        if not isinstance(feature, str) or feature not in index:
            return LabelReadError(bucket.place(position), f"feature {hash_named(feature)} is not in the ontology")
    raise AssertionError("every feature is in the ontology")


def _refuse_twice(drawings: Drawings, bucket: _Bucket) -> None:
    """An object is in one place per frame; the SDK refuses a second one too."""
    frames = np.unique(drawings.frame, return_inverse=True)[1] if drawings.frame.max() > 2**31 else drawings.frame
    places = drawings.space.astype(np.int64) * (int(frames.max()) + 1) + frames
    keys = places * (int(drawings.instance.max()) + 1) + drawings.instance
    order = np.argsort(keys, kind="stable")
    again = np.diff(keys[order]) == 0
    if again.any():
        position = int(order[1:][again].min())
        raise LabelReadError(bucket.place(position), "an object is drawn twice in one frame")


def _refuse_other_size(drawings: Drawings, size: NDArray[np.int64], bucket: _Bucket) -> None:
    """A bitmask covers its frame; the SDK refuses another size when it saves."""
    other = (size[:, ::-1] != drawings.media).any(axis=1) & ~np.isnan(drawings.media).any(axis=1)
    if other.any():
        position = int(other.argmax())
        raise LabelReadError(bucket.place(position), "a bitmask has another height or width than its frame")
