"""Files of every format with one value broken: read, or refused with a message; never a traceback or a wrong number."""

import json
import math
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark_qa.commands.predictions.detections import PredictionInputError
from benchmark_qa.commands.predictions.evaluation import evaluate_predictions
from benchmark_qa.commands.predictions.inputs import _given, _truth
from benchmark_qa.commands.score_exports.scoring import Comparison, load_sides
from benchmark_qa.engine.config import ScoringConfig
from benchmark_qa.formats.class_mapping import Target
from benchmark_qa.formats.coco_labels import read_coco
from benchmark_qa.formats.coco_reader import CocoError
from benchmark_qa.formats.label_parts import drawn
from benchmark_qa.images.data_units import DataUnit, joined_labels, sized
from benchmark_qa.terminal.files import ExportError
from benchmark_qa.terminal.label_files import read_foreign
from tests.integration.formats.dialects import DIALECTS, HEIGHT, WIDTH, write
from tests.integration.formats.test_round_trip_table import ontology

UNITS = [DataUnit(name, f"{name}.jpg", size=(WIDTH, HEIGHT)) for name in ("a", "b", "empty")]
TARGET = Target.of(ontology(), {})
REFUSALS = (ExportError, CocoError, PredictionInputError)
VALUES = (None, True, "", "x", "-1", -1, 0, 1e308, -5.5, 10**20, [], {}, [[]], [None], {"a": None}, [1, 2, 3])
WORDS = ("nan", "inf", "-1", "0", "1e999", "", "x", "9" * 30, "1,2", "\u0661")


def places(document: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all values."""
    listed = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in listed:
        yield (*at, key)
        yield from places(value, (*at, key))


def broken_json(content: bytes, rng: random.Random) -> bytes:
    document = json.loads(content.decode("utf-8-sig"))
    path = rng.choice(list(places(document)) or [()])
    if not path:
        return content
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    if rng.random() < 0.2:
        del holder[path[-1]]
    else:
        holder[path[-1]] = rng.choice(VALUES)
    return json.dumps(document).encode()


def broken_text(content: bytes, rng: random.Random) -> bytes:
    text = content.decode("utf-8-sig")
    numbers = list(re.finditer(r"-?\d+(?:\.\d+)?", text))
    if not numbers or rng.random() < 0.1:
        cut = rng.randrange(len(text) + 1)
        return (text[:cut] + rng.choice(WORDS) + text[cut + rng.randint(0, 9) :]).encode()
    found = rng.choice(numbers)
    return (text[: found.start()] + rng.choice(WORDS) + text[found.end() :]).encode()


def numbers_in(value: Any) -> Iterator[float]:
    if isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from numbers_in(each)
    elif isinstance(value, float):
        yield value


def read(place: Path, whole: Path) -> None:
    """By truth import, `score` and `evaluate-predictions`; whatever is drawn has finite places inside of its image."""
    foreign = read_foreign(place)
    if foreign is None:
        return
    reading = read_coco(sized(foreign.document, UNITS, None), TARGET)
    for one in joined_labels(reading.labelled, UNITS).found.values():
        for unit in one.parts.units:
            for _, item in drawn(unit):
                assert all(map(math.isfinite, numbers_in(item))), item
    sides = load_sides(whole, place)
    for tasks in Comparison(sides.truth, sides.labels, None, ScoringConfig(), "known").scores():
        assert all(task.score.score is None or 0 <= task.score.score <= 1 for task in tasks)


def judged(place: Path, whole: Path) -> None:
    (found,) = _truth(whole, None).detections([_given(str(place), None)])  # type: ignore[arg-type]
    assert all(value is None or 0 <= value <= 1 for value in evaluate_predictions(found).summary.values())


@pytest.mark.parametrize("how", [read, judged])
@pytest.mark.parametrize("name", DIALECTS)
def test_a_file_with_one_value_broken_is_read_or_refused(name: str, how: Any, tmp_path: Path) -> None:
    files, named, _ = DIALECTS[name]
    whole = write(DIALECTS["CVAT XML"][0](), tmp_path / "whole") / "annotations.xml"
    rng = random.Random(f"{name} {how.__name__}")
    refused = []
    for at in range(40):
        contents = files()
        contents.pop("judged.json", None)
        victim = rng.choice(sorted(contents))
        breaks = broken_json if victim.endswith(".json") and rng.random() < 0.8 else broken_text
        contents[victim] = breaks(contents[victim], rng)
        folder = write(contents, tmp_path / str(at))
        try:
            how(folder / named if named else folder, whole)
        except REFUSALS as error:
            refused.append(str(error))
    assert refused
    assert all(message and "\n" not in message for message in refused)
