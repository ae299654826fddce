"""What holds for every row that the SDK can write."""

import copy
import random
from collections.abc import Iterator
from typing import Any

from benchmark_qa.engine.config import ScoringConfig
from benchmark_qa.engine.result import TaskScore
from benchmark_qa.engine.task import score_task
from benchmark_qa.labels.ontology import Ontology, QuestionType
from benchmark_qa.labels.reader import read_label_row
from tests.unit import sdk_rows
from tests.unit.engine.random_rows import Row, random_row

ONTOLOGY = Ontology.from_editor(sdk_rows.editor())
RULES = ScoringConfig(identity=False)


def score(truth: Row, labels: Row) -> TaskScore:
    """With both sides read anew."""
    return score_task(read_label_row(truth, ONTOLOGY), read_label_row(labels, ONTOLOGY), ONTOLOGY, RULES)


def assert_scores_one_against_itself(seed: int) -> bool:
    """Whether there was anything to score."""
    row = random_row(seed)
    result = score(row, copy.deepcopy(row))
    assert result.score in (1.0, None), f"seed {seed}: {result}"
    assert result.conflicts == (), f"seed {seed}: {result}"
    return not result.objects.is_empty or bool(result.classifications.compared)


def assert_a_planted_edit_is_told(seed: int) -> int:
    """How many edits were planted: each is told as one kind of conflict, on exactly the frames that it changed."""
    row, planted = random_row(seed), 0
    for kind, frames, expected, given, labels in _edits(row, random.Random(seed)):
        result = score(row, labels)
        told = {
            frame
            for c in result.conflicts
            if c.kind == kind and (expected, given) == (c.expected, c.given)
            for frame in ([None] if c.frame is None else range(c.frame, (c.last_frame or c.frame) + 1))
        }
        assert {c.kind for c in result.conflicts} == {kind}, f"seed {seed}: {kind} told as {result}"
        assert told == frames, f"seed {seed}: {kind} on {frames} told on {told}"
        assert result.score is not None
        assert result.score < 1.0, f"seed {seed}: {kind} costs nothing"
        planted += 1
    return planted


_Edit = tuple[str, set[int | None], str | None, str | None, Row]
"""Kind, frames, the answer expected and given, and the edited row."""


def _edits(row: Row, dice: random.Random) -> Iterator[_Edit]:
    for key, entry in row["classification_answers"].items():
        for answer in entry["classifications"]:
            question = ONTOLOGY.questions[answer["featureHash"]]
            if question.type is not QuestionType.NUMERIC:
                continue
            edited = copy.deepcopy(row)
            (changed,) = edited["classification_answers"][key]["classifications"]
            changed["answers"] = answer["answers"] + 1
            frames = {frame for first, last in entry["range"] for frame in range(first, last + 1)}
            said = [f"{value:.15g}" for value in (answer["answers"], answer["answers"] + 1)]
            yield "wrong_classification", set(frames), said[0], said[1], edited
        if entry["range"] and _root(entry).type is QuestionType.NUMERIC:
            edited = copy.deepcopy(row)
            del edited["classification_answers"][key]
            frames = {frame for first, last in entry["range"] for frame in range(first, last + 1)}
            expected = f"{entry['classifications'][0]['answers']:.15g}"
            yield "missing_classification", set(frames), expected, None, edited
    yield from _removed_objects(row, dice)
    yield from _removed_ranges(row, dice)


def _removed_ranges(row: Row, dice: random.Random) -> Iterator[_Edit]:
    """One stretch of sound, time or text is not marked."""
    on_ranges = [key for key, entry in row["object_answers"].items() if "createdBy" in entry]
    if on_ranges:
        edited = copy.deepcopy(row)
        del edited["object_answers"][dice.choice(on_ranges)]
        yield "missing", {0}, None, None, edited


def _root(entry: dict[str, Any]) -> Any:
    return ONTOLOGY.classifications[ONTOLOGY.classification_index[entry["featureHash"]]].questions[0]


def _removed_objects(row: Row, dice: random.Random) -> Iterator[_Edit]:
    """One object, the only one of its class, is not drawn; it lies inside the image as a whole."""
    for key, unit in row["data_units"].items():
        labels = unit["labels"]
        framed = {str(unit["data_sequence"]): labels} if "objects" in labels else labels
        drawn = [(int(number), item) for number, frame in framed.items() for item in frame["objects"]]
        every = [item for other in row["data_units"].values() for item in _drawings(other)]
        alone = {
            item["objectHash"]
            for _, item in drawn
            if item["shape"] in ("point", "skeleton", "cuboid")
            and len({e["objectHash"] for e in every if e["featureHash"] == item["featureHash"]}) == 1
        }
        for name in sorted(alone):
            frames = [number for number, item in drawn if item["objectHash"] == name]
            gone = dice.choice(frames)
            edited = copy.deepcopy(row)
            target = edited["data_units"][key]["labels"]
            frame = target if "objects" in target else target[str(gone)]
            frame["objects"] = [item for item in frame["objects"] if item["objectHash"] != name]
            yield "missing", {gone}, None, None, edited


def _drawings(unit: dict[str, Any]) -> list[dict[str, Any]]:
    labels = unit["labels"]
    frames = [labels] if "objects" in labels else labels.values()
    return [item for frame in frames for item in frame["objects"]]
