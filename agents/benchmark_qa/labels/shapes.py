"""Geometry JSON to arrays: the shapes that are a fixed list of numbers, and the table of all readers.

Lengths stay what the JSON holds: fractions of the media's width and height (encord-sdk `objects/coordinates.py`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.labels.labels_geometry import Geometry, Numbers
from benchmark_qa.labels.ontology import Shape

Drawing = Mapping[str, Any]


class BadGeometryError(ValueError):
    """The drawing at `index` is not well formed."""

    def __init__(self, index: int, problem: str) -> None:
        super().__init__(problem)
        self.index = index
        self.problem = problem


def read_boxes(drawings: Sequence[Drawing]) -> Numbers:
    """Axis-parallel boxes (n, 4): left, top, width, height."""
    table = _table(drawings, "boundingBox", ("x", "y", "w", "h"))
    refuse(table[:, 2:] < 0, "has a negative size")
    return table


def read_rotated_boxes(drawings: Sequence[Drawing]) -> Numbers:
    """Rotated boxes (n, 5): left, top, width, height before the rotation, degrees clockwise about the centre."""
    table = _table(drawings, "rotatableBoundingBox", ("x", "y", "w", "h", "theta"))
    refuse(table[:, 2:4] < 0, "has a negative size")
    return table


def read_circles(drawings: Sequence[Drawing]) -> Numbers:
    """Circles (n, 5): centre x, y, radius in widths, second half axis over the first, degrees clockwise."""
    table = _table(drawings, "circle", ("x", "y", "r", "stretch", "theta"), stretch=1.0, theta=0.0)
    refuse(table[:, 2:4] < 0, "has a negative size")
    return table


def read_ellipses(drawings: Sequence[Drawing]) -> Numbers:
    """Ellipses (n, 5): centre x, y, half axis in widths, half axis in heights, degrees clockwise."""
    table = _table(drawings, "ellipse", ("x", "y", "rx", "ry", "theta"), theta=0.0)
    refuse(table[:, 2:4] < 0, "has a negative size")
    return table


def read_points(drawings: Sequence[Drawing]) -> Numbers:
    """Points (n, 3): x, y, z; z is NaN for a point in the plane."""
    rows = [_point(drawing.get("point"), index) for index, drawing in enumerate(drawings)]
    table = np.array(rows, np.float64).reshape(-1, 3)
    refuse(unfit(table[:, :2]) | unfit(np.nan_to_num(table[:, 2:], nan=0.0, posinf=np.inf)), UNFIT)
    return table


def read_cuboids(drawings: Sequence[Drawing]) -> Numbers:
    """Boxes in space (n, 9): centre, Euler angles in radians (order XYZ), size."""
    table = flat_table(
        drawings,
        lambda drawing: (
            float(number)
            for key in ("position", "orientation", "size")
            for number in exactly(drawing["cuboid"][key], 3)
        ),
        "cuboid",
        9,
    )
    refuse(table[:, 6:] < 0, "has a negative size")
    return table


def read_flat_cuboids(drawings: Sequence[Drawing]) -> Numbers:
    """Cuboids drawn in the plane (n, 16): the four corners of the front, then of the back, each x, y."""
    return flat_table(drawings, _flat_cuboid, "cuboid_2d", 16)


def _flat_cuboid(drawing: Drawing) -> Iterable[float]:
    cuboid = drawing["cuboid_2d"]
    front = np.array(exactly(cuboid["front"], 8), np.float64).reshape(4, 2)
    if cuboid.get("vanishingPoint") is not None:
        vanishing = np.array([cuboid["vanishingPoint"]["x"], cuboid["vanishingPoint"]["y"]], np.float64)
        back = vanishing + (front - vanishing) * float(cuboid["scaleRatio"])
    else:
        back = front + np.array([cuboid["offset"]["x"], cuboid["offset"]["y"]], np.float64)
    return np.concatenate((front, back)).ravel().tolist()


def exactly(items: Sequence[Any], count: int) -> Sequence[Any]:
    """The items themselves, or a ValueError when there are more or fewer."""
    if len(items) != count:
        raise ValueError(f"holds {len(items)} numbers instead of {count}")
    return items


def flat_table(
    drawings: Sequence[Drawing], numbers: Callable[[Drawing], Iterable[float]], key: str, columns: int
) -> Numbers:
    """One row of numbers per drawing, read one drawing at a time."""
    rows = []
    for index, drawing in enumerate(drawings):
        try:
            rows.append([float(number) for number in numbers(drawing)])
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            raise BadGeometryError(index, f"has no well-formed {key}") from None
    table = np.array(rows, np.float64).reshape(-1, columns)
    refuse(unfit(table), UNFIT)
    return table


UNFIT = "holds a number that is not finite"
MOST = 1e100
"""Greater numbers overflow as soon as an area or a volume is made of them."""


def unfit(numbers: Numbers) -> NDArray[np.bool_]:
    """Which numbers nobody can calculate with: NaN, infinite, or beyond `MOST`."""
    return np.asarray(~(np.abs(numbers) <= MOST))


def refuse(bad: NDArray[np.bool_], problem: str) -> None:
    """Raise for the first row (of n, k) that is bad anywhere."""
    rows = bad.any(axis=1)
    if rows.any():
        raise BadGeometryError(int(rows.argmax()), problem)


def _table(drawings: Sequence[Drawing], key: str, fields: tuple[str, ...], **defaults: float) -> Numbers:
    """The numbers under `key`, one row per drawing and one column per field."""
    try:
        values = map(itemgetter(*fields), map(itemgetter(key), drawings))
        flat = np.fromiter(chain.from_iterable(values), np.float64, len(drawings) * len(fields))
    except (KeyError, TypeError, ValueError, AttributeError):
        flat = np.array(list(chain.from_iterable(_checked(drawings, key, fields, defaults))), np.float64)
    table = flat.reshape(len(drawings), len(fields))
    refuse(unfit(table), UNFIT)
    return table


def _checked(
    drawings: Sequence[Drawing], key: str, fields: tuple[str, ...], defaults: Mapping[str, float]
) -> Iterator[list[float]]:
    """The slow way: fills in defaults, and names the first drawing that is broken."""
    for index, drawing in enumerate(drawings):
        geometry = drawing.get(key)
        if not isinstance(geometry, Mapping):
            raise BadGeometryError(index, f"has no {key}")
        row = [geometry.get(name, defaults.get(name)) for name in fields]
        for name, number in zip(fields, row, strict=True):
            if number is None:
                raise BadGeometryError(index, f"has a {key} without {name}")
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise BadGeometryError(index, f"has a {key} whose {name} is not a number")
        yield [float(number) for number in row]


def _point(point: Any, index: int) -> tuple[float, float, float]:
    try:
        first = point["0"] if isinstance(point, Mapping) else point[0]
        return float(first["x"]), float(first["y"]), float(first.get("z", np.nan))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise BadGeometryError(index, "has no well-formed point") from None


def readers() -> Mapping[Shape, Callable[[Sequence[Drawing]], Geometry]]:
    """The reader of every shape."""
    from benchmark_qa.labels import labels_outlines as outlines  # noqa: PLC0415 - boxes need neither
    from benchmark_qa.labels import runs  # noqa: PLC0415

    return {
        Shape.BOUNDING_BOX: read_boxes,
        Shape.ROTATABLE_BOUNDING_BOX: read_rotated_boxes,
        Shape.CIRCLE: read_circles,
        Shape.ELLIPSE: read_ellipses,
        Shape.POINT: read_points,
        Shape.CUBOID: read_cuboids,
        Shape.CUBOID_2D: read_flat_cuboids,
        Shape.POLYGON: outlines.read_polygons,
        Shape.POLYLINE: outlines.read_polylines,
        Shape.SKELETON: outlines.read_skeletons,
        Shape.BITMASK: runs.read_bitmasks,
        Shape.SEGMENTATION: runs.read_segmentations,
        Shape.AUDIO: runs.read_times,
        Shape.TIME_RANGE: runs.read_times,
        Shape.TEXT: runs.read_texts,
    }
