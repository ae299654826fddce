"""Predictions as people keep them: COCO results, or a table with one row per object."""

from collections.abc import Iterable, Mapping
from typing import Any

from benchmark_qa.commands.predictions.detections import PredictionInputError, finite_number, read_region
from benchmark_qa.commands.predictions.truth import Given, Kind, Place

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "image": ("image", "image_id", "data_hash", "data_title", "title", "file_name", "url"),
    "class": ("class", "label", "category", "name"),
    "confidence": ("confidence", "score"),
    "x": ("x", "left"),
    "y": ("y", "top"),
    "w": ("w", "width"),
    "h": ("h", "height"),
    "frame": ("frame",),
}
"""What a column of a table may be called; x, y, w and h are pixels from the upper left corner."""
OPTIONAL = frozenset({"frame"})
NUMBERS = frozenset(name for key in ("confidence", "x", "y", "w", "h", "frame") for name in COLUMNS[key])


def given_by_coco(content: Any, place: str = "predictions") -> Given:
    """COCO results (a list), or a COCO data set whose annotations have scores.

    An image is named by its id; in a data set also by its `data_hash`, `file_name` and `coco_url`. A class is named
    by its id; in a data set by its name first, as ids are each data set's own. `place` is what messages call it.

    Raises:
        PredictionInputError: it is neither, or a result is not well formed.
    """
    if isinstance(content, list):
        places: dict[Any, Place] = {}
        kinds: dict[Any, Kind] = {}
        listed = content
    elif isinstance(content, Mapping) and isinstance(content.get("annotations"), list):
        places = {image.get("id"): _place(image) for image in _objects(content, "images", place)}
        kinds = {each.get("id"): _kind(each) for each in _objects(content, "categories", place)}
        listed = content["annotations"]
    else:
        raise PredictionInputError(place, "is neither a list of COCO results nor a COCO data set")
    objects = [_result(item, f"{place}[{at}]", places, kinds) for at, item in enumerate(listed)]
    return Given(objects, places.values())


def given_by_table(rows: Iterable[Mapping[str, Any]], place: str = "predictions") -> Given:
    """One row per predicted box; see `COLUMNS` for the names of columns.

    Raises:
        PredictionInputError: a column is missing, or a number is none.
    """
    return Given([_row(row, f"{place}[{at}]") for at, row in enumerate(rows)])


def _place(image: Mapping[str, Any]) -> Place:
    names = (image.get(key) for key in ("data_hash", "file_name", "coco_url", "id"))
    frame = image.get("frame")
    return Place(tuple(str(name) for name in names if name is not None), frame if isinstance(frame, int) else None)


def _kind(category: Mapping[str, Any]) -> Kind:
    name = str(category.get("name", category.get("id")))
    return Kind(name, name)


def _objects(content: Mapping[str, Any], key: str, place: str) -> list[Mapping[str, Any]]:
    listed = content.get(key) or []
    if not isinstance(listed, list) or not all(isinstance(item, Mapping) for item in listed):
        raise PredictionInputError(f"{place}.{key}", "is not a list of JSON objects")
    return listed


def _result(given: Any, place: str, places: Mapping[Any, Place], kinds: Mapping[Any, Kind]) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise PredictionInputError(place, "is not a JSON object")
    for key in ("image_id", "category_id"):
        if key not in given:
            raise PredictionInputError(place, f"has no {key}")
        if not isinstance(given[key], str | int | float):
            raise PredictionInputError(place, f"has a {key} that is no id")
    if "score" not in given:
        raise PredictionInputError(place, "has no score: predictions need one each")
    image, category = given["image_id"], given["category_id"]
    return {
        **read_region(given, place),
        "score": finite_number(given["score"], f"{place}.score"),
        "image_id": places.get(image) or Place((str(image),)),
        "category_id": kinds.get(category) or Kind(str(category), None),
    }


def _row(row: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    values = {name: _value(row, name, place) for name in COLUMNS}
    frame = values["frame"]
    return {
        "image_id": Place((str(values["image"]),), None if frame is None else int(_number(frame, f"{place}.frame"))),
        "category_id": Kind(str(values["class"]), str(values["class"])),
        "score": _number(values["confidence"], f"{place}.confidence"),
        **read_region({"bbox": [_number(values[side], f"{place}.{side}") for side in ("x", "y", "w", "h")]}, place),
    }


def _value(row: Mapping[str, Any], name: str, place: str) -> Any:
    value = next((row[key] for key in COLUMNS[name] if row.get(key) not in (None, "")), None)
    if value is None and name not in OPTIONAL:
        there = ", ".join(key for key in row if isinstance(key, str))
        raise PredictionInputError(place, f"has no {name} (a column {' or '.join(COLUMNS[name])}; there are: {there})")
    return value


def _number(value: Any, place: str) -> float:
    """As CSV files hold it: a text."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise PredictionInputError(place, f"is not a number: {value!r}") from None
    return finite_number(value, place)
