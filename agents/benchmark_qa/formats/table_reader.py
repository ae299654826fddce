"""Read tables with one box per row, with variable column names, into a COCO document."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import orjson

from benchmark_qa.formats.coco_building import CocoBuilder, CocoDocument, FormatError, box
from benchmark_qa.formats.coco_reader import whole_number
from benchmark_qa.formats.drawn_shapes import EXACT, EXACT_KEY
from benchmark_qa.formats.run_lengths import coco_mask
from benchmark_qa.labels.runs import BadRunLengthError, decode_runs

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "image": ("image", "data_hash", "file_name", "data_title", "title", "url", "image_id"),
    "class": ("class", "label", "category", "name"),
    "confidence": ("confidence", "score"),
    "x": ("x", "left"),
    "y": ("y", "top"),
    "w": ("w", "width", "box_width"),
    "h": ("h", "height", "box_height"),
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
        if row.get("shape") and any(row.get(side) is None for side in ("left", "top", "box_width", "box_height")):
            builder.leave_out(f"rows of shape {row['shape']} left out: they have no box")
            continue
        if row.get("kind") not in (None, "object"):
            builder.leave_out(f"rows of kind {row['kind']} left out: they are no objects")
            continue
        name = str(_value(row, "image", where))
        frame = next((whole_number(_number(row[key], where)) for key in COLUMNS["frame"] if row.get(key)), None)
        if (name, frame) not in images:
            width, height = (whole_number(_number(row[key], where)) if row.get(key) else None for key in SIZE)
            about = {} if frame is None else {"frame": frame}
            own = builder.image(name, (width, height) if width and height else None, in_pixels=True, **about)
            images[name, frame] = own
        sides = [_number(_value(row, side, where), f"{where}.{side}") for side in ("x", "y", "w", "h")]
        builder.add(images[name, frame], str(_value(row, "class", where)), {**box(*sides), **_exact(row)})
    return builder.document()


def _exact(row: Mapping[str, Any]) -> dict[str, Any]:
    """The geometry in Encord's JSON that our own export writes beside the box."""
    try:
        geometry = orjson.loads(row["geometry"])
    except (KeyError, TypeError, orjson.JSONDecodeError):
        return {}
    mask = geometry.get("bitmask")
    if isinstance(mask, Mapping):
        return _mask(mask)
    exact = {key: geometry[key] for key in EXACT.values() if key in geometry}
    return {EXACT_KEY: exact} if exact else {}


def _mask(mask: Mapping[str, Any]) -> dict[str, Any]:
    """Encord's mask, whose runs go row by row, as COCO's, whose runs go column by column."""
    width, height = (whole_number(mask.get(key)) for key in ("width", "height"))
    try:
        runs = decode_runs([mask.get("rleString") or ""])[0]
    except BadRunLengthError:
        return {}
    if not width or not height or mask.get("top") or mask.get("left") or runs.sum() != width * height:
        return {}  # a cut-out: without it the object is a box, which a class of masks refuses
    return {"segmentation": coco_mask(np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width))}


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
