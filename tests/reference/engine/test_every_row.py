"""Any edit of what is scored lowers the score, for every row that the SDK can make."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit import sdk_rows
from tests.unit.engine.test_every_row import CASES, ONTOLOGY, at, drawings, score, wire

NUMBERS = {
    "boundingBox": ("x", "y", "w", "h"),
    "rotatableBoundingBox": ("x", "y", "w", "h", "theta"),
    "circle": ("x", "y", "r", "stretch"),
    "ellipse": ("x", "y", "rx", "ry", "theta"),
}


def edits(row: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: C901, PLR0912 - one per field
    """The row with one thing changed, beyond every stated tolerance."""
    for path, drawing in drawings(row):
        shape = drawing["shape"]
        for key, names in NUMBERS.items():
            for name in names if key in drawing else ():
                yield f"{shape}.{name}", changed(row, path, (key, name), 7.0 if name == "theta" else 0.02)
        for field in ("polyline", "point", "skeleton"):
            if field in drawing:
                by = 1.0 if "z" in drawing[field]["0"] else 0.02  # scene units, or a share of the width
                yield f"{shape}.x", changed(row, path, (field, "0", "x"), by)
        if "polygons" in drawing:
            yield f"{shape}.hole", changed(row, path, ("polygons", 0, 1, 0), 0.02)
            yield f"{shape}.island", changed(row, path, ("polygons", 1, 0, 1), 0.02)
        if "bitmask" in drawing:
            edited = copy.deepcopy(row)
            at(edited, path)["bitmask"]["rleString"] = sdk_rows.mask(5, 6, 20, 29).to_dict()["rleString"]
            yield f"{shape}.pixels", edited
        if "cuboid" in drawing:
            for field in ("position", "orientation", "size"):
                yield f"{shape}.{field}", changed(row, path, ("cuboid", field, 1), 0.1)
        if "cuboid_2d" in drawing:
            yield f"{shape}.front", changed(row, path, ("cuboid_2d", "front", 0), 0.02)
            depth = ("scaleRatio",) if "scaleRatio" in drawing["cuboid_2d"] else ("offset", "x")
            yield f"{shape}.depth", changed(row, path, ("cuboid_2d", *depth), 0.1)
    for key, entry in row["object_answers"].items():
        if entry.get("range"):
            yield f"{entry['shape']}.range", changed(row, ("object_answers", key), ("range", 0, 0), 1)
        if entry.get("range_html"):
            yield "html.offset", changed(row, ("object_answers", key), ("range_html", 0, "end", "offset"), 3)
            yield "html.end", changed(row, ("object_answers", key), ("range_html", 1, "end", "offset"), 3)
        for index, answer in enumerate(entry["classifications"]):
            yield f"attribute {answer['name']}", edited_answer(row, ("object_answers", key, "classifications", index))
    for key, entry in row["object_actions"].items():
        for index in range(len(entry["actions"])):
            yield f"dynamic {index}", without(row, ("object_actions", key, "actions"), index)
    for key, entry in row["classification_answers"].items():
        for index, answer in enumerate(entry["classifications"]):
            path = ("classification_answers", key, "classifications", index)
            yield f"classification {answer['name']}", edited_answer(row, path)


def changed(row: dict[str, Any], path: tuple[Any, ...], inner: tuple[Any, ...], by: float) -> dict[str, Any]:
    edited = copy.deepcopy(row)
    at(edited, (*path, *inner[:-1]))[inner[-1]] += by
    return edited


def without(row: dict[str, Any], path: tuple[Any, ...], index: int) -> dict[str, Any]:
    edited = copy.deepcopy(row)
    del at(edited, path)[index]
    return edited


def edited_answer(row: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    edited = copy.deepcopy(row)
    answer = at(edited, path)
    given = answer["answers"]
    if isinstance(given, str):
        answer["answers"] = given + "!"
    elif isinstance(given, int | float):
        answer["answers"] = given + 1
    else:
        options = ONTOLOGY.questions[answer["featureHash"]].options
        other = next(option for option in options if option not in {item["featureHash"] for item in given})
        answer["answers"] = [{"featureHash": other, "name": options[other], "value": options[other]}]
    return edited


@pytest.mark.parametrize("maker", CASES)
def test_any_edit_of_what_is_scored_lowers_the_score(maker: Any) -> None:
    row = wire(maker())
    edited = list(edits(row))
    assert edited
    if maker.__name__ in ("image", "video"):
        assert len({what.split(".")[0] for what, _ in edited}) >= 16
    for what, labels in edited:
        result = score(row, labels)
        assert result.score is not None
        assert result.score < 1.0, what
