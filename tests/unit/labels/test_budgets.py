"""A label row has a budget of runs, ranges, answers, pairs and letters; beyond it, it is refused before the work."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark_qa.engine.answers import MOST_LETTERS, agreement
from benchmark_qa.engine.config import AnswerRule
from benchmark_qa.engine.errors import TooManyPairsError, TooMuchWorkError
from benchmark_qa.engine.pairs import MOST_CONNECTED, MOST_PAIRS_OF_A_ROW
from benchmark_qa.engine.task import score_task
from benchmark_qa.labels.answers import MOST_ANSWERS
from benchmark_qa.labels.errors import LabelReadError
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.labels.outlines import MOST_CORNERS, MOST_CROSSINGS, MOST_NEAR
from benchmark_qa.labels.reader import read_label_row
from benchmark_qa.labels.runs import (
    CHARACTERS_AT_ONCE,
    LONGEST_SIDE,
    MOST_CHARACTERS,
    MOST_CHARACTERS_OF_ONE,
    MOST_RANGES,
    read_bitmasks,
    read_times,
)
from benchmark_qa.labels.shapes import BadGeometryError
from tests.unit.rows import BLUEBIRD_EDITOR, INDIGO, INDIGO_ROOT, PEDESTRIAN_EDITOR, YES, box_row, image_row

BLUEBIRD = Ontology.from_editor(BLUEBIRD_EDITOR)


def mask(text: str, height: int = 3000, width: int = 3000) -> dict[str, Any]:
    return {"bitmask": {"height": height, "width": width, "rleString": text}}


@pytest.mark.parametrize(
    ("drawings", "words"),
    [
        ([mask("1" * MOST_CHARACTERS_OF_ONE), mask("1" * (MOST_CHARACTERS_OF_ONE + 1))], "more than 1,000,000 char"),
        (
            [mask("1" * MOST_CHARACTERS_OF_ONE)] * (MOST_CHARACTERS // MOST_CHARACTERS_OF_ONE + 1),
            "beyond the 4,000,000",
        ),
        ([mask("1", 1, LONGEST_SIDE + 1)], "more than 1,000,000 rows or columns"),
        ([mask("1", 10**12, 1)], "more than 1,000,000 rows or columns"),
    ],
)
def test_masks_beyond_the_budget_are_refused_before_they_are_decoded(drawings: list[Any], words: str) -> None:
    with pytest.raises(BadGeometryError, match=words) as refused:
        read_bitmasks(drawings)
    assert refused.value.index == len(drawings) - 1


def test_masks_that_are_decoded_in_batches_are_those_decoded_alone() -> None:
    texts = [
        "63204",
        "111" + "0" * (CHARACTERS_AT_ONCE - 6),
        "",
        "0123",
        "421" + "0" * 300,
        "212" + "0" * CHARACTERS_AT_ONCE,
        "11",
    ]
    together = read_bitmasks([mask(text) for text in texts])
    for index, text in enumerate(texts):
        alone, own = read_bitmasks([mask(text)]), slice(together.offsets[index], together.offsets[index + 1])
        assert np.array_equal(together.starts[own], alone.starts)
        assert np.array_equal(together.ends[own], alone.ends)
    with pytest.raises(BadGeometryError, match="middle of a number") as broken:
        read_bitmasks([mask(text) for text in [*texts, "P"]])
    assert broken.value.index == len(texts)


@pytest.mark.parametrize("drawings", [[[[1, 2]] * (MOST_RANGES + 1)], [[[1, 2]] * 200_000, [[1, 2]] * 100_000]])
def test_ranges_of_time_beyond_the_budget_are_refused(drawings: list[Any]) -> None:
    with pytest.raises(BadGeometryError, match=re.escape(f"{MOST_RANGES:,} ranges")):
        read_times([{"range": ranges} for ranges in drawings])


def answered(classifications: int, ranges: int) -> dict[str, Any]:
    answers = [{"featureHash": INDIGO_ROOT, "answers": [{"featureHash": YES}]}]
    entries = {
        f"c{n:07}": {
            "featureHash": INDIGO,
            "classifications": answers,
            "range": [[2 * r, 2 * r] for r in range(ranges)],
        }
        for n in range(classifications)
    }
    return image_row("image", classification_answers=entries)


def test_answers_beyond_the_budget_are_refused_with_their_place() -> None:
    with pytest.raises(LabelReadError, match=r"classification_answers.*beyond the 250,000 answers"):
        read_label_row(answered(2, MOST_ANSWERS // 2 + 1), BLUEBIRD)


def test_each_range_counts_and_the_first_counts_with_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark_qa.labels.answers.MOST_ANSWERS", 12)
    assert len(read_label_row(answered(4, 3), BLUEBIRD).classifications) == 4
    for row in (answered(13, 1), answered(1, 13), answered(4, 4)):
        with pytest.raises(LabelReadError, match="beyond the 12 answers"):
            read_label_row(row, BLUEBIRD)


def test_boxes_in_one_place_are_refused_by_the_number_of_their_pairs() -> None:
    ontology = Ontology.from_editor(PEDESTRIAN_EDITOR)
    side = int(MOST_CONNECTED**0.5) + 1
    row = read_label_row(box_row("image", [[10, 10, 20, 20]] * side), ontology)
    with pytest.raises(TooManyPairsError, match="more than 300,000"):
        score_task(row, row, ontology)


def test_texts_whose_edit_distance_takes_too_long_are_refused() -> None:
    rule = AnswerRule(compare="edit")
    length = int(MOST_LETTERS**0.5) + 1
    with pytest.raises(TooMuchWorkError, match="too long for 'edit'"):
        agreement(rule, "a" * length, "b" * length)
    assert agreement(rule, "a" * length, "a" * length) == 1


def comb(teeth: int, turn: float = 0.0) -> dict[str, Any]:
    """A row with an outline whose edges all come near the middle."""
    steps = np.arange(2 * teeth)
    angle, radius = np.pi * steps / teeth + turn, np.where(steps % 2, 0.4, 0.1)
    points = np.stack((0.5 + radius * np.cos(angle), 0.5 + radius * np.sin(angle)), axis=1)
    corners = {str(n): {"x": x, "y": y} for n, (x, y) in enumerate(points.tolist())}
    thing = {
        "objectHash": "o", "featureHash": "polygonX", "name": "area", "value": "area", "color": "#D33115",
        "shape": "polygon", "polygon": corners,
    }  # fmt: skip
    return image_row("image", objects=[thing])


AREAS = Ontology.from_editor(
    {
        "objects": [{"id": "1", "name": "area", "color": "#D33115", "shape": "polygon", "featureNodeHash": "polygonX"}],
        "classifications": [],
    }
)


def test_an_outline_whose_edges_all_come_near_each_other_is_refused_before_it_is_checked() -> None:
    row = read_label_row(comb(30_000), AREAS)
    with pytest.raises(TooMuchWorkError, match=r"^outlines have too many edges"):
        score_task(row, row, AREAS)


def test_so_are_two_outlines_before_they_are_cut_and_a_small_comb_is_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, label = read_label_row(comb(300), AREAS), read_label_row(comb(300, 0.0001), AREAS)
    assert len(score_task(truth, truth, AREAS).conflicts) == 0
    monkeypatch.setattr("benchmark_qa.engine.similarity.areas.MOST_NEAR", 30_000)
    with pytest.raises(TooMuchWorkError, match=r"^two outlines have too many edges"):
        score_task(truth, label, AREAS)


@pytest.mark.parametrize(
    ("limit", "line"),
    [
        (MOST_ANSWERS, "answers and their ranges"),
        (MOST_CHARACTERS, "characters of run-length strings"),
        (MOST_CHARACTERS_OF_ONE, "characters of run-length strings"),
        (LONGEST_SIDE, "rows and columns of a mask"),
        (MOST_RANGES, "ranges of time or text"),
        (MOST_CORNERS, "corners of a shape's outlines"),
        (MOST_CROSSINGS, "corners of a shape's outlines"),
        (MOST_NEAR, "edges that come near each other"),
        (MOST_PAIRS_OF_A_ROW, "touching pairs of a shape"),
        (MOST_CONNECTED, "touching pairs of a shape"),
        (MOST_LETTERS, "product of the lengths of two texts"),
    ],
)
def test_the_page_of_operations_tells_each_budget(limit: int, line: str) -> None:
    page = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
    assert [f"{limit:,}" in each for each in page.splitlines() if each.startswith(f"| {line}")] == [True]
