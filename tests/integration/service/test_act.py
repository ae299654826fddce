"""Actions on people's work: only by the report's verdict, recorded, reversible."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from encord import EncordUserClient, Project

from benchmark_qa.store.action_log import ActionLog
from benchmark_qa.store.database import Database
from benchmark_qa.tasks.shadow import KIND
from tests.integration.service.sandbox import (
    COMPLETED_SECRET,
    PRODUCTION,
    ROUTING_STAGE,
    Key,
    Sandbox,
    Unit,
    sandbox,
    uuid,
)

DONE = 24
"""Benchmark images that everybody has done"""
POOR, GOOD = "annotator-41@example.com", "annotator-01@example.com"
MOVE, ACT = (
    "POST projects/{project}/workflow/stages/{stage}/move-tasks",
    "POST projects/{project}/workflow/stages/{stage}/actions",
)
"""Operations as the emulator's request log names them"""


@pytest.fixture(scope="module")
def images(pedestrians: dict[str, Any]) -> list[dict[str, Any]]:
    """Images on which one annotator has missed everything and everybody else was perfect."""
    chosen = [image for image in pedestrians["images"] if len(image["ground_truth"]) > 1][: DONE + 1]
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


def told(both: Sandbox) -> str:
    done = both.command("act")
    assert done.returncode == 0, done.stderr
    return " ".join(done.stdout.split())


def assigned(both: Sandbox, annotator: str) -> int:
    stage = both.client().get_project(PRODUCTION).workflow.get_stage(name="Consensus")
    return sum(part.assignee == annotator for task in stage.get_tasks() for part in task.subtasks)


def test_assigned_tasks_of_somebody_below_the_bar_go_to_others_and_nobody_elses(images: list[Any]) -> None:
    units = [Unit(image, stage="Complete") for image in images[:DONE]]
    units.append(Unit(images[DONE], stage="Consensus", submitted=False))
    with sandbox(units, config={"actions": {"release_tasks": True}}) as both:
        score_all(both, units)
        proposed = act(both)
        assert [(each["kind"], each["subject"]) for each in proposed] == [("release-tasks", POOR)]
        assert assigned(both, POOR) == 1, "nothing is done before somebody says so"
        act(both, "--enforce")
        assert assigned(both, POOR) == 0
        assert assigned(both, "annotator-01@example.com") == 1
        assert act(both) == [], "there is nothing left to release"
        assert f"{POOR} is below the bar: 0.00 on {DONE} tasks" in told(both)
        assert "no assigned task to release" in told(both)


def test_too_few_tasks_lead_to_nothing(images: list[Any]) -> None:
    units = [Unit(image, stage="Complete") for image in images[:3]]
    units.append(Unit(images[DONE], stage="Consensus", submitted=False))
    with sandbox(units, config={"actions": {"release_tasks": True}}) as both:
        score_all(both, units)
        assert act(both) == []
        assert "nobody is below the bar of 0.7" in told(both)


def test_that_no_action_is_switched_on_is_said(images: list[Any]) -> None:
    with sandbox([Unit(image, stage="Complete") for image in images[:3]]) as both:
        assert "'actions' in the configuration asks for nothing" in told(both)


def test_an_item_that_good_annotators_keep_failing_is_taken_out_until_a_person_has_looked(images: list[Any]) -> None:
    wrong_truth = {**images[DONE], "ground_truth": [[1000.0, 10.0, 30.0, 60.0], [1100.0, 10.0, 30.0, 60.0]]}
    units = [Unit(image, stage="Complete") for image in [*images[:DONE], wrong_truth]]
    rules = {"retire_failing_items": True, "good": 0.95, "rule": "sequential"}
    config = {"actions": rules, "verdict": {"threshold": 0.6, "minimum_tasks": 3}}
    with sandbox(units, config=config) as both:
        score_all(both, units)
        proposed = act(both, "--enforce")
        assert [(each["kind"], each["subject"]) for each in proposed] == [("retire-item", units[DONE].data_hash)]
        assert act(both) == []


KEYS = {POOR: Key.create(), GOOD: Key.create()}


def who_can_sign_in(document: dict[str, Any]) -> dict[str, Any]:
    """The two annotators have keys, and may review as well."""
    users = [
        {**user, "public_keys": [KEYS[user["email"]].public]} if user["email"] in KEYS else user
        for user in document["users"]
    ]
    projects = [
        {**project, "users": {**project["users"], **dict.fromkeys(KEYS, "annotator_reviewer")}}
        if project["hash"] == PRODUCTION
        else project
        for project in document["projects"]
    ]
    return {**document, "users": users, "projects": projects}


def project_of(both: Sandbox, person: str) -> Project:
    client = EncordUserClient.create_with_ssh_private_key(KEYS[person].private, domain=both.domain)
    return client.get_project(PRODUCTION)


def annotate(both: Sandbox, person: str, data_hash: str) -> None:
    (task,) = both.client().get_project(PRODUCTION).workflow.get_stage(name="Annotate").get_tasks(data_hash=data_hash)
    task.assign(person)
    project = project_of(both, person)
    (row,) = project.list_label_rows_v2(data_hashes=[data_hash])
    row.initialise_labels()
    row.save()
    (task,) = project.workflow.get_stage(name="Annotate").get_tasks(data_hash=data_hash)
    task.submit()


def approve(project: Project, data_hash: str) -> None:
    (task,) = project.workflow.get_stage(name="Review").get_tasks(data_hash=data_hash)
    task.approve()


def where(both: Sandbox, data_hashes: list[str]) -> list[str]:
    rows = both.client().get_project(PRODUCTION).list_label_rows_v2(data_hashes=data_hashes)
    titles = {str(row.data_hash): row.workflow_graph_node.title for row in rows if row.workflow_graph_node}
    return [titles[data_hash] for data_hash in data_hashes]


@pytest.fixture
def at_work(images: list[Any]) -> Iterator[tuple[Sandbox, list[str]]]:
    """The poor annotator has done three production tasks and approved the good one's; the last waits for review."""
    units = [Unit(image, stage="Complete") for image in images[:DONE]]
    config = {"actions": {"reopen_recent": {"days": 7, "at_most": 2}}}
    production = [uuid(f"production/{n}") for n in range(4)]
    with sandbox(units, config=config, production_images=4, change_world=who_can_sign_in) as both:
        score_all(both, units)
        both.notify(ROUTING_STAGE)
        for data_hash in production[:3]:
            annotate(both, POOR, data_hash)
        annotate(both, GOOD, production[3])
        for data_hash in production[:2]:
            approve(both.client().get_project(PRODUCTION), data_hash)
        approve(project_of(both, POOR), production[3])
        assert where(both, production) == ["Complete", "Complete", "Review", "Complete"]
        yield both, production


def test_recent_production_work_of_somebody_below_the_bar_goes_round_again_once(
    at_work: tuple[Sandbox, list[str]],
) -> None:
    both, production = at_work
    (proposed,) = act(both, "--enforce")
    assert (proposed["kind"], proposed["subject"]) == ("reopen-recent", POOR)
    assert [task["data_hash"] for task in proposed["facts"]["tasks"]] == [production[2], production[1]], "two at most"
    assert where(both, production) == ["Complete", "Annotate", "Annotate", "Complete"], "not what they have reviewed"
    rows = both.client().get_project(PRODUCTION).list_label_rows_v2(data_hashes=production[1:3])
    assert all(row.label_hash for row in rows), "with their labels"
    assert act(both) == [], "not again and again"
    trail = ActionLog(Database(both.environment["DATABASE_URL"]))
    for number in range(1_000):
        decided = trail.record(PRODUCTION, kind=KIND, operator="me", subject=f"item {number}", reason="Yes")
    assert act(both) == [], "not after thousands of other entries either"
    undoing = both.command("actions", "undo", decided.action_id, "--reason", "a mistake")
    assert (undoing.returncode, "nothing to undo" in undoing.stderr) == (2, True)


def test_what_went_round_again_by_mistake_is_put_back_to_where_it_stood(at_work: tuple[Sandbox, list[str]]) -> None:
    both, production = at_work
    act(both, "--enforce")
    annotate(both, GOOD, production[1])  # somebody has done it over since: that stays
    (entry,) = ActionLog(Database(both.environment["DATABASE_URL"])).entries(PRODUCTION, kind="reopen-recent")
    undoing = both.command("actions", "undo", entry.action_id, "--reason", "a mistake", "--operator", "Ada")
    assert undoing.returncode == 0, undoing.stderr
    assert where(both, production) == ["Complete", "Review", "Review", "Complete"]


def test_an_action_that_is_cut_off_is_in_the_trail_and_is_taken_up_again(at_work: tuple[Sandbox, list[str]]) -> None:
    both, production = at_work
    both.break_platform("status", status=409, operation=MOVE)
    assert both.command("act", "--enforce").returncode != 0
    trail = ActionLog(Database(both.environment["DATABASE_URL"]))
    (entry,) = trail.entries(PRODUCTION, kind="reopen-recent")
    assert [task["data_hash"] for task in entry.facts["tasks"]] == [production[2], production[1]]
    assert entry.facts["outcome"] not in ("begun", "done")
    assert "not certain to have been done" in both.command("actions", "list").stdout
    assert len(act(both, "--enforce")) == 1
    assert where(both, production)[1:3] == ["Annotate", "Annotate"]
    newest, _ = trail.entries(PRODUCTION, kind="reopen-recent")
    assert newest.facts["outcome"] == "done"


def test_a_kill_in_the_middle_of_an_action_leaves_what_it_takes_to_undo_it(images: list[Any]) -> None:
    units = [Unit(image, stage="Complete") for image in images[:DONE]]
    units.append(Unit(images[DONE], stage="Consensus", submitted=False))
    with sandbox(units, config={"actions": {"release_tasks": True}}) as both:
        score_all(both, units)
        both.break_platform("latency", seconds=60, operation=ACT)
        killed = subprocess.Popen(
            [sys.executable, "-m", "benchmark_qa", "act", "--enforce"], env=dict(both.environment)
        )
        trail = ActionLog(Database(both.environment["DATABASE_URL"]))
        deadline = time.monotonic() + 60
        while not trail.entries(PRODUCTION, kind="release-tasks"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        killed.kill()
        killed.wait(10)
        (entry,) = trail.entries(PRODUCTION, kind="release-tasks")
        assert entry.facts["outcome"] == "begun"
        assert [task["assignee"] for task in entry.facts["tasks"]] == [POOR]
