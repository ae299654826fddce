"""What scores change on Encord, each only where it is switched on; shadow mode, exposure and pace."""

import json
from typing import Any

import pytest

from tests.integration.service.sandbox import (
    COMPLETED_SECRET,
    PRODUCTION,
    ROUTING_STAGE,
    SCORING_STAGE,
    SUBMITTED_SECRET,
    Sandbox,
    Unit,
    sandbox,
    uuid,
)


@pytest.fixture(scope="module")
def images(pedestrians: dict[str, Any]) -> list[dict[str, Any]]:
    return [image for image in pedestrians["images"] if len(image["ground_truth"]) > 1]


def comments_on(both: Sandbox, unit: Unit) -> list[str]:
    """What stands on the data unit's task at *Review & Refine*, read by another client."""
    stage = both.client().get_project(PRODUCTION).workflow.get_stage(uuid=uuid("Review & Refine"))
    found = [issue for task in stage.get_tasks(data_hash=unit.data_hash) for issue in task.issues.list()]
    return [comment.content for issue in found for comment in issue.comments]


@pytest.mark.encord
def test_an_issue_tells_the_reviewer_what_differs_once(images: list[Any]) -> None:
    unit = Unit(images[0], stage="Review & Refine")
    with sandbox([unit], config={"write_back": {"issues": True}}) as both:
        for _ in range(2):
            both.event("task-submitted", SUBMITTED_SECRET, "task_submitted_event", [unit.data_hash])
        comments = comments_on(both, unit)
        assert len(comments) == 1
        assert comments[0].startswith("Benchmark QA found differences from the ground truth:")
        wrong = [task for task in both.report()["tasks"] if task["false_positives"] or task["false_negatives"]]
        for task in wrong:
            assert f"{task['annotator']} (score {task['score']:.2f}): " in comments[0]


def test_no_issue_is_raised_while_annotators_are_at_work(images: list[Any]) -> None:
    unit = Unit(images[0], stage="Consensus")
    with sandbox([unit], config={"write_back": {"issues": True}}) as both:
        both.event("task-submitted", SUBMITTED_SECRET, "task_submitted_event", [unit.data_hash])
        assert len(both.report()["tasks"]) == len(unit.annotations), "submitted branches are scored"
        assert not any("issues" in operation for operation in both.requests_of_service())


def test_no_issue_is_raised_on_work_that_goes_back_to_its_annotators(images: list[Any]) -> None:
    unit = Unit(images[0], stage="Review & Refine")
    config = {"write_back": {"issues": True, "review": True}, "verdict": {"threshold": 1.0}}
    with sandbox([unit], config=config) as both:
        both.event("task-submitted", SUBMITTED_SECRET, "task_submitted_event", [unit.data_hash])
        assert both.stages()["Consensus"] == 1
        assert not any("issues" in operation for operation in both.requests_of_service())


def test_nothing_is_written_back_unless_asked_for(images: list[Any]) -> None:
    unit = Unit(images[0], stage="Score")
    with sandbox([unit]) as both:
        both.score(unit.data_hash)
        assert not any("POST" in operation for operation in both.requests_of_service())


@pytest.mark.encord
def test_the_worse_the_score_the_higher_the_priority(images: list[Any]) -> None:
    units = [Unit(image, stage="Review & Refine") for image in images[:4]]
    with sandbox(units, config={"write_back": {"priority": True}}) as both:
        both.event("task-submitted", SUBMITTED_SECRET, "task_submitted_event", [unit.data_hash for unit in units])
        means: dict[str, list[float]] = {}
        for task in both.report()["tasks"]:
            means.setdefault(task["data_hash"], []).append(task["score"])
        rows = both.client().get_project(PRODUCTION).list_label_rows_v2(data_hashes=list(means))
        for row in rows:
            scores = means[row.data_hash]
            assert row.priority == pytest.approx(1 - sum(scores) / len(scores), abs=1e-3)


@pytest.mark.parametrize(("threshold", "stage"), [(0.0, "Score"), (1.0, "Consensus")])
@pytest.mark.encord
def test_review_and_refine_is_decided_where_all_branches_agree(images: list[Any], threshold: float, stage: str) -> None:
    unit = Unit(images[0], stage="Review & Refine")
    config = {"write_back": {"review": True}, "verdict": {"threshold": threshold}}
    with sandbox([unit], config=config) as both:
        both.event("task-submitted", SUBMITTED_SECRET, "task_submitted_event", [unit.data_hash])
        assert both.stages()[stage] == 1


def test_shadow_mode_decides_records_and_takes_the_default_pathway(images: list[Any]) -> None:
    unit = Unit(images[0], stage="Score")
    with sandbox([unit], config={"shadow": True}) as both:
        assert "decision" not in both.score(unit.data_hash).json()
        assert both.route(uuid("production/0")).json() == {}
        assert len(both.report()["tasks"]) == len(unit.annotations)
        findings = json.loads(both.command("doctor", "--json").stdout)
        told = [finding["message"] for finding in findings if finding["check"] == "shadow"]
        assert "1 decided 'No' are now at 'Routing'" in told
        assert "1 decided 'Done' are now at 'Score'" in told


def test_shadow_mode_changes_nothing_on_encord_by_drains_and_write_backs_either(images: list[Any]) -> None:
    config = {"shadow": True, "write_back": {"issues": True, "priority": True}}
    units = [Unit(images[0]), Unit(images[1], stage="Score")]
    with sandbox(units, config=config) as both:
        before = both.stages()
        assert "1 stay" in both.notify(SCORING_STAGE).json()["message"]
        assert both.notify(ROUTING_STAGE).json()["message"].startswith("0 tasks sent on")
        assert "shadow mode: 'Yes' is decided" in both.command("route", "--json").stdout
        told = [finding["message"] for finding in json.loads(both.command("doctor", "--json").stdout)]
        assert any("decided 'Yes'" in message for message in told), "what a drain would have done is compared"
        assert both.stages() == before
        assert len(both.report()["tasks"]) == len(units[1].annotations)
        asked = both.requests_of_service()
        assert not any("priorit" in name.lower() or "comment" in name.lower() for name in asked), asked


def test_an_item_that_too_many_have_met_is_routed_as_production(images: list[Any]) -> None:
    known, fresh = Unit(images[0], stage="Complete"), Unit(images[1])
    with sandbox([known, fresh], config={"exposure": {"retire_after": 3}}) as both:
        assert both.route(known.data_hash).json() == {"decision": "Yes"}
        both.event("task-completed", COMPLETED_SECRET, "task_completed_event", [known.data_hash])
        assert both.route(known.data_hash).json() == {"decision": "No"}
        assert both.route(fresh.data_hash).json() == {"decision": "Yes"}


def test_the_pace_is_measured_and_waiting_benchmark_tasks_come_later_where_people_meet_enough(
    images: list[Any],
) -> None:
    waiting = Unit(images[1])
    with sandbox([Unit(images[0], stage="Complete"), waiting]) as both:
        shares = json.loads(both.command("pace", "--apply", "--json").stdout)
        assert {each["benchmark"] for each in shares["shares"]} == {1}
        assert shares["overall"]["share"]["estimate"] == 1.0
        row = both.client().get_project(PRODUCTION).list_label_rows_v2(data_hashes=[waiting.data_hash])[0]
        assert row.priority == pytest.approx(0.1)
