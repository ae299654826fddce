"""Convert areas to COCO's column-wise run-length encoding, from row-wise runs and polygons with holes.

The string form is that of `rleToString` in cocoapi/common/maskApi.c; `benchmark_qa.labels.runs` reads it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.labels.annotations import Indices, Numbers

Pixels = NDArray[np.bool_]
"""Shape (height, width)."""


def pixels_of_runs(starts: Indices, ends: Indices, height: int, width: int) -> Pixels:
    """The mask of half-open runs [start, end) over pixels in row-major order."""
    steps = np.zeros(height * width + 1, np.int8)
    np.add.at(steps, starts, 1)
    np.add.at(steps, ends, -1)
    return np.cumsum(steps[:-1], dtype=np.int8).reshape(height, width).astype(np.bool_)


def pixels_of_rings(rings: Iterable[Numbers], height: int, width: int) -> Pixels:
    """Pixels whose centres lie inside an odd number of rings (m, 2): an outline with its holes.

    >>> ring = np.array([[0, 0], [2, 0], [2, 1], [0, 1]])
    >>> pixels_of_rings([ring], 2, 3).astype(int).tolist()
    [[1, 1, 0], [0, 0, 0]]
    """
    crossings = np.zeros((height, width + 1), np.int32)
    for ring in rings:
        (x1, y1), (x2, y2) = ring.T, np.roll(ring, -1, axis=0).T
        top = np.clip(np.ceil(np.minimum(y1, y2) - 0.5), 0, height).astype(np.int64)
        bottom = np.clip(np.ceil(np.maximum(y1, y2) - 0.5), 0, height).astype(np.int64)
        edge = np.repeat(np.arange(len(ring)), bottom - top)
        if not len(edge):
            continue
        before = np.concatenate((np.zeros(1, np.int64), np.cumsum(bottom - top)[:-1]))
        row = np.arange(len(edge)) - before[edge] + top[edge]
        slope = (x2 - x1)[edge] / (y2 - y1)[edge]
        at = x1[edge] + (row + 0.5 - y1[edge]) * slope
        np.add.at(crossings, (row, np.clip(np.ceil(at - 0.5), 0, width).astype(np.int64)), 1)
    return np.asarray(np.cumsum(crossings, axis=1)[:, :-1] % 2 == 1)


def coco_mask(pixels: Pixels) -> dict[str, Any]:
    """A mask as COCO's compressed run-length encoding: `{"size": [height, width], "counts": "..."}`."""
    height, width = pixels.shape
    flat = pixels.ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate(([0], changes, [flat.size]))
    counts = np.diff(edges).tolist()
    if flat.size and flat[0]:
        counts.insert(0, 0)  # the first run counts zeros
    return {"size": [height, width], "counts": run_length_string(counts)}


def run_length_string(counts: Sequence[int]) -> str:
    """Run lengths as a string: 5 bits a character; from the fourth on, differences to the one two before.

    >>> run_length_string([6, 3, 2, 3, 6])
    '63204'
    """
    letters = bytearray()
    for place, count in enumerate(counts):
        rest = count - counts[place - 2] if place > 2 else count
        more = True
        while more:
            bits = rest & 0x1F
            rest >>= 5
            more = rest != (-1 if bits & 0x10 else 0)
            letters.append((bits | 0x20 if more else bits) + 48)
    return letters.decode()


def runs_by_row(starts: Indices, ends: Indices, width: int) -> tuple[Indices, Indices, Indices]:
    """Runs cut at row ends: the row of each piece, and its columns [left, right)."""
    first, last = starts // width, (ends - 1) // width
    pieces = last - first + 1
    run = np.repeat(np.arange(len(starts)), pieces)
    before = np.concatenate((np.zeros(1, np.int64), np.cumsum(pieces)[:-1])) if len(pieces) else pieces
    row = first[run] + np.arange(len(run)) - before[run]
    left = np.where(row == first[run], starts[run] - row * width, 0)
    right = np.where(row == last[run], ends[run] - row * width, width)
    return row, left, right
