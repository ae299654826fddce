"""Queues of agent stages on the wire: one page, one bundle at a time, so that each can be repeated alone.

The SDK's `get_tasks` is a generator: once an exception has passed through it, it is closed and the rest of the
queue is lost. Its `Bundle` wants the task objects that came out of that generator. So pages and bundles
are asked for directly, through the same client and with the same models.
"""

from collections.abc import Iterator, Sequence
from uuid import UUID

from encord.http.v2.payloads import Page
from encord.orm.base_dto import BaseDTO
from encord.workflow.common import WorkflowClient
from encord.workflow.stages.agent import AgentStage, _ActionPathway
from encord.workflow.stages.final import FinalStage

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.models import Task, TaskPage

TaskStage = AgentStage | FinalStage


class _QueueQuery(BaseDTO):
    """What agent and final stages filter by, alike."""

    page_token: str | None = None
    data_hashes: list[UUID] | None = None
    dataset_hashes: list[UUID] | None = None


class _QueuedTask(BaseDTO):
    """What agent and final stages tell about a task, alike."""

    uuid: UUID
    data_hash: UUID
    data_title: str


def pages(
    stage: TaskStage, *, data_hashes: Sequence[str] | None = None, dataset_hashes: Sequence[str] | None = None
) -> Iterator[list[Task]]:
    """The stage's queue page by page (100 tasks each on Encord), filtered by the server. 1 request a page."""
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
    """One page of the stage's queue; None begins at the front. 1 request."""
    client: WorkflowClient = stage._workflow_client
    query = _QueueQuery(page_token=page_token, data_hashes=_uuids(data_hashes), dataset_hashes=_uuids(dataset_hashes))
    path = f"/projects/{client.project_hash}/workflow/stages/{stage.uuid}/tasks"
    found = retries.call(lambda: client.api_client.get(path, params=query, result_type=Page[_QueuedTask]))
    tasks = [Task(str(task.uuid), str(task.data_hash), task.data_title) for task in found.results]
    return TaskPage(tasks, found.next_page_token)


def proceed(stage: AgentStage, moves: Sequence[tuple[Task, str]]) -> None:
    """Send tasks down pathways, by name, in 1 request that Encord applies whole or not at all."""
    actions = [_ActionPathway(task_uuid=UUID(task.uuid), pathway_name=pathway) for task, pathway in moves]
    retries.call(lambda: stage._workflow_client._action(stage.uuid, actions))


def _uuids(hashes: Sequence[str] | None) -> list[UUID] | None:
    return None if hashes is None else [UUID(value) for value in hashes]
