"""Where a deployment stands: tasks by stage, whom they wait for, scores owed, and the next command."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benchmark_qa.encord_api.models import LabelRow, Stage, WaitingTask
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.tasks.projects import ServedProjects
from benchmark_qa.tasks.standing import AGENTS_TURN, DeploymentState, deployment_state
from tests.fakes.encord import FakeEncord
from tests.records import record
from tests.unit.tasks.test_checks import (
    ANNOTATE,
    BENCHMARK,
    CONSENSUS,
    OF_BENCHMARK,
    OF_PRODUCTION,
    PRODUCTION,
    ROUTE,
    SCORE,
    STAGES,
    served,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
COMPLETE = "s5"
TRUTH_STAGES = {"Annotate": "t1", "Complete": "t2"}


@dataclass
class Scene:
    """A deployment whose tasks stand where a test has put them."""

    projects: ServedProjects
    encord: FakeEncord
    store: SqlScoreStore

    def put(self, data_hash: str, stage: str, *, truth: str | None = None, minutes: float = 0, **task: Any) -> None:
        """A production task; with `truth` the stage of its benchmark task, which makes it a benchmark item."""
        dataset = OF_PRODUCTION if truth is None else OF_BENCHMARK
        self._row(PRODUCTION, data_hash, dataset, stage)
        if truth is not None:
            self._row(BENCHMARK, data_hash, dataset, TRUTH_STAGES[truth])
        waiting = WaitingTask(data_hash, f"{data_hash}.jpg", NOW - timedelta(minutes=minutes), **task)
        if stage != COMPLETE:
            self.encord.waiting.setdefault(stage, []).append(waiting)

    def look(self) -> DeploymentState:
        return deployment_state(self.projects, self.store, NOW)

    def stage(self, title: str) -> Any:
        return next(stage for stage in self.look().projects[0].stages if stage.title == title)

    def _row(self, project: str, data_hash: str, dataset: str, stage: str) -> None:
        row = LabelRow(data_hash, f"{data_hash}.jpg", dataset, "main", None, None, None, stage, None)
        self.encord.rows.setdefault(project, []).append(row)


@pytest.fixture
def scene() -> Scene:
    projects = served()
    encord = projects.encord
    assert isinstance(encord, FakeEncord)
    truth = (Stage("t1", "Annotate", "ANNOTATION"), Stage("t2", "Complete", "DONE"))
    encord.projects[BENCHMARK] = replace(encord.projects[BENCHMARK], stages=truth)
    return Scene(projects, encord, SqlScoreStore("sqlite://"))


def test_tasks_are_counted_in_the_workflows_order_with_the_one_unchanged_longest(scene: Scene) -> None:
    scene.put("a", ANNOTATE, minutes=5, assignee="anna@example.com")
    scene.put("b", ANNOTATE, minutes=90)
    scene.put("c", COMPLETE)
    found = scene.look().projects[0]
    assert [(stage.title, stage.tasks) for stage in found.stages] == [
        ("Route", 0), ("Consensus", 0), ("Annotate", 2), ("Score", 0), ("Complete", 1),
    ]  # fmt: skip
    annotate = found.stages[2]
    assert annotate.unchanged_since == NOW - timedelta(minutes=90)
    assert (annotate.oldest, annotate.waits_for) == ("b.jpg", "an annotator (nobody has it)")
    assert found.stages[4].unchanged_since is None


@pytest.mark.parametrize(
    ("stage", "task", "whom"),
    [
        (CONSENSUS, {"parts": 3, "missing": ("cleo@x.org",)}, "cleo@x.org (2 of 3 annotators have submitted)"),
        (CONSENSUS, {"parts": 3, "missing": (None, None)}, "annotators (1 of 3 annotators have submitted)"),
        (ANNOTATE, {"assignee": "anna@x.org"}, "anna@x.org"),
        (ROUTE, {}, "the routing agent"),
        (SCORE, {}, "the scoring agent"),
    ],
)
def test_whom_the_oldest_waits_for(scene: Scene, stage: str, task: dict[str, Any], whom: str) -> None:
    scene.put("a", stage, truth="Complete", **task)
    assert whom in {found.waits_for for found in scene.look().projects[0].stages}


def test_an_agent_stage_that_the_configuration_does_not_name_is_said_to_be_others() -> None:
    projects = served(stages={"routing": {"name": "Route"}})
    scene = Scene(projects, projects.encord, SqlScoreStore("sqlite://"))  # type: ignore[arg-type]
    scene.put("a", SCORE)
    assert scene.stage("Score").waits_for == "an agent that is not this service"


def test_scores_are_owed_by_benchmark_tasks_past_the_annotators_with_finished_truth(scene: Scene) -> None:
    scored = record(1, annotator="anna@example.com", production_project=PRODUCTION)
    scene.store.save([scored])
    scene.put(scored.identity.data_hash, COMPLETE, truth="Complete")
    scene.put("owed at the end", COMPLETE, truth="Complete")
    scene.put("owed at the stage", SCORE, truth="Complete")
    scene.put("not yet labelled", CONSENSUS, truth="Complete")
    scene.put("production", COMPLETE)
    scene.put("without truth", CONSENSUS, truth="Annotate")
    found = scene.look().scores
    assert (found.recorded, found.data_units, found.owed) == (1, 1, 2)
    assert (found.truth_missing, found.waiting_for_truth) == (1, 0)


@pytest.mark.parametrize(
    ("tasks", "command"),
    [
        ([], "benchmark-qa doctor"),
        ([("a", SCORE, "Annotate", 0), ("b", ROUTE, None, 60)], "benchmark-qa truth status"),
        ([("a", ROUTE, None, 60), ("b", SCORE, "Complete", 60)], "benchmark-qa route"),
        ([("a", SCORE, "Complete", 60)], "benchmark-qa evaluate"),
        ([("a", COMPLETE, "Complete", 0)], "benchmark-qa evaluate"),
        ([("a", SCORE, "Complete", 0)], "benchmark-qa status --watch"),
        ([("a", ROUTE, None, 0)], "benchmark-qa status --watch"),
        ([("a", CONSENSUS, "Complete", 600)], "benchmark-qa status --watch"),
        ([("a", COMPLETE, None, 0)], "benchmark-qa doctor"),
    ],
)
def test_the_next_command(scene: Scene, tasks: list[tuple[str, str, str | None, float]], command: str) -> None:
    for data_hash, stage, truth, minutes in tasks:
        scene.put(data_hash, stage, truth=truth, minutes=minutes)
    assert scene.look().next.command == command


def test_a_report_is_next_where_scores_are_there_and_nothing_was_missed(scene: Scene) -> None:
    scored = record(1, annotator="anna@example.com", production_project=PRODUCTION)
    scene.store.save([scored])
    scene.put(scored.identity.data_hash, COMPLETE, truth="Complete")
    scene.put("b", CONSENSUS, truth="Complete", minutes=600)
    assert scene.look().next.command == "benchmark-qa report"


def test_a_call_that_is_under_way_is_not_missed(scene: Scene) -> None:
    scene.put("a", ROUTE, minutes=AGENTS_TURN.total_seconds() / 60)
    assert scene.look().next.command == "benchmark-qa status --watch"
    scene.encord.waiting[ROUTE][0] = WaitingTask("a", "a.jpg", NOW - AGENTS_TURN - timedelta(seconds=1))
    assert scene.look().next.command == "benchmark-qa route"


def test_the_workflow_of_these_tests_is_the_one_of_the_checks() -> None:
    assert [stage.uuid for stage in STAGES] == [ROUTE, CONSENSUS, ANNOTATE, SCORE, COMPLETE]
