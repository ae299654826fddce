"""A project's tasks and their stages, and moving them. Every function gives its number of requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from encord.orm.label_row import LabelRowMetadata

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.retries import ROWS_PER_REQUEST, batches

MOVES_PER_REQUEST = 500
"""Tasks in one request; the size of the SDK's own bundle of moves."""


ORDINARY_PRIORITY = 0.5
"""Priority of a task if nobody has set one."""


@dataclass(frozen=True)
class TaskRow:
    """A data unit's `main` label row, with its task and its stored file, without labels."""

    data_hash: str
    data_title: str
    dataset_hash: str
    label_hash: str | None
    """None: never initialised, so it has no labels."""
    item_uuid: str | None
    task_uuid: str | None
    stage_uuid: str | None
    priority: float
    last_actioned_by: str | None


def task_rows(encord: Encord, project_hash: str, data_hashes: Sequence[str] | None = None) -> list[TaskRow]:
    """The project's rows of these data units (default: all). 1 request per 1,000."""
    client = encord.sdk_project(project_hash)._client
    wanted = [None] if data_hashes is None else [list(batch) for batch in batches(data_hashes, ROWS_PER_REQUEST)]
    return [
        _task_row(row)
        for batch in wanted
        for row in retries.call(
            lambda batch=batch: client.list_label_rows(data_hashes=batch, include_uninitialised_labels=True)  # type: ignore[misc]
        )
    ]


def move_tasks(encord: Encord, project_hash: str, origin: str, destination: str, tasks: Sequence[str]) -> None:
    """Move tasks (uuids) from one stage to another, with their labels.

    1 request per 500, each applied completely or not at all.

    Raises:
        RequestRejected: a task has left the stage.
    """
    client = encord.sdk_project(project_hash).workflow.stages[0]._workflow_client
    for batch in batches(tasks, MOVES_PER_REQUEST):
        uuids = [UUID(task) for task in batch]
        retries.call(
            lambda uuids=uuids: client.move(  # type: ignore[misc]
                origin_stage_uuid=UUID(origin), destination_stage_uuid=UUID(destination), task_uuids=uuids
            )
        )


def _task_row(row: LabelRowMetadata) -> TaskRow:
    node = row.workflow_graph_node
    return TaskRow(
        data_hash=row.data_hash,
        data_title=row.data_title,
        dataset_hash=row.dataset_hash,
        label_hash=row.label_hash,
        item_uuid=str(row.backing_item_uuid) if row.backing_item_uuid else None,
        task_uuid=str(row.task_uuid) if row.task_uuid else None,
        stage_uuid=node.uuid if node else None,
        priority=ORDINARY_PRIORITY if row.priority is None else row.priority,
        last_actioned_by=row.last_actioned_by_user_email,
    )


@dataclass(frozen=True, slots=True)
class QueuedRow:
    """A task of a project, from its label row."""

    data_hash: str
    dataset_hash: str
    stage_uuid: str | None
    priority: float | None
    """0 to 1, higher first; None: the task is complete, or nobody has set a priority."""


def queued_rows(encord: Encord, project_hash: str) -> list[QueuedRow]:
    """Every task of the project. 1 request."""
    client = encord.sdk_project(project_hash)._client
    rows = retries.call(lambda: client.list_label_rows(include_uninitialised_labels=True))
    return [
        QueuedRow(
            data_hash=row.data_hash,
            dataset_hash=row.dataset_hash,
            stage_uuid=row.workflow_graph_node.uuid if row.workflow_graph_node else None,
            priority=row.priority,
        )
        for row in rows
    ]
