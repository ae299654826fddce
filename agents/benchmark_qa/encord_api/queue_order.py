"""Priorities of a project's tasks, which say in what order people get them."""

from dataclasses import dataclass

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.client import Encord


@dataclass(frozen=True, slots=True)
class QueuedRow:
    """A task of a project as its label row shows it."""

    data_hash: str
    dataset_hash: str
    stage_uuid: str | None
    priority: float | None
    """0 to 1, higher first; None: it is complete, or nobody has set one"""


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
