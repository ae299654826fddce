"""Label branches: listing what is on one, copying to one, as snapshots need it. Every method says its requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from sys import intern
from typing import Any

from encord.orm.label_row import LabelRowMetadata

from agents.platform import retries
from agents.platform.encord import ROWS_PER_REQUEST, Encord, batches

MAIN = "main"
ROWS_PER_COPY = 250
"""Label rows copied in one request; the SDK's own default is 50"""


@dataclass(frozen=True, slots=True)
class BranchRow:
    """One data unit on one label branch: metadata, no labels."""

    data_hash: str
    data_title: str
    dataset_hash: str
    dataset_title: str
    data_type: str
    """As label rows spell it, in lower case"""
    mime_type: str
    label_hash: str | None
    """None: there is no row on the branch"""
    created_at: datetime | None
    last_edited_at: datetime | None
    width: int | None
    height: int | None
    stage_uuid: str | None
    client_metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LabelBranches:
    """The label branches of one project."""

    encord: Encord
    project_hash: str

    def names(self) -> list[str]:
        """Every branch on which there is a row. 1 request per page."""
        project = self.encord.sdk_project(self.project_hash)
        return retries.call(lambda: list(project.list_branches()))

    def rows(
        self, branch: str = MAIN, *, data_hashes: Sequence[str] | None = None, client_metadata: bool = False
    ) -> list[BranchRow]:
        """Every data unit with its row on a branch, or without one.

        1 request for all of them, answered as of one moment; or 1 per 1,000 of `data_hashes`.
        """
        if data_hashes is None:
            return self._rows(branch, None, client_metadata)
        return [
            row
            for batch in batches(list(data_hashes), ROWS_PER_REQUEST)
            for row in self._rows(branch, batch, client_metadata)
        ]

    def copy(self, label_hashes: Sequence[str], branch: str) -> int:
        """Copy rows of `main` to another branch; rows that are there already stay as they are.

        At most 1,000 rows; 1 request, and 1 more per 250 rows.

        Returns:
            How many were copied.
        """
        project = self.encord.sdk_project(self.project_hash)
        return retries.call(
            lambda: project.copy_labels_to_branch(branch, label_hashes=list(label_hashes), batch_size=ROWS_PER_COPY)
        )

    def open(self, data_hashes: Sequence[str], branch: str) -> None:
        """Make empty rows on a branch other than `main`, which stays untouched. 1 request per 1,000."""
        client = self.encord.sdk_project(self.project_hash)._client
        for batch in batches(data_hashes, ROWS_PER_REQUEST):
            retries.call(lambda batch=batch: client.create_label_rows(list(batch), branch_name=branch))  # type: ignore[misc]

    def _rows(self, branch: str, data_hashes: Sequence[str] | None, client_metadata: bool) -> list[BranchRow]:
        client = self.encord.sdk_project(self.project_hash)._client
        rows = retries.call(
            lambda: client.list_label_rows(
                data_hashes=list(data_hashes) if data_hashes is not None else None,
                include_uninitialised_labels=True,
                include_client_metadata=client_metadata,
                branch_name=branch,
            )
        )
        return [_branch_row(row) for row in rows]


def _branch_row(row: LabelRowMetadata) -> BranchRow:
    return BranchRow(
        data_hash=row.data_hash,
        data_title=row.data_title,
        # Repeated in every row of a project: kept once.
        dataset_hash=intern(row.dataset_hash),
        dataset_title=intern(row.dataset_title),
        data_type=intern(row.data_type.lower()),
        mime_type=intern(row.file_type or ""),
        label_hash=row.label_hash,
        created_at=_utc(row.created_at),
        last_edited_at=_utc(row.last_edited_at),
        width=row.width,
        height=row.height,
        stage_uuid=intern(row.workflow_graph_node.uuid) if row.workflow_graph_node else None,
        client_metadata=row.client_metadata or {},
    )


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
