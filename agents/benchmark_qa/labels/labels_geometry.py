"""Geometry that does not fit one row of numbers per drawing, as flat arrays with offsets."""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Numbers = NDArray[np.float64]


class Geometry(Protocol):
    """The geometry of n drawings: an array (n, k), or one of the classes below."""

    def __len__(self) -> int: ...

    def take(self, indices: Indices, axis: int = 0) -> Self:
        """The geometry of some of the drawings."""


def segments(offsets: Indices, rows: Indices) -> tuple[Indices, Indices]:
    """Positions of the items of some rows, and the offsets of the rows among them.

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
    """Areas: drawing -> polygons -> rings (the first of a polygon outside, the others holes) -> points (m, 2)."""

    points: Numbers
    ring_offsets: Indices
    polygon_offsets: Indices
    offsets: Indices

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, indices: Indices, axis: int = 0) -> "Rings":
        """The areas of some drawings."""
        del axis
        polygons, offsets = segments(self.offsets, indices)
        rings, polygon_offsets = segments(self.polygon_offsets, polygons)
        points, ring_offsets = segments(self.ring_offsets, rings)
        return Rings(self.points[points], ring_offsets, polygon_offsets, offsets)

    @property
    def point_offsets(self) -> Indices:
        """Where the points of each drawing begin and end."""
        return self.ring_offsets[self.polygon_offsets[self.offsets]]


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Polylines: drawing -> points (m, 3), the third NaN where the line is flat."""

    points: Numbers
    offsets: Indices

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, indices: Indices, axis: int = 0) -> "Lines":
        """The lines of some drawings."""
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
    """Feature hash of each node, else its name."""
    titles: tuple[str, ...]
    """Name of each node."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, indices: Indices, axis: int = 0) -> "Skeletons":
        """Some of the skeletons."""
        del axis
        points, offsets = segments(self.offsets, indices)
        node, visibility = self.node[points], self.visibility[points]
        return Skeletons(self.points[points], node, visibility, offsets, self.names, self.titles)


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Covered stretches: drawing -> half-open runs [start, end) (m,), sorted and disjoint, each on a line (m,).

    Bitmasks: pixels in row-major order; point cloud segmentations: points; audio and time series: milliseconds;
    text: characters. Only HTML has more than one line: one per text node.
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
        """The runs of some drawings."""
        del axis
        runs, offsets = segments(self.offsets, indices)
        size = None if self.size is None else self.size[indices]
        return Runs(self.starts[runs], self.ends[runs], self.line[runs], offsets, self.names, size)
