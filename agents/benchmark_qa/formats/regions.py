"""Convert drawings to pixels: the boxes, outlines, masks and keypoints of other formats.

Encord's numbers are fractions of the image's width and height. Pixels are rounded to `DECIMALS`, so that files contain
no floating-point noise.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from benchmark_qa.formats.run_lengths import Pixels, runs_by_row
from benchmark_qa.labels.annotations import Drawings, Indices, Numbers, Rings, Runs, Skeletons
from benchmark_qa.labels.ontology import Shape
from benchmark_qa.labels.outlines import ellipse_corners, rotated_box_corners

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


DECIMALS = 4


CURVE_POINTS = 64
"""Corners of the polygon for a circle or an ellipse; it has the same area."""


BOX_SHAPES = frozenset(
    {
        Shape.BOUNDING_BOX,
        Shape.ROTATABLE_BOUNDING_BOX,
        Shape.POLYGON,
        Shape.BITMASK,
        Shape.CIRCLE,
        Shape.ELLIPSE,
    }
)
"""Shapes with a bounding box."""


AREA_SHAPES = BOX_SHAPES - {Shape.BOUNDING_BOX}
"""Shapes with an outline or a mask."""


KEYPOINT_SHAPES = frozenset({Shape.SKELETON, Shape.POINT})


POINT_NAME = "point"
"""Name of the only keypoint of a single point."""


Box = tuple[float, float, float, float]
"""Left, top, width, height in pixels."""


Keypoint = tuple[float, float, int]
"""x, y, COCO visibility: 0 not labelled, 1 labelled and hidden, 2 visible."""


@dataclass(frozen=True, slots=True)
class Mask:
    """Half-open runs [start, end) of pixels, row by row."""

    starts: Indices
    ends: Indices
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Region:
    """The place of an object on its image, in pixels; its shape determines which fields are set."""

    box: Box
    """Box around the object; for keypoints, around those that are labelled."""
    area: float
    """Pixels squared; for keypoints, the area of their box."""
    polygons: tuple[tuple[Numbers, ...], ...] = ()
    """Outlines; each part is the outer ring (m, 2), then its holes."""
    mask: Mask | None = None
    keypoints: Mapping[str, Keypoint] | None = None
    """By node: its feature hash, or its name if it has none."""
    degrees: float | None = None
    """Rotation of a rotated box."""


def regions_of(drawings: Drawings, media: Numbers) -> list[Region | None]:
    """The region of every drawing; None for other shapes, empty masks, and drawings without area.

    Args:
        drawings: n drawings of one shape.
        media: width and height of each image (n, 2), in pixels; if NaN, the region is None.
    """
    reader = _READERS.get(drawings.shape)
    if reader is None:
        return [None] * len(drawings)
    known: NDArray[np.bool_] = np.asarray(~np.isnan(media).any(axis=1))
    regions = reader(drawings.geometry, np.where(known[:, None], media, 1.0))
    return [region if fit else None for region, fit in zip(regions, known.tolist(), strict=True)]


def _boxes(geometry: Numbers, media: Numbers) -> list[Region | None]:
    table = np.round(geometry * np.concatenate((media, media), axis=1), DECIMALS)
    return [Region((x, y, w, h), _rounded(w * h)) if w > 0 and h > 0 else None for x, y, w, h in table.tolist()]


def _rotated_boxes(geometry: Numbers, media: Numbers) -> list[Region | None]:
    corners = np.round(rotated_box_corners(geometry, media), DECIMALS)
    return [
        _outlined(((ring,),), float(w * h), float(theta))
        for ring, (w, h), theta in zip(corners, geometry[:, 2:4] * media, geometry[:, 4], strict=True)
    ]


def _polygons(geometry: Rings, media: Numbers) -> list[Region | None]:
    regions: list[Region | None] = []
    for drawing, scale in enumerate(media):
        parts = []
        for part in range(geometry.offsets[drawing], geometry.offsets[drawing + 1]):
            first, end = geometry.polygon_offsets[part : part + 2]
            rings = [geometry.points[slice(*geometry.ring_offsets[ring : ring + 2])] for ring in range(first, end)]
            if rings and len(rings[0]) >= 3:
                parts.append(tuple(np.round(ring * scale, DECIMALS) for ring in rings if len(ring) >= 3))
        area = sum(ring_area(rings[0]) - sum(map(ring_area, rings[1:])) for rings in parts)
        regions.append(_outlined(tuple(parts), area) if parts else None)
    return regions


def ring_area(ring: Numbers) -> float:
    """Area of a closed ring (m, 2), by the shoelace formula."""
    x, y = ring.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def _circles(geometry: Numbers, media: Numbers) -> list[Region | None]:
    radius = geometry[:, 2] * media[:, 0]
    return _curves(geometry[:, :2] * media, radius, radius * geometry[:, 3], geometry[:, 4])


def _ellipses(geometry: Numbers, media: Numbers) -> list[Region | None]:
    across, down = (geometry[:, 2:4] * media).T
    return _curves(geometry[:, :2] * media, across, down, geometry[:, 4])


def curve_regions(shape: Shape, geometry: Numbers, media: Numbers) -> list[Region | None]:
    """Regions of circles or ellipses from `labels.shapes`, on images of the sizes `media` (n, 2)."""
    return (_circles if shape is Shape.CIRCLE else _ellipses)(geometry, media)


def _curves(middles: Numbers, across: Numbers, down: Numbers, degrees: Numbers) -> list[Region | None]:
    rings = ellipse_corners(middles, np.stack((across, down), axis=-1), degrees, CURVE_POINTS)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    reach = np.stack((np.hypot(across * cosine, down * sine), np.hypot(across * sine, down * cosine)), axis=-1)
    boxes = np.round(np.concatenate((middles - reach, 2 * reach), axis=1), DECIMALS)
    return [
        Region((x0, y0, w, h), _rounded(math.pi * float(a * b)), ((ring,),)) if a * b > 0 else None
        for ring, (x0, y0, w, h), a, b in zip(np.round(rings, DECIMALS), boxes.tolist(), across, down, strict=True)
    ]


def _outlined(polygons: tuple[tuple[Numbers, ...], ...], area: float, degrees: float | None = None) -> Region | None:
    if not _rounded(area) > 0:  # flat shapes leave a rounding error, which depends on the processor
        return None
    points = np.concatenate([rings[0] for rings in polygons])
    return Region(_box_about(points), _rounded(area), polygons, degrees=degrees)


def _masks(geometry: Runs, media: Numbers) -> list[Region | None]:
    del media  # a mask has its own size
    assert geometry.size is not None  # noqa: S101 - masks have one
    regions: list[Region | None] = []
    for drawing, (height, width) in enumerate(geometry.size.tolist()):
        runs = slice(geometry.offsets[drawing], geometry.offsets[drawing + 1])
        starts, ends = geometry.starts[runs].astype(np.int64), geometry.ends[runs].astype(np.int64)
        if not len(starts):
            regions.append(None)
            continue
        row, left, right = runs_by_row(starts, ends, width)
        x, y = int(left.min()), int(row.min())
        box = (float(x), float(y), float(right.max() - x), float(row.max() + 1 - y))
        regions.append(Region(box, float((ends - starts).sum()), mask=Mask(starts, ends, height, width)))
    return regions


def _skeletons(geometry: Skeletons, media: Numbers) -> list[Region | None]:
    coco_visibility = (2, 0, 1, 1)  # of VISIBILITIES: visible, invisible, occluded, selfOccluded
    regions: list[Region | None] = []
    for drawing, scale in enumerate(media):
        nodes = slice(geometry.offsets[drawing], geometry.offsets[drawing + 1])
        points = np.round(geometry.points[nodes] * scale, DECIMALS).tolist()
        found = {
            geometry.names[node]: (x, y, coco_visibility[visibility])
            for (x, y), node, visibility in zip(
                points, geometry.node[nodes].tolist(), geometry.visibility[nodes].tolist(), strict=True
            )
        }
        regions.append(_keypoints(found))
    return regions


def _points(geometry: Numbers, media: Numbers) -> list[Region | None]:
    flat = np.isnan(geometry[:, 2])
    places = np.round(geometry[:, :2] * media, DECIMALS).tolist()
    return [_keypoints({POINT_NAME: (x, y, 2)}) if ok else None for (x, y), ok in zip(places, flat, strict=True)]


def _keypoints(found: Mapping[str, Keypoint]) -> Region:
    there = np.array([(x, y) for x, y, visibility in found.values() if visibility]).reshape(-1, 2)
    box = _box_about(there) if len(there) else (0.0, 0.0, 0.0, 0.0)
    return Region(box, _rounded(box[2] * box[3]), keypoints=found)


def _box_about(points: Numbers) -> Box:
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return left, top, _rounded(right - left), _rounded(bottom - top)


def _rounded(number: float) -> float:
    return round(float(number), DECIMALS)


_READERS: Mapping[Shape, Callable[..., list[Region | None]]] = {
    Shape.BOUNDING_BOX: _boxes,
    Shape.ROTATABLE_BOUNDING_BOX: _rotated_boxes,
    Shape.POLYGON: _polygons,
    Shape.BITMASK: _masks,
    Shape.CIRCLE: _circles,
    Shape.ELLIPSE: _ellipses,
    Shape.SKELETON: _skeletons,
    Shape.POINT: _points,
}


def one_ring(region: Region) -> Numbers:
    """The outline or mask of a region as one ring (m, 2), in pixels."""
    polygons = rings_of_mask(region.mask) if region.mask is not None else region.polygons
    return joined_ring([ring for rings in polygons for ring in rings])


def rings_of_mask(mask: Mask) -> list[tuple[Numbers, ...]]:
    """The outlines of a mask, exactly along its pixel edges: each outer ring, then its holes."""
    row, left, right = runs_by_row(mask.starts, mask.ends, mask.width)
    covered = shapely.union_all(shapely.box(left, row, right, row + 1))
    parts = shapely.get_parts(shapely.simplify(covered, 0))
    return [
        (
            shapely.get_coordinates(shapely.get_exterior_ring(part))[:-1],
            *(shapely.get_coordinates(ring)[:-1] for ring in part.interiors),
        )
        for part in parts
    ]


def joined_ring(rings: Sequence[Numbers]) -> Numbers:
    """Join rings (m, 2) into one; each is inserted at the point nearest to the joined ring, and back.

    >>> corner = np.array([[0, 0], [2, 0], [0, 2]])
    >>> joined([corner, corner / 2 + [3, 0]]).astype(int).tolist()
    [[0, 0], [2, 0], [3, 0], [4, 0], [3, 1], [3, 0], [2, 0], [0, 2]]
    """
    whole = np.asarray(rings[0], np.float64)
    waiting = [np.asarray(ring, np.float64) for ring in rings[1:]]
    while waiting:
        gaps = [((whole[:, None] - ring[None]) ** 2).sum(axis=2) for ring in waiting]
        nearest = int(np.argmin([gap.min() for gap in gaps]))
        ring, gap = waiting.pop(nearest), gaps[nearest]
        at, entry = np.unravel_index(int(gap.argmin()), gap.shape)
        around = np.concatenate((ring[entry:], ring[: entry + 1]))
        whole = np.concatenate((whole[: at + 1], around, whole[at:]))
    return whole
