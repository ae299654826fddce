"""What Encord knows of labelled data units besides their labels: client metadata and where the file is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from encord.orm.label_row import LabelRowMetadata

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.models import LabelRow


@dataclass(frozen=True)
class LabelledUnit:
    """A label row of one branch, and what is known of its data unit."""

    row: LabelRow
    link: str | None
    """Where the file lies; without a signature"""
    item: str | None
    """Uuid of the stored item"""
    client_metadata: Mapping[str, Any] = field(repr=False)


def labelled_units(encord: Encord, project_hash: str, branch: str = "main") -> list[LabelledUnit]:
    """Every data unit that has labels on the branch (rows that were never initialised have none). 2 requests."""
    rows = {
        row.data_hash: row
        for row in encord.label_rows(project_hash, all_branches=branch != "main")
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
