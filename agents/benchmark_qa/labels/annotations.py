"""The content of a label row as flat arrays, in which two label rows are compared; and its creators."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.labels.ontology import Shape

Answer = str | float | frozenset[str]
"""By question type: option hash (radio), hashes of ticked options (checklist), text, or number."""


Answers = Mapping[str, Answer]
"""Answers by question hash, without unanswered questions and empty answers."""


Span = tuple[float, float]
"""A range that includes both ends, in frames, milliseconds or characters."""


ROW = ""
"""The space of labels in the label row itself, outside every space of a data group."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawings:
    """All drawings of one shape; row i of every array belongs to drawing i.

    `space`, `feature` and `instance` (n,) index `Annotations.spaces`, `Ontology.objects` and
    `Annotations.instances`. `frame` (n,) is the frame, page, slice or image number. `media` (n, 2) is the width and
    height in pixels, NaN if the label row has none. `geometry` has one row per drawing, in fractions of the
    media; `benchmark_qa.labels.shapes` defines the columns of each shape.
    """

    shape: Shape
    space: NDArray[np.int32]
    frame: NDArray[np.int64]
    feature: NDArray[np.int32]
    instance: NDArray[np.int32]
    media: NDArray[np.float64]
    geometry: Any
    """Type set by `shape`: an array, or a class of `benchmark_qa.labels.annotations` (see `Geometry`)."""

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: NDArray[np.int64]) -> "Drawings":
        """The drawings at these positions."""
        return Drawings(
            self.shape,
            self.space[rows],
            self.frame[rows],
            self.feature[rows],
            self.instance[rows],
            self.media[rows],
            self.geometry.take(rows, axis=0),
        )


@dataclass(frozen=True, slots=True)
class Classification:
    """One classification instance: its answers and the spans they hold for (none: the whole data unit)."""

    hash: str
    feature: int
    """Index into `Ontology.classifications`."""
    space: str
    spans: tuple[Span, ...]
    answers: Answers


@dataclass(frozen=True, slots=True)
class DynamicAnswer:
    """An answer to an object's attribute that holds for some of its frames."""

    question: str
    answer: Answer
    spans: tuple[Span, ...]
    space: str | None = None
    """None: every space of the object."""


@dataclass(frozen=True, slots=True)
class Events:
    """Deletions and linear movements of the objects of a continuous scene, as (instance, nanosecond)."""

    deleted: frozenset[tuple[int, int]]
    """From this time on the object does not exist."""
    linear: frozenset[tuple[int, int]]
    """From this time on the object moves in a straight line to its next event."""


@dataclass(frozen=True, eq=False)
class Annotations:
    """One label row: the ground truth, or one annotator's labels. Immutable."""

    spaces: tuple[str, ...] = (ROW,)
    instances: tuple[str, ...] = ()
    """Object hashes."""
    drawings: Mapping[Shape, Drawings] = field(default_factory=dict)
    events: Events | None = None
    """Set for a continuous scene only: its drawings are events at nanoseconds, not labels on frames."""
    attributes: Mapping[int, Answers] = field(default_factory=dict)
    """Answers that hold for an object's whole life, by instance."""
    dynamic_attributes: Mapping[int, tuple[DynamicAnswer, ...]] = field(default_factory=dict)
    """Answers that hold for some frames, by instance."""
    classifications: tuple[Classification, ...] = ()
    contradicted: frozenset[str] = frozenset()
    """Hashes of questions with two different answers in the row about the same thing on the same frame."""
    ends: Mapping[str, int] = field(default_factory=dict)
    """Last frame of each space, or last millisecond of audio, if the row contains it."""

    @classmethod
    def empty(cls) -> Self:
        """Annotations without any label."""
        return cls()

    def only(self, drawings: Mapping[Shape, Drawings], classifications: tuple[Classification, ...]) -> "Annotations":
        """A copy with other drawings and classifications."""
        return replace(self, drawings=drawings, classifications=classifications)

    @cached_property
    def rank(self) -> NDArray[np.int64]:
        """Each instance's position in the sorted object hashes; does not depend on the order of the input."""
        order = np.argsort(np.array(self.instances, dtype=np.str_), kind="stable")
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        return rank


Indices = NDArray[np.int64]


Numbers = NDArray[np.float64]


class Geometry(Protocol):
    """The geometry of n drawings: an array (n, k), or one of the classes of this module."""

    def __len__(self) -> int: ...

    def take(self, indices: Indices, axis: int = 0) -> Self:
        """The geometry of the drawings at these positions."""


def segments(offsets: Indices, rows: Indices) -> tuple[Indices, Indices]:
    """Positions of the items of the given rows, and new offsets of these rows.

    Row i holds the items offsets[i] to offsets[i + 1].

    >>> segments(np.array([0, 2, 5]), np.array([1, 0]))
    (array([2, 3, 4, 0, 1]), array([0, 3, 5]))
    """
    counts = offsets[rows + 1] - offsets[rows]
    taken = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
    items = np.arange(taken[-1]) + np.repeat(offsets[rows] - taken[:-1], counts)
    return items, taken


@dataclass(frozen=True, slots=True, eq=False)
class Rings:
    """Areas: drawing -> polygons -> rings -> points (m, 2).

    The first ring of a polygon is its outside, the others are holes.
    """

    points: Numbers
    ring_offsets: Indices
    polygon_offsets: Indices
    offsets: Indices

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, indices: Indices, axis: int = 0) -> "Rings":
        """The areas of the drawings at these positions."""
        del axis
        polygons, offsets = segments(self.offsets, indices)
        rings, polygon_offsets = segments(self.polygon_offsets, polygons)
        points, ring_offsets = segments(self.ring_offsets, rings)
        return Rings(self.points[points], ring_offsets, polygon_offsets, offsets)

    @property
    def point_offsets(self) -> Indices:
        """Start of each drawing's points, and the end of the last (n + 1,)."""
        return self.ring_offsets[self.polygon_offsets[self.offsets]]


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Polylines: drawing -> points (m, 3); z is NaN for a line in the plane."""

    points: Numbers
    offsets: Indices

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, indices: Indices, axis: int = 0) -> "Lines":
        """The lines of the drawings at these positions."""
        del axis
        points, offsets = segments(self.offsets, indices)
        return Lines(self.points[points], offsets)


VISIBILITIES = ("visible", "invisible", "occluded", "selfOccluded")


INVISIBLE = VISIBILITIES.index("invisible")


@dataclass(frozen=True, slots=True, eq=False)
class Skeletons:
    """Skeletons: drawing -> points (m, 2), each with a node (m,) of `names` and a visibility (m,)."""

    points: Numbers
    node: NDArray[np.int32]
    visibility: NDArray[np.int8]
    """Index into `VISIBILITIES`."""
    offsets: Indices
    names: tuple[str, ...]
    """Feature hash of each node, or its name if it has none."""
    titles: tuple[str, ...]
    """Name of each node."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, indices: Indices, axis: int = 0) -> "Skeletons":
        """The skeletons at these positions."""
        del axis
        points, offsets = segments(self.offsets, indices)
        node, visibility = self.node[points], self.visibility[points]
        return Skeletons(self.points[points], node, visibility, offsets, self.names, self.titles)


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Covered ranges: drawing -> half-open runs [start, end) (m,), each on a line (m,).

    Runs are sorted and disjoint. Units: pixels in row-major order for bitmasks, points for point cloud segmentations,
    milliseconds for audio and time series, characters for text. Only HTML has more than one line: one per text node.
    """

    starts: Numbers
    ends: Numbers
    line: NDArray[np.int32]
    offsets: Indices
    names: tuple[str, ...] = ("",)
    size: Indices | None = None
    """Height and width of bitmasks (n, 2)."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, indices: Indices, axis: int = 0) -> "Runs":
        """The runs of the drawings at these positions."""
        del axis
        runs, offsets = segments(self.offsets, indices)
        size = None if self.size is None else self.size[indices]
        return Runs(self.starts[runs], self.ends[runs], self.line[runs], offsets, self.names, size)


def label_creators(row: Mapping[str, Any]) -> Counter[str]:
    """Number of objects and classifications that each person created, by e-mail.

    Reads `createdBy` of every object in its first frame, of range objects, and of classifications. Labels without a
    creator are not counted.
    """
    seen: dict[str, str] = {}
    for entry in _entries(row):
        label_hash = entry.get("objectHash") or entry.get("classificationHash")
        creator = entry.get("createdBy")
        if isinstance(label_hash, str) and isinstance(creator, str) and creator:
            seen.setdefault(label_hash, creator)
    return Counter(seen.values())


def _entries(row: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for container in (*_values(row.get("data_units")), *_values(row.get("spaces"))):
        labels = container.get("labels")
        if isinstance(labels, Mapping):
            for frame in (labels, *_values(labels)):
                yield from _mappings(frame.get("objects"))
    yield from _values(row.get("object_answers"))
    yield from _values(row.get("classification_answers"))


def _values(container: object) -> Iterable[Mapping[str, Any]]:
    return _mappings(container.values()) if isinstance(container, Mapping) else ()


def _mappings(items: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(items, Iterable):
        yield from (item for item in items if isinstance(item, Mapping))


UNKNOWN = "(unknown)"


def creators(row: Mapping[str, Any]) -> list[str]:
    """Everybody who created a label of this row, sorted; `UNKNOWN` stands for labels without a creator."""
    return sorted({_creator(item) for item in _labels(row)})


def created_by(row: Mapping[str, Any], creator: str) -> dict[str, Any]:
    """The label row with this person's labels only."""
    return {
        **row,
        "data_units": _holders(row.get("data_units"), creator),
        "spaces": _holders(row.get("spaces"), creator),
        "classification_answers": _own(row.get("classification_answers"), creator),
        "object_answers": {
            key: entry
            for key, entry in (row.get("object_answers") or {}).items()
            # Only objects on ranges have their creator here.
            if "createdBy" not in entry or _creator(entry) == creator
        },
    }


def _creator(item: Mapping[str, Any]) -> str:
    return str(item.get("createdBy") or UNKNOWN)


def _labels(row: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for key in ("data_units", "spaces"):
        for holder in (row.get(key) or {}).values():
            for frame in _frames(holder.get("labels") or {}).values():
                yield from frame.get("objects") or ()
    yield from (row.get("classification_answers") or {}).values()
    yield from (e for e in (row.get("object_answers") or {}).values() if "createdBy" in e)


def _frames(labels: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"": labels} if "objects" in labels else labels


def _holders(holders: Mapping[str, Any] | None, creator: str) -> dict[str, Any]:
    return {
        key: {**value, "labels": _own_labels(value.get("labels"), creator)} for key, value in (holders or {}).items()
    }


def _own_labels(labels: Mapping[str, Any] | None, creator: str) -> dict[str, Any]:
    if not labels:
        return {}
    if "objects" in labels:
        return _own_frame(labels, creator)
    return {number: _own_frame(frame, creator) for number, frame in labels.items()}


def _own_frame(frame: Mapping[str, Any], creator: str) -> dict[str, Any]:
    return {**frame, "objects": [item for item in frame.get("objects") or () if _creator(item) == creator]}


def _own(entries: Mapping[str, Any] | None, creator: str) -> dict[str, Any]:
    return {key: entry for key, entry in (entries or {}).items() if _creator(entry) == creator}
