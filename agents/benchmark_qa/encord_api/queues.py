"""Queues of agent and final stages: read pages of tasks, and move tasks along pathways."""

from collections.abc import Iterator, Sequence
from itertools import islice
from uuid import UUID

from encord.http.v2.payloads import Page
from encord.orm.base_dto import BaseDTO
from encord.project import Project as SdkProject
from encord.workflow.common import WorkflowClient, WorkflowTask
from encord.workflow.stages.agent import AgentStage, _ActionPathway
from encord.workflow.stages.annotation import AnnotationTaskStatus
from encord.workflow.stages.consensus_annotation import ConsensusAnnotationTask
from encord.workflow.stages.final import FinalStage

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.errors import RequestRejected
from benchmark_qa.encord_api.models import Moved, Task, TaskPage, WaitingTask
from benchmark_qa.encord_api.retries import TASKS_PER_PAGE, batches

_ROUNDS_BEFORE_SINGLE = 3


def proceed_with_what_waits(stage: AgentStage, moves: Sequence[tuple[Task, str]]) -> Moved:
    """After a rejected bundle: find the tasks that still wait and send them, repeatedly if needed.

    Another process may drain the same stage, so the new list may be outdated too. After some rounds each task is sent
    alone.
    """
    waiting = list(moves)
    for _ in range(_ROUNDS_BEFORE_SINGLE):
        waiting = _still_waiting(stage, waiting)
        try:
            if waiting:
                proceed(stage, waiting)
            return Moved(len(waiting), len(moves) - len(waiting))
        except RequestRejected:
            continue
    moved = sum(_proceed_alone(stage, move) for move in waiting)
    return Moved(moved, len(moves) - moved)


def _proceed_alone(stage: AgentStage, move: tuple[Task, str]) -> bool:
    try:
        proceed(stage, [move])
    except RequestRejected:
        if _still_waiting(stage, [move]):
            raise  # the task still waits: Encord refuses the pathway itself
        return False
    return True


def _still_waiting(stage: AgentStage, moves: Sequence[tuple[Task, str]]) -> list[tuple[Task, str]]:
    """The moves whose tasks are still at the stage. 1 request per 100 tasks."""
    there = {
        task.uuid
        for batch in batches(moves, TASKS_PER_PAGE)
        for tasks in pages(stage, data_hashes=[task.data_hash for task, _ in batch])
        for task in tasks
    }
    return [move for move in moves if move[0].uuid in there]


TaskStage = AgentStage | FinalStage


class _QueueQuery(BaseDTO):
    """Filters that agent and final stages have in common."""

    page_token: str | None = None
    data_hashes: list[UUID] | None = None
    dataset_hashes: list[UUID] | None = None


class _QueuedTask(BaseDTO):
    """Fields of a task that agent and final stages have in common."""

    uuid: UUID
    data_hash: UUID
    data_title: str


def pages(
    stage: TaskStage, *, data_hashes: Sequence[str] | None = None, dataset_hashes: Sequence[str] | None = None
) -> Iterator[list[Task]]:
    """The stage's queue in pages of 100 tasks, filtered by the server. 1 request per page."""
    page_token: str | None = None
    while True:
        found = page(stage, page_token, data_hashes=data_hashes, dataset_hashes=dataset_hashes)
        yield found.tasks
        if found.next_token is None:
            return
        page_token = found.next_token


def page(
    stage: TaskStage,
    page_token: str | None,
    *,
    data_hashes: Sequence[str] | None = None,
    dataset_hashes: Sequence[str] | None = None,
) -> TaskPage:
    """One page of the stage's queue; a `page_token` of None gives the first. 1 request."""
    client: WorkflowClient = stage._workflow_client
    query = _QueueQuery(page_token=page_token, data_hashes=_uuids(data_hashes), dataset_hashes=_uuids(dataset_hashes))
    path = f"/projects/{client.project_hash}/workflow/stages/{stage.uuid}/tasks"
    found = retries.call(lambda: client.api_client.get(path, params=query, result_type=Page[_QueuedTask]))
    tasks = [Task(str(task.uuid), str(task.data_hash), task.data_title) for task in found.results]
    return TaskPage(tasks, found.next_page_token)


def proceed(stage: AgentStage, moves: Sequence[tuple[Task, str]]) -> None:
    """Move tasks along pathways, by name, in 1 request that Encord applies completely or not at all."""
    actions = [_ActionPathway(task_uuid=UUID(task.uuid), pathway_name=pathway) for task, pathway in moves]
    retries.call(lambda: stage._workflow_client._action(stage.uuid, actions))


def _uuids(hashes: Sequence[str] | None) -> list[UUID] | None:
    return None if hashes is None else [UUID(value) for value in hashes]


def tasks_at(project: SdkProject, stage_uuid: str, at_most: int) -> list[WaitingTask]:
    """The first `at_most` tasks of a stage, in the SDK's order; empty if it is final or does not exist."""
    stage = next((each for each in project.workflow.stages if str(each.uuid) == stage_uuid), None)
    if stage is None or isinstance(stage, FinalStage):
        return []
    tasks = retries.call(lambda: list(islice(stage.get_tasks(), at_most)))
    return [_waiting(task) for task in tasks]


def _waiting(task: WorkflowTask) -> WaitingTask:
    parts = task.subtasks if isinstance(task, ConsensusAnnotationTask) else []
    return WaitingTask(
        data_hash=str(getattr(task, "data_hash", "")),
        data_title=str(getattr(task, "data_title", "")),
        changed_at=task.updated_at,
        assignee=getattr(task, "assignee", None),
        missing=tuple(part.assignee for part in parts if part.status is not AnnotationTaskStatus.COMPLETED),
        parts=len(parts),
    )
