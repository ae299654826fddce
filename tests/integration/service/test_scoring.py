"""Scoring over real sockets: the annotators' branches against the truth, recorded once."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.service.sandbox import (
    BENCHMARK,
    PRODUCTION,
    SCORING_STAGE,
    Sandbox,
    Unit,
    sandbox,
    uuid,
)

pytestmark = pytest.mark.encord


@pytest.fixture(scope="module")
def units(pedestrians: dict[str, Any]) -> list[Unit]:
    images = [image for image in pedestrians["images"] if image["ground_truth"]]
    return [Unit(image, stage="Score") for image in images[:5]]


@pytest.fixture(scope="module")
def running(units: list[Unit]) -> Iterator[Sandbox]:
    with sandbox(units) as both:
        yield both


def test_every_branch_is_scored_under_its_annotators_name(running: Sandbox, units: list[Unit]) -> None:
    answer = running.score(units[0].data_hash)
    assert (answer.status_code, answer.json()["decision"]) == (200, "Done")
    tasks = [task for task in running.report()["tasks"] if task["data_hash"] == units[0].data_hash]
    assert sorted(task["annotator"] for task in tasks) == sorted(units[0].annotations)
    for task in tasks:
        boxes = units[0].annotations[task["annotator"]]
        assert task["true_positives"] + task["false_positives"] == len(boxes)
        assert task["true_positives"] + task["false_negatives"] == len(units[0].image["ground_truth"])


def test_a_first_score_costs_three_requests_whatever_the_branches_and_a_repeat_one(
    running: Sandbox, units: list[Unit]
) -> None:
    running.score(units[0].data_hash)  # projects and the truth's index are warm now
    running.forget_requests()
    running.score(units[1].data_hash)
    assert running.requests_of_service() == {"legacy labelrowmetadata.GET": 1, "legacy labelrow.GET": 2}
    running.forget_requests()
    running.score(units[1].data_hash)
    assert running.requests_of_service() == {"legacy labelrowmetadata.GET": 1}


def test_the_same_delivery_twice_changes_nothing(running: Sandbox, units: list[Unit]) -> None:
    running.score(units[0].data_hash)
    before = running.report()
    running.score(units[0].data_hash)
    assert running.report() == before


def test_the_answer_tells_nothing_of_the_truth(running: Sandbox, units: list[Unit]) -> None:
    assert running.score(units[0].data_hash).json() == {
        "message": "Thank you. The labels have been received.",
        "decision": "Done",
    }


def test_reading_for_a_score_never_saves_labels(running: Sandbox, units: list[Unit]) -> None:
    running.forget_requests()
    running.score(units[2].data_hash)
    assert not any("POST" in operation or "PUT" in operation for operation in running.requests_of_service())


def test_a_data_unit_of_no_benchmark_dataset_is_not_scored(running: Sandbox) -> None:
    answer = running.score(uuid("production/0"))
    assert answer.status_code == 409
    assert "is in no benchmark dataset" in answer.json()["message"]


def test_what_the_calls_missed_is_scored_and_sent_on_by_hand(pedestrians: dict[str, Any]) -> None:
    missed = [Unit(image, stage="Score") for image in pedestrians["images"][10:14]]
    finished = [Unit(image, stage="Complete") for image in pedestrians["images"][14:16]]
    with sandbox(missed + finished) as both:
        done = both.command("evaluate", "--json")
        assert done.returncode == 0, done.stderr
        assert '"moved": 4' in done.stdout
        report = both.report()
        assert len(report["tasks"]) == sum(len(unit.annotations) for unit in missed + finished)
        assert '"moved": 0' in both.command("evaluate", "--json").stdout
        assert both.report() == report


def test_without_finished_ground_truth_the_task_waits_and_says_where_the_truth_stands(
    pedestrians: dict[str, Any],
) -> None:
    unit = Unit(pedestrians["images"][0], stage="Score", truth_stage="Annotate")
    with sandbox([unit]) as both:
        answer = both.score(unit.data_hash)
        assert answer.status_code == 409
        assert "no ground truth yet" in answer.json()["message"]
        assert "'Annotate'" in answer.json()["message"]
        done = both.command("evaluate")
        assert done.returncode == 4
        assert "1 stay: its benchmark task is at stage 'Annotate'" in done.stdout
        # The truth is finished now: no restart, no waiting for a cache.
        both.client().get_project(BENCHMARK).list_label_rows_v2()[0].workflow_complete()
        assert both.score(unit.data_hash).status_code == 200


def test_an_empty_submitted_row_is_an_answer_and_an_unsubmitted_one_is_not(pedestrians: dict[str, Any]) -> None:
    image = next(i for i in pedestrians["images"] if i["ground_truth"] and not all(i["annotations"].values()))
    nobody = next(annotator for annotator, boxes in image["annotations"].items() if not boxes)
    submitted = Unit(image, stage="Score")
    waiting = Unit(next(i for i in pedestrians["images"] if i["id"] != image["id"]), stage="Consensus", submitted=False)
    with sandbox([submitted, waiting]) as both:
        assert both.score(submitted.data_hash).status_code == 200
        empty = next(task for task in both.report()["tasks"] if task["annotator"] == nobody)
        assert (empty["true_positives"], empty["false_positives"]) == (0, 0)
        assert empty["false_negatives"] == len(image["ground_truth"])
        assert empty["score"] == 0.0
        answer = both.score(waiting.data_hash)
        assert answer.status_code == 409
        assert "no annotator has submitted" in answer.json()["message"]


def test_different_ontologies_are_refused_naming_both(pedestrians: dict[str, Any]) -> None:
    unit = Unit(pedestrians["images"][0], stage="Score")
    with sandbox([unit], ontologies=("Pedestrians", "People")) as both:
        message = both.score(unit.data_hash).json()["message"]
        assert uuid("ontology Pedestrians") in message
        assert uuid("ontology People") in message


def test_a_match_exactly_on_the_threshold_counts(pedestrians: dict[str, Any]) -> None:
    image = next(image for image in pedestrians["images"] if image["id"] == "102145")
    unit = Unit(image, stage="Score")
    with sandbox([unit]) as both:
        both.score(unit.data_hash)
        lenient = _of(both.report(), "annotator-24@example.com")
    with sandbox([unit], config={"scoring": {"iou_threshold": 0.500001}}) as both:
        both.score(unit.data_hash)
        strict = _of(both.report(), "annotator-24@example.com")
    assert lenient["true_positives"] == strict["true_positives"] + 1


def test_encord_moves_the_task_by_the_decision_when_it_calls_itself(pedestrians: dict[str, Any]) -> None:
    units = [Unit(image, stage="Score") for image in pedestrians["images"][:2]]
    with sandbox(units, auto=True) as both:
        both.control("POST", "retry")
        assert both.control("GET", "idle", params={"timeout": 30}) == {"idle": True}
        tasks = both.control("GET", f"projects/{PRODUCTION}/tasks")
        there = {task["data_hash"]: task for task in tasks["tasks"]}
        assert {there[unit.data_hash]["stage"]["title"] for unit in units} == {"Complete"}
        stage = both.client().get_project(PRODUCTION).workflow.get_stage(uuid=SCORING_STAGE)
        assert list(stage.get_tasks()) == []


def _of(report: Any, annotator: str) -> Any:
    return next(line for line in report["annotators"] if line["annotator"] == annotator)
