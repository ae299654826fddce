"""Recent production work that has left annotation: find it, send it back, and restore it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from benchmark_qa.encord_api.analytics import TaskAction, WorkAnalytics
from benchmark_qa.encord_api.tasks import move_tasks, task_rows
from benchmark_qa.tasks.projects import ServedProjects

PAST_ANNOTATION = ("REVIEW", "DONE")


@dataclass(frozen=True)
class DoneTask:
    """A production task that has left annotation."""

    data_hash: str
    task_uuid: str
    stage_uuid: str
    """The task's current stage."""
    annotation_uuid: str
    """The annotation stage from which it was submitted."""


def recent_work(
    projects: ServedProjects, annotators: Collection[str], since: datetime, until: datetime
) -> dict[str, list[DoneTask]]:
    """By annotator: the tasks that they were the last to submit from an annotation stage, newest first.

    A reviewer acts on a task later and did not make its labels. An annotator whose task was rejected and went to
    another person did not make its labels either. Consensus blocks are left out, because several people work there.
    Requests: 1 per page of Encord's analytics, and 1 per 1,000 of these tasks.

    Raises:
        PlatformError: AccessRefused if the service's user may not see the analytics.
    """
    production = projects.production
    kinds = {stage.uuid: stage.kind for stage in production.stages}
    analytics = WorkAnalytics(projects.encord, production.project_hash)
    submitted = (
        action
        for action in analytics.task_actions(since, until)
        if action.kind == "submit" and kinds.get(action.stage_uuid) == "ANNOTATION"
    )
    last = {data_hash: action for data_hash, action in _latest(submitted).items() if action.actor in annotators}
    found: dict[str, list[DoneTask]] = defaultdict(list)
    rows = task_rows(projects.encord, production.project_hash, list(last))
    for row in sorted(rows, key=lambda row: last[row.data_hash].at, reverse=True):
        if (
            row.task_uuid is not None
            and row.stage_uuid is not None
            and kinds.get(row.stage_uuid) in PAST_ANNOTATION
            and projects.is_production_dataset(row.dataset_hash)
        ):
            own = last[row.data_hash]
            found[own.actor].append(DoneTask(row.data_hash, row.task_uuid, row.stage_uuid, own.stage_uuid))
    return found


def send_round_again(projects: ServedProjects, tasks: Sequence[DoneTask]) -> None:
    """Move tasks, with their labels, to the stage where they were annotated.

    Requests: 1 per pair of stages and 500 tasks. Re-opening is not used: it sends a task to the workflow's first
    annotation stage, which may be the benchmark's.

    Raises:
        PlatformError: RequestRejected if a task has left its stage meanwhile.
    """
    _move(projects, [(task.stage_uuid, task.annotation_uuid, task.task_uuid) for task in tasks])


def put_back(projects: ServedProjects, tasks: Sequence[DoneTask]) -> None:
    """Move tasks that were sent back, and not submitted since, to their earlier stage.

    Requests: 1 per 1,000 tasks to see where they are, and 1 per pair of stages and 500 tasks.

    Raises:
        PlatformError
    """
    project_hash = projects.production.project_hash
    rows = task_rows(projects.encord, project_hash, [task.data_hash for task in tasks])
    now = {row.data_hash: row.stage_uuid for row in rows}
    waiting = [task for task in tasks if now.get(task.data_hash) == task.annotation_uuid]
    _move(projects, [(task.annotation_uuid, task.stage_uuid, task.task_uuid) for task in waiting])


def _latest(actions: Iterable[TaskAction]) -> dict[str, TaskAction]:
    """The last action on each data unit."""
    return {action.data_hash: action for action in sorted(actions, key=lambda action: action.at)}


def _move(projects: ServedProjects, moves: Sequence[tuple[str, str, str]]) -> None:
    """Move tasks; each move is (origin, destination, task)."""
    by_stages: dict[tuple[str, str], list[str]] = defaultdict(list)
    for origin, destination, task in moves:
        by_stages[origin, destination].append(task)
    for (origin, destination), tasks in by_stages.items():
        move_tasks(projects.encord, projects.production.project_hash, origin, destination, tasks)
