"""Geometry JSON to arrays, one function per shape.

Lengths stay what the JSON holds: fractions of the media's width and height (encord-sdk `objects/coordinates.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.labels.ontology import Shape

Reader = Callable[[Sequence[Mapping[str, Any]]], NDArray[np.float64]]


class BadGeometryError(ValueError):
    """The drawing at `index` is not well formed."""

    def __init__(self, index: int, problem: str) -> None:
        super().__init__(problem)
        self.index = index
        self.problem = problem


def read_boxes(drawings: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
    """Axis-parallel boxes (n, 4): left, top, width, height."""
    table = _table(drawings, "boundingBox", ("x", "y", "w", "h"))
    _refuse(table[:, 2:] < 0, "has a negative size")
    return table


def _table(drawings: Sequence[Mapping[str, Any]], key: str, fields: tuple[str, ...]) -> NDArray[np.float64]:
    """The numbers under `key`, one row per drawing and one column per field."""
    values = map(itemgetter(*fields), map(itemgetter(key), drawings))
    try:
        flat = np.fromiter(chain.from_iterable(values), dtype=np.float64, count=len(drawings) * len(fields))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _first_broken(drawings, key, fields) from None
    table = flat.reshape(len(drawings), len(fields))
    _refuse(~np.isfinite(table), "holds a number that is not finite")
    return table


def _refuse(bad: NDArray[np.bool_], problem: str) -> None:
    rows = bad.any(axis=1)
    if rows.any():
        raise BadGeometryError(int(rows.argmax()), problem)


def _first_broken(drawings: Sequence[Mapping[str, Any]], key: str, fields: tuple[str, ...]) -> BadGeometryError:
    for index, drawing in enumerate(drawings):
        geometry = drawing.get(key)
        if not isinstance(geometry, Mapping):
            return BadGeometryError(index, f"has no {key}")
        for name in fields:
            if name not in geometry:
                return BadGeometryError(index, f"{key} has no {name}")
            if isinstance(geometry[name], str) or not isinstance(geometry[name], int | float):
                return BadGeometryError(index, f"{key}.{name} is not a number")
    return BadGeometryError(0, f"{key} cannot be read")


READERS: Mapping[Shape, Reader] = {Shape.BOUNDING_BOX: read_boxes}
