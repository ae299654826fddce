"""Read predictions from COCO results, or from a table with one row per object."""

import math
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmark_qa.commands.predictions.detections import (
    PredictionInputError,
    confidence_of,
    finite_number,
    read_region,
)
from benchmark_qa.commands.predictions.result import PackedResults
from benchmark_qa.commands.predictions.truth import GivenClass, GivenImage, GivenPredictions
from benchmark_qa.formats.coco_reader import SHARES, id_text, size_of
from benchmark_qa.formats.table_reader import COLUMNS

OPTIONAL = frozenset({"frame", "confidence"})
NO_CONFIDENCES = "no object has a confidence: each counts as certain, so average precision has no order to go by"


def given_by_coco(content: Any, place: str = "predictions") -> GivenPredictions:
    """COCO results (a list), or a COCO data set whose annotations have scores.

    A data set without any score holds labels: each counts as certain, and that is said. In a list `file_name` names
    the image, else `image_id` (an id of the labels' file, a name, or a name without its extension); a class is named by
    its id. In a data set images and classes are named by their names, since each data set has its own ids. `place` is
    its name in messages.

    Raises:
        PredictionInputError: it is neither, or a result is not well formed.
    """
    if isinstance(content, list):
        return given_by_results(content, place)
    if isinstance(content, Mapping) and isinstance(content.get("annotations"), list):
        images = _objects(content, "images", place)
        known = _Known(
            {image.get("id"): _place(image) for image in images},
            {each.get("id"): _kind(each) for each in _objects(content, "categories", place)},
            frozenset(image.get("id") for image in images if image.get(SHARES) is True),
        )
        listed = content["annotations"]
    else:
        raise PredictionInputError(place, "is neither a list of COCO results nor a COCO data set")
    certain = known.places and listed and not any(isinstance(item, Mapping) and "score" in item for item in listed)
    if certain:
        listed = [{**item, "score": 1.0} if isinstance(item, Mapping) else item for item in listed]
    objects = PackedResults.of(_result(item, f"{place}[{at}]", known) for at, item in enumerate(listed))
    return GivenPredictions(objects, known.places.values(), notes=(f"{place}: {NO_CONFIDENCES}",) if certain else ())


def given_by_results(results: Iterable[Any], place: str = "predictions") -> GivenPredictions:
    """COCO results one by one, as `given_by_coco` reads a list of them.

    Raises:
        PredictionInputError: a result is not well formed.
    """
    known, both = _Known({}, {}, frozenset()), False

    def read() -> Iterator[Mapping[str, Any]]:
        nonlocal both
        for at, item in enumerate(results):
            yield _result(item, f"{place}[{at}]", known)
            both = both or ("file_name" in item and "image_id" in item)

    objects = PackedResults.of(read())
    notes = (f"{place}: file_name says which image a result is on; image_id is not looked at",) if both else ()
    return GivenPredictions(objects, notes=notes)


@dataclass(frozen=True)
class _Known:
    """Images and classes of a data set by their ids; empty for a list of results."""

    places: Mapping[Any, GivenImage]
    kinds: Mapping[Any, GivenClass]
    unsized: Set[Any]
    """Images on which coordinates are shares of the image"""


def given_by_table(rows: Iterable[Mapping[str, Any]], place: str = "predictions") -> GivenPredictions:
    """One row per predicted box; see `COLUMNS` for the column names.

    Raises:
        PredictionInputError: a column is missing, or a value is not a number.
    """
    unsure: dict[bool, str] = {}

    def read() -> Iterator[Mapping[str, Any]]:
        for at, row in enumerate(rows):
            item = _row(row, f"{place}[{at}]")
            unsure.setdefault(math.isnan(item["score"]), f"{place}[{at}]")
            yield item

    objects = PackedResults.of(read())
    if unsure.keys() == {True, False}:
        raise PredictionInputError(unsure[True], f"has no confidence (a column {' or '.join(COLUMNS['confidence'])})")
    if True not in unsure:
        return GivenPredictions(objects)
    objects = replace(objects, score=np.ones(len(objects)))
    return GivenPredictions(objects, notes=(f"{place}: {NO_CONFIDENCES}",))


def _place(image: Mapping[str, Any]) -> GivenImage:
    """An image of a data set as a place; its id, which is the data set's own, is used if it has no name."""
    keys = ("data_hash",) if image.get("stem") else ("data_hash", "file_name", "coco_url")
    names = tuple(str(image[key]) for key in keys if image.get(key))
    frame, size = image.get("frame"), size_of(image)
    ids = () if names else (id_text(image.get("stem") or image.get("id")),)
    return GivenImage(names, frame if isinstance(frame, int) else None, ids=ids, size=size)


def _kind(category: Mapping[str, Any]) -> GivenClass:
    name = str(category.get("name", category.get("id")))
    return GivenClass(name, name)


def _objects(content: Mapping[str, Any], key: str, place: str) -> list[Mapping[str, Any]]:
    listed = content.get(key) or []
    if not isinstance(listed, list) or not all(isinstance(item, Mapping) for item in listed):
        raise PredictionInputError(f"{place}.{key}", "is not a list of JSON objects")
    for at, item in enumerate(listed):
        if not isinstance(item.get("id"), str | int | float):
            raise PredictionInputError(f"{place}.{key}[{at}]", "has no id, or one that is no text and no number")
    return listed


def _result(given: Any, place: str, known: "_Known") -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise PredictionInputError(place, "is not a JSON object")
    for key in ("image_id", "category_id"):
        if key == "image_id" and key not in given and isinstance(given.get("file_name"), str):
            continue
        if key not in given:
            raise PredictionInputError(place, f"has no {key}")
        if not isinstance(given[key], str | int | float):
            raise PredictionInputError(place, f"has a {key} that is no id")
    if "score" not in given:
        raise PredictionInputError(place, "has no score: predictions need one each")
    category = given["category_id"]
    shares = {SHARES: True} if given.get("image_id") in known.unsized else {}
    return {
        **shares,
        **read_region(given, place),
        "score": confidence_of(given["score"], f"{place}.score"),
        "image_id": _place_of_result(given, known.places),
        "category_id": known.kinds.get(category) or GivenClass(id_text(category), None),
    }


def _place_of_result(given: Mapping[str, Any], places: Mapping[Any, GivenImage]) -> GivenImage:
    """The place of the data set's image; in a list of results from `file_name`, else from `image_id`."""
    image, name = given.get("image_id"), given.get("file_name")
    if image in places:
        return places[image]
    if isinstance(name, str) and name:
        return GivenImage((name,))
    return GivenImage((image,) if isinstance(image, str) else (), ids=(id_text(image),))


def _row(row: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    values = {name: _value(row, name, place) for name in COLUMNS}
    frame = values["frame"]
    return {
        "image_id": GivenImage(
            (str(values["image"]),),
            None if frame is None else int(_number(frame, f"{place}.frame")),
            ids=(id_text(values["image"]),),
        ),
        "category_id": GivenClass(str(values["class"]), str(values["class"])),
        "score": _confidence(row, place),
        **read_region({"bbox": [_number(values[side], f"{place}.{side}") for side in ("x", "y", "w", "h")]}, place),
    }


def _confidence(row: Mapping[str, Any], place: str) -> float:
    """The confidence; NaN if the row has none."""
    given = _value(row, "confidence", place)
    return math.nan if given is None else confidence_of(_number(given, f"{place}.confidence"), f"{place}.confidence")


def _value(row: Mapping[str, Any], name: str, place: str) -> Any:
    value = next((row[key] for key in COLUMNS[name] if row.get(key) not in (None, "")), None)
    if value is None and name not in OPTIONAL:
        there = ", ".join(key for key in row if isinstance(key, str))
        raise PredictionInputError(place, f"has no {name} (a column {' or '.join(COLUMNS[name])}; there are: {there})")
    return value


def _number(value: Any, place: str) -> float:
    """The number in a cell of a CSV file, which is text."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise PredictionInputError(place, f"is not a number: {value!r}") from None
    return finite_number(value, place)
