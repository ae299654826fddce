"""Actions on people's work: only when the rule has decided, recorded, reversible."""

import json
from typing import Any

import pytest

from agents.store import ActionLog, Database
from agents.workflows.shadow import KIND
from tests.integration.service.sandbox import (
    COMPLETED_SECRET,
    PRODUCTION,
    Sandbox,
    Unit,
    sandbox,
)

POOR = "annotator-41@example.com"


@pytest.fixture(scope="module")
def images(pedestrians: dict[str, Any]) -> list[dict[str, Any]]:
    """Images on which one annotator has missed everything and everybody else was perfect."""
    chosen = [image for image in pedestrians["images"] if len(image["ground_truth"]) > 1][:8]
    people = [f"annotator-{number:02d}@example.com" for number in range(1, 4)]
    return [{**image, "annotations": {**dict.fromkeys(people, image["ground_truth"]), POOR: []}} for image in chosen]


def score_all(both: Sandbox, units: list[Unit]) -> None:
    hashes = [unit.data_hash for unit in units if unit.stage == "Complete"]
    answer = both.event("task-completed", COMPLETED_SECRET, "task_completed_event", hashes)
    assert answer.json()["message"].startswith(f"{len(hashes)} scored")


def act(both: Sandbox, *options: str) -> Any:
    done = both.command("act", "--json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["actions"]


def assigned(both: Sandbox, annotator: str) -> int:
    stage = both.client().get_project(PRODUCTION).workflow.get_stage(name="Consensus")
    return sum(part.assignee == annotator for task in stage.get_tasks() for part in task.subtasks)


def test_assigned_tasks_of_somebody_below_the_bar_go_to_others_and_nobody_elses(images: list[Any]) -> None:
    units = [Unit(image, stage="Complete") for image in images[:7]]
    units.append(Unit(images[7], stage="Consensus", submitted=False))
    with sandbox(units, config={"actions": {"release_tasks": True}}) as both:
        score_all(both, units)
        proposed = act(both)
        assert [(each["kind"], each["subject"]) for each in proposed] == [("release-tasks", POOR)]
        assert assigned(both, POOR) == 1, "nothing is done before somebody says so"
        act(both, "--enforce")
        assert assigned(both, POOR) == 0
        assert assigned(both, "annotator-01@example.com") == 1
        assert act(both) == [], "there is nothing left to release"


def test_too_few_tasks_lead_to_nothing(images: list[Any]) -> None:
    units = [Unit(image, stage="Complete") for image in images[:3]]
    units.append(Unit(images[7], stage="Consensus", submitted=False))
    with sandbox(units, config={"actions": {"release_tasks": True}}) as both:
        score_all(both, units)
        assert act(both) == []


def test_an_item_that_good_annotators_keep_failing_is_taken_out_until_a_person_has_looked(images: list[Any]) -> None:
    wrong_truth = {**images[7], "ground_truth": [[1000.0, 10.0, 30.0, 60.0], [1100.0, 10.0, 30.0, 60.0]]}
    units = [Unit(image, stage="Complete") for image in [*images[:7], wrong_truth]]
    rules = {"retire_failing_items": True, "good": 0.95}
    config = {"actions": rules, "verdict": {"threshold": 0.6, "minimum_tasks": 3}}
    with sandbox(units, config=config) as both:
        score_all(both, units)
        proposed = act(both, "--enforce")
        assert [(each["kind"], each["subject"]) for each in proposed] == [("retire-item", units[7].data_hash)]
        assert act(both) == []


def test_recent_production_work_of_somebody_below_the_bar_goes_round_again_once(images: list[Any]) -> None:
    units = [Unit(image, stage="Complete") for image in images[:7]]
    config = {"actions": {"reopen_recent": {"days": 7, "at_most": 2}}}
    with sandbox(units, config=config, production_images=3, production_by=POOR) as both:
        score_all(both, units)
        assert both.stages()["Complete"] == 10
        (proposed,) = act(both, "--enforce")
        assert (proposed["kind"], proposed["subject"]) == ("reopen-recent", POOR)
        assert both.stages()["Complete"] == 8, "two at most"
        rows = both.client().get_project(PRODUCTION).list_label_rows_v2(label_hashes=proposed["facts"]["label_hashes"])
        assert {row.label_hash for row in rows} == set(proposed["facts"]["label_hashes"]), "with their labels"
        assert act(both) == [], "not again and again"
        trail = ActionLog(Database(both.environment["DATABASE_URL"]))
        for number in range(1_000):
            decided = trail.record(PRODUCTION, kind=KIND, operator="me", subject=f"item {number}", reason="Yes")
        assert act(both) == [], "not after thousands of other entries either"
        undoing = both.command("actions", "undo", decided.action_id, "--reason", "a mistake")
        assert (undoing.returncode, "nothing to undo" in undoing.stderr) == (2, True)


def test_production_work_of_good_annotators_is_left_alone(images: list[Any]) -> None:
    units = [Unit(image, stage="Complete") for image in images[:7]]
    config = {"actions": {"reopen_recent": {"days": 7}}}
    with sandbox(units, config=config, production_by="annotator-01@example.com") as both:
        score_all(both, units)
        assert act(both) == []
