"""Metadata of label rows and their data units: client metadata, file location, branches, edit times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from sys import intern
from typing import Any

from encord.orm.formatter import Formatter
from encord.orm.label_row import LabelRowMetadata

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.client import Encord, _moment
from benchmark_qa.encord_api.models import MAIN, LabelRow
from benchmark_qa.encord_api.retries import ROWS_PER_REQUEST, batches


@dataclass(frozen=True)
class LabelledUnit:
    """A label row of one branch and the facts about its data unit."""

    row: LabelRow
    link: str | None
    """Location of the file, without a signature."""
    item: str | None
    """Uuid of the stored item."""
    client_metadata: Mapping[str, Any] = field(repr=False)


def labelled_units(encord: Encord, project_hash: str, branch: str = MAIN) -> list[LabelledUnit]:
    """Every data unit with labels on the branch; rows never initialised have none. 2 requests."""
    rows = {
        row.data_hash: row
        for row in encord.label_rows(project_hash, all_branches=branch != MAIN)
        if row.branch_name == branch and row.label_hash
    }
    client = encord.sdk_project(project_hash)._client
    known = retries.call(
        lambda: client.list_label_rows(
            include_uninitialised_labels=False,
            include_client_metadata=True,
            include_all_label_branches=False,
        )
    )
    about = {unit.data_hash: unit for unit in known}
    return [
        LabelledUnit(
            row,
            link=(about[data_hash].data_link or None) if data_hash in about else None,
            item=_item(about.get(data_hash)),
            client_metadata=(about[data_hash].client_metadata or {}) if data_hash in about else {},
        )
        for data_hash, row in rows.items()
    ]


def _item(known: LabelRowMetadata | None) -> str | None:
    return str(known.backing_item_uuid) if known is not None and known.backing_item_uuid else None


ROWS_PER_COPY = 250
"""Label rows copied in one request; the SDK's default is 50."""


@dataclass(frozen=True, slots=True)
class BranchRow:
    """Metadata of one data unit on one label branch, without labels."""

    data_hash: str
    data_title: str
    dataset_hash: str
    dataset_title: str
    data_type: str
    """In lower case, with the names of label rows."""
    mime_type: str
    label_hash: str | None
    """None: the branch has no row of this data unit."""
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
        """Every branch that has a row. 1 request per page."""
        project = self.encord.sdk_project(self.project_hash)
        return retries.call(lambda: list(project.list_branches()))

    def rows(
        self, branch: str = MAIN, *, data_hashes: Sequence[str] | None = None, client_metadata: bool = False
    ) -> list[BranchRow]:
        """Every data unit, with its row on a branch if there is one.

        1 request for all of them, as of one moment; or 1 per 1,000 of `data_hashes`.
        """
        if data_hashes is None:
            return self._rows(branch, None, client_metadata)
        return [
            row
            for batch in batches(list(data_hashes), ROWS_PER_REQUEST)
            for row in self._rows(branch, batch, client_metadata)
        ]

    def copy(self, label_hashes: Sequence[str], branch: str) -> int:
        """Copy rows of `main` to another branch. Rows that exist there do not change.

        At most 1,000 rows; 1 request, and 1 more per 250 rows.

        Returns:
            The number of copied rows.
        """
        project = self.encord.sdk_project(self.project_hash)
        return retries.call(
            lambda: project.copy_labels_to_branch(branch, label_hashes=list(label_hashes), batch_size=ROWS_PER_COPY)
        )

    def open(self, data_hashes: Sequence[str], branch: str) -> None:
        """Create empty rows on a branch other than `main`; does not change `main`. 1 request per 1,000."""
        client = self.encord.sdk_project(self.project_hash)._client
        for batch in batches(data_hashes, ROWS_PER_REQUEST):
            retries.call(lambda batch=batch: client.create_label_rows(list(batch), branch_name=branch))  # type: ignore[misc]

    def _rows(self, branch: str, data_hashes: Sequence[str] | None, client_metadata: bool) -> list[BranchRow]:
        client = self.encord.sdk_project(self.project_hash)._client
        # The request of `EncordClientProject.list_label_rows`, without its object of thirty fields per row.
        asked = {
            "data_hashes": list(data_hashes) if data_hashes is not None else None,
            "include_uninitialised_labels": True,
            "include_client_metadata": client_metadata,
            "include_workflow_graph_node": True,
            "include_all_label_branches": False,
            "include_images_data": False,
            "include_children": False,
            "client_metadata_as_signed_url": False,
            "branch_name": branch,
            **dict.fromkeys(_NOT_ASKED),
        }
        rows: Any = retries.call(
            lambda: client._querier.get_multiple(_Listed, payload=asked, query_type=LabelRowMetadata, retryable=True)
        )
        return list(rows)


_NOT_ASKED = (  # filters that are not used
    "edited_before",
    "edited_after",
    "label_statuses",
    "shadow_data_state",
    "data_title_eq",
    "data_title_like",
    "label_hashes",
    "workflow_graph_node_title_eq",
    "workflow_graph_node_title_like",
)


class _Listed(Formatter):
    """Parses one row of the listing; the SDK calls it for each row."""

    @classmethod
    def from_dict(cls, json_dict: dict[str, Any]) -> Any:
        node = json_dict.get("workflow_graph_node")
        return BranchRow(
            data_hash=json_dict["data_hash"],
            data_title=json_dict["data_title"],
            # The same in every row of a project: keep one copy in memory.
            dataset_hash=intern(json_dict["dataset_hash"]),
            dataset_title=intern(json_dict["dataset_title"]),
            data_type=intern(json_dict["data_type"].lower()),
            mime_type=intern(json_dict.get("file_type") or ""),
            label_hash=json_dict.get("label_hash"),
            created_at=_moment(json_dict.get("created_at")),
            last_edited_at=_moment(json_dict.get("last_edited_at")),
            width=json_dict.get("width"),
            height=json_dict.get("height"),
            stage_uuid=intern(node["uuid"]) if node else None,
            client_metadata=json_dict.get("client_metadata") or {},
        )
