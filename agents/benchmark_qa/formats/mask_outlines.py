"""Convert masks to outlines with holes, along pixel edges; they cover exactly the mask's pixels."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.formats.regions import ring_area
from benchmark_qa.formats.run_lengths import Pixels
from benchmark_qa.labels.annotations import Numbers

Vertex = tuple[int, int]


def outlines_of(pixels: Pixels) -> list[list[Numbers]]:
    """The parts of a mask, each as rings (m, 2) of x and y: the outline, then its holes.

    Pixels that touch at a corner only are separate parts.

    >>> [[ring.tolist() for ring in part] for part in outlines_of(np.array([[True, True]]))]
    [[[[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]]]]
    """
    rings = _rings(pixels)
    outer = [ring for ring in rings if _turn(ring) > 0]
    parts = [[ring] for ring in sorted(outer, key=lambda ring: ring[0].tolist())]
    reach = np.array([[*part[0].min(axis=0), *part[0].max(axis=0)] for part in parts]).reshape(-1, 4)
    for hole in (ring for ring in rings if _turn(ring) < 0):
        x, y = hole[0]
        near = np.flatnonzero((reach[:, 0] < x) & (reach[:, 1] < y) & (reach[:, 2] > x) & (reach[:, 3] > y))
        around = [parts[at] for at in near.tolist() if _holds(parts[at][0], hole)]
        min(around, key=lambda part: ring_area(part[0])).append(hole)
    return parts


def _rings(pixels: Pixels) -> list[Numbers]:
    """Closed rings along the pixel edges, with the mask on the right; only corners are kept."""
    following = _edges(pixels)
    rings = []
    starts = sorted(following, reverse=True)
    while starts:
        start = starts.pop()
        if start not in following:
            continue
        if len(following[start]) > 1:
            starts.append(start)
        vertex, came = start, (0, 0)
        corners: list[Vertex] = []
        while True:
            onward = following[vertex]
            # Where two pixels touch at a corner, turn right and stay at the same pixel.
            step = onward[0] if len(onward) == 1 else _right_of(came, onward)
            onward.remove(step)
            if not onward:
                del following[vertex]
            if step != came:
                corners.append(vertex)
            vertex, came = (vertex[0] + step[0], vertex[1] + step[1]), step
            if vertex == start:
                break
        rings.append(np.array(corners, np.float64))
    return rings


def _edges(pixels: Pixels) -> dict[Vertex, list[Vertex]]:
    """The next corners of every corner on the edge of the mask."""
    inside = np.pad(pixels, 1).astype(np.int8)
    down, right = np.diff(inside, axis=0)[:, 1:-1], np.diff(inside, axis=1)[1:-1]
    following: dict[Vertex, list[Vertex]] = defaultdict(list)
    for change, along, start in ((1, (1, 0), (0, 0)), (-1, (-1, 0), (1, 0))):
        for y, x in np.argwhere(down == change).tolist():
            following[x + start[0], y].append(along)
    for change, along, start in ((1, (0, -1), (0, 1)), (-1, (0, 1), (0, 0))):
        for y, x in np.argwhere(right == change).tolist():
            following[x, y + start[1]].append(along)
    return following


def _right_of(came: Vertex, onward: list[Vertex]) -> Vertex:
    turned = (-came[1], came[0])
    return turned if turned in onward else onward[0]


def _turn(ring: Numbers) -> float:
    """Twice the signed area; positive for outlines, negative for holes."""
    x, y = ring.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1))


def _holds(outline: Numbers, hole: Numbers) -> bool:
    """Whether the centre of a pixel at the hole's first corner is inside the outline (even-odd rule)."""
    x, y = hole[0] + 0.5
    (x1, y1), (x2, y2) = outline.T, np.roll(outline, -1, axis=0).T
    crossing: NDArray[np.bool_] = (y1 > y) != (y2 > y)
    at = x1[crossing] + (y - y1[crossing]) * (x2 - x1)[crossing] / (y2 - y1)[crossing]
    return bool(np.count_nonzero(at > x) % 2)
