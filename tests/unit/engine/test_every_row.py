"""Every label row that the SDK can make scores 1 against itself, and less after any edit of what is scored."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from benchmark_qa.engine.config import ScoringConfig
from benchmark_qa.engine.result import TaskScore
from benchmark_qa.engine.task import score_task
from benchmark_qa.labels.annotations import Annotations
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.labels.reader import read_label_row
from tests.unit import sdk_rows

ONTOLOGY = Ontology.from_editor(sdk_rows.editor())
CASES = [pytest.param(maker, id=name) for name, maker in sdk_rows.ROWS.items()]


def wire(row: Any) -> dict[str, Any]:
    return json.loads(json.dumps(row.to_encord_dict()))


def score(truth: dict[str, Any], labels: dict[str, Any], config: ScoringConfig | None = None) -> TaskScore:
    return score_task(read_label_row(truth, ONTOLOGY), read_label_row(labels, ONTOLOGY), ONTOLOGY, config)


@pytest.mark.parametrize("maker", CASES)
def test_a_row_scores_one_against_itself(maker: Any) -> None:
    row = wire(maker())
    result = score(row, row)
    assert result.score == 1.0
    assert result.conflicts == ()
    assert result.objects.f1 == 1.0


@pytest.mark.parametrize("maker", CASES)
def test_an_empty_answer_to_a_row_scores_nothing_for_its_objects(maker: Any) -> None:
    truth = read_label_row(wire(maker()), ONTOLOGY)
    result = score_task(truth, Annotations.empty(), ONTOLOGY)
    assert result.objects.score == 0.0
    assert result.objects.recall == 0.0
    assert result.score is not None
    assert result.score < 0.5


def drawings(row: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """The first drawing of every object, with its path."""
    seen = set()
    for key, unit in row["data_units"].items():
        frames = {(): unit["labels"]} if "objects" in unit["labels"] else {(n,): f for n, f in unit["labels"].items()}
        for number, frame in frames.items():
            for index, drawing in enumerate(frame["objects"]):
                if drawing["objectHash"] not in seen:
                    seen.add(drawing["objectHash"])
                    yield ("data_units", key, "labels", *number, "objects", index), drawing


def at(row: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        row = row[step]
    return row


@pytest.mark.parametrize("maker", CASES)
def test_the_order_in_which_labels_are_listed_does_not_matter(maker: Any) -> None:
    row = wire(maker())
    shuffled = copy.deepcopy(row)
    for unit in shuffled["data_units"].values():
        labels = unit["labels"]
        for frame in [labels] if "objects" in labels else labels.values():
            frame["objects"].reverse()
        if "objects" not in labels:
            unit["labels"] = dict(reversed(labels.items()))
    for key in ("data_units", "object_answers", "object_actions", "classification_answers"):
        shuffled[key] = dict(reversed(shuffled[key].items()))
    assert score(row, shuffled).to_dict() == score(row, row).to_dict()
    assert score(shuffled, row).to_dict() == score(row, row).to_dict()


def test_what_nobody_can_see_of_a_skeleton_is_compared_as_visibility_only() -> None:
    row = wire(sdk_rows.image())
    moved, shown = copy.deepcopy(row), copy.deepcopy(row)
    path = next(path for path, drawing in drawings(row) if "skeleton" in drawing)
    at(moved, path)["skeleton"]["2"]["x"] = 0.1
    at(shown, path)["skeleton"]["2"]["visibility"] = "visible"
    assert score(row, moved).score == 1.0
    result = score(row, shown)
    assert result.score is not None
    assert result.score < 1.0
    assert [c.explain() for c in result.conflicts] == [
        "wrong visibility of skeleton at frame 0: expected 'foot invisible', given 'foot visible'"
    ]


def test_hiding_a_point_that_the_truth_shows_is_a_conflict_but_never_makes_the_skeleton_worth_leaving_out() -> None:
    truth = wire(sdk_rows.image())
    path = next(path for path, drawing in drawings(truth) if "skeleton" in drawing)
    for point in at(truth, path)["skeleton"].values():
        point["visibility"] = "visible"
    hidden, left_out = copy.deepcopy(truth), copy.deepcopy(truth)
    at(hidden, path)["skeleton"]["0"]["visibility"] = "occluded"
    del at(left_out, path[:-1])[path[-1]]
    result = score(truth, hidden)
    assert [c.explain() for c in result.conflicts] == [
        "wrong visibility of skeleton at frame 0: expected 'nose visible', given 'nose occluded'"
    ]
    assert result.attributes.accuracy is not None
    assert result.attributes.accuracy < 1.0
    assert result.score is not None
    assert (score(truth, left_out).score or 0.0) < result.score
