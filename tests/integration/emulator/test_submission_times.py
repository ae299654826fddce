"""A world whose work was submitted before it began: the order of submissions can be tried."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from encord.orm.analytics import TaskActionType

from emulator.errors import WorldError
from emulator.world import World

from .conftest import ANNOTATORS, BENCHMARK_DATA, CONSENSUS_WORKFLOW, PROJECT, Site, Start, make_world

ANNA, BEN = ANNOTATORS[:2]
FIRST, SECOND, LAST = (datetime(2026, 3, day, 9, tzinfo=UTC) for day in (1, 2, 3))


def world(**task: Any) -> dict[str, Any]:
    """One task behind a consensus of two, and one that Anna has annotated alone."""
    parts = [
        {"branch_name": f"encord-{name}", "status": "COMPLETED", "assignee": email, "submitted_at": at.isoformat()}
        for name, email, at in (("anna", ANNA, SECOND), ("ben", BEN, FIRST))
    ]
    consensus, single = BENCHMARK_DATA[:2]
    tasks = [
        {"data_hash": consensus, "stage": "Score", "subtasks": parts},
        {"data_hash": single, "stage": "Review", "annotator": ANNA, "submitted_at": LAST.isoformat(), **task},
    ]
    spec = make_world(workflow=CONSENSUS_WORKFLOW, tasks=tasks)
    spec["labels"] = [
        {"project": PROJECT, "data_hash": consensus, "branch_name": "encord-anna"},
        {"project": PROJECT, "data_hash": consensus, "branch_name": "encord-ben", "last_edited_at": LAST.isoformat()},
        {"project": PROJECT, "data_hash": single},
    ]
    return spec


def edited(site: Site) -> dict[tuple[str, str], datetime]:
    rows = site.project().list_label_rows_v2(include_all_label_branches=True)
    return {
        (row.data_hash, row.branch_name): row.last_edited_at for row in rows if row.label_hash and row.last_edited_at
    }


def test_submissions_stand_in_the_log_in_the_order_in_which_they_were_made(start: Start) -> None:
    project = start(world()).project()
    actions = project.get_task_actions(after=datetime(2026, 1, 1, tzinfo=UTC), action_type=TaskActionType.SUBMIT)
    assert [(a.actor_email, a.timestamp) for a in actions] == [(BEN, FIRST), (ANNA, SECOND), (ANNA, LAST)]


def test_rows_were_edited_when_they_were_submitted_unless_the_world_says_otherwise(start: Start) -> None:
    consensus, single = BENCHMARK_DATA[:2]
    assert edited(start(world())) == {
        (consensus, "encord-anna"): SECOND,
        (consensus, "encord-ben"): LAST,
        (single, "main"): LAST,
    }


def test_a_dumped_world_keeps_the_times(start: Start) -> None:
    site = start(world())
    again = start(site.control("GET", "world"))
    assert edited(again) == edited(site)
    told = again.project().get_task_actions(after=datetime(2026, 1, 1, tzinfo=UTC), action_type=TaskActionType.SUBMIT)
    assert [a.timestamp for a in told] == [FIRST, SECOND, LAST]


def test_a_submission_made_now_is_dumped_with_its_time(start: Start) -> None:
    site = start(workflow={"stages": [{"type": "annotation", "title": "A", "next": "Complete"}, {"type": "complete"}]})
    (task,) = site.project(ANNA).workflow.get_stage(name="A").get_tasks(data_hash=BENCHMARK_DATA[0])
    task.submit()
    (project,) = site.control("GET", "world")["projects"]
    at = {task["data_hash"]: task.get("submitted_at") for task in project["tasks"]}
    assert at[BENCHMARK_DATA[0]] is not None
    assert at[BENCHMARK_DATA[1]] is None


def test_a_time_without_a_zone_is_refused() -> None:
    spec = world(submitted_at="2026-03-01T09:00:00")
    with pytest.raises(WorldError, match="timezone"):
        World.parse(json.dumps(spec))
