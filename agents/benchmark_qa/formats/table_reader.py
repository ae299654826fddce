"""Read tables with one box per row, with variable column names, into a COCO document."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from benchmark_qa.formats.coco_building import CocoBuilder, CocoDocument, FormatError, box
from benchmark_qa.formats.coco_reader import whole_number

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "image": ("image", "data_hash", "file_name", "data_title", "title", "url", "image_id"),
    "class": ("class", "label", "category", "name"),
    "confidence": ("confidence", "score"),
    "x": ("x", "left"),
    "y": ("y", "top"),
    "w": ("w", "width"),
    "h": ("h", "height"),
    "frame": ("frame",),
}
"""Accepted names of each column; x, y, w and h are pixels from the upper left corner."""
NUMBERS = frozenset(name for key in ("confidence", "x", "y", "w", "h", "frame") for name in COLUMNS.get(key, ()))
"""Columns with numbers."""
SIZE = ("image_width", "image_height")
"""Columns with the image's size, which labels for Encord need."""


def document_of_rows(rows: Iterable[Mapping[str, Any]], place: str) -> CocoDocument:
    """A COCO document from the rows of a table.

    Raises:
        FormatError: a column is missing, or a cell is not a number.
    """
    builder = CocoBuilder()
    images: dict[tuple[str, int | None], int] = {}
    for at, row in enumerate(rows):
        where = f"{place}[{at}]"
        name = str(_value(row, "image", where))
        frame = next((whole_number(_number(row[key], where)) for key in COLUMNS["frame"] if row.get(key)), None)
        if (name, frame) not in images:
            width, height = (whole_number(_number(row[key], where)) if row.get(key) else None for key in SIZE)
            about = {} if frame is None else {"frame": frame}
            own = builder.image(name, (width, height) if width and height else None, in_pixels=True, **about)
            images[name, frame] = own
        sides = [_number(_value(row, side, where), f"{where}.{side}") for side in ("x", "y", "w", "h")]
        builder.add(images[name, frame], str(_value(row, "class", where)), box(*sides))
    return builder.document()


def _value(row: Mapping[str, Any], name: str, place: str) -> Any:
    value = next((row[key] for key in COLUMNS[name] if row.get(key) not in (None, "")), None)
    if value is None:
        there = ", ".join(key for key in row if isinstance(key, str))
        raise FormatError(f"{place} has no {name} (a column {' or '.join(COLUMNS[name])}; there are: {there})")
    return value


def _number(value: Any, place: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise FormatError(f"{place} is not a number: {value!r}")
    return number
