"""Write label rows of a benchmark project with finished truth.

This is the only module that writes labels. Rows are written through the SDK's `LabelRowV2`, which checks them before
anything is sent. Every method gives its number of requests.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from encord.exceptions import LabelRowError, OntologyError
from encord.objects import LabelRowV2
from encord.project import Project as SdkProject

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.client import Encord

ROWS_PER_BUNDLE = 100
_LONGEST_REASON = 300

Fill = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Returns a label row's JSON with other labels."""


@dataclass(frozen=True, slots=True)
class TruthSlot:
    """A data unit of the project, with the facts that decide whether its truth can be written."""

    data_hash: str
    title: str
    url: str | None
    size: tuple[int, int] | None
    label_hash: str | None
    stage_uuid: str | None
    assignee: str | None
    """The person to whom its task is assigned."""


@dataclass(frozen=True, slots=True)
class RowsWritten:
    """Label hashes of the written rows by data hash, and the reasons why the others were refused."""

    label_hashes: Mapping[str, str]
    refused: Mapping[str, str]


@dataclass(frozen=True)
class TruthRows:
    """The label rows of a project's main branch."""

    encord: Encord
    project_hash: str

    def slots(self) -> list[TruthSlot]:
        """Every data unit of the project. 1 request."""
        client = self._sdk._client
        rows = retries.call(lambda: client.list_label_rows(include_uninitialised_labels=True))
        return [
            TruthSlot(
                data_hash=row.data_hash,
                title=row.data_title,
                url=row.data_link,
                size=(row.width, row.height) if row.width and row.height else None,
                label_hash=row.label_hash,
                stage_uuid=row.workflow_graph_node.uuid if row.workflow_graph_node else None,
                assignee=row.assigned_user_email,
            )
            for row in rows
        ]

    def write(self, fills: Mapping[str, Fill]) -> RowsWritten:
        """Replace the labels of up to `ROWS_PER_BUNDLE` data units. 3 requests; 4 if some rows are new.

        A row that the SDK or its fill function (with a ValueError) refuses does not stop the others.

        Raises:
            PlatformError
        """
        rows = retries.call(lambda: self._opened(list(fills)))
        ready, refused = [], {}
        for row in rows:
            try:
                row.from_labels_dict(fills[row.data_hash](row.to_encord_dict()))
            except (LabelRowError, OntologyError, ValueError, KeyError, TypeError) as error:
                refused[row.data_hash] = _reason(error)
            else:
                ready.append(row)
        if ready:
            retries.call(lambda: self._save(ready))
        return RowsWritten({row.data_hash: str(row.label_hash) for row in ready}, refused)

    def _opened(self, data_hashes: Sequence[str]) -> list[LabelRowV2]:
        """List and initialise rows.

        Lists them at every attempt, because an earlier attempt may have created rows.
        """
        rows = self._sdk.list_label_rows_v2(data_hashes=list(data_hashes))
        with self._sdk.create_bundle() as bundle:
            for row in rows:
                row.initialise_labels(bundle=bundle)
        return rows

    def _save(self, rows: Sequence[LabelRowV2]) -> None:
        with self._sdk.create_bundle() as bundle:
            for row in rows:
                row.save(bundle=bundle)

    @property
    def _sdk(self) -> SdkProject:
        return self.encord.sdk_project(self.project_hash)


def _reason(error: Exception) -> str:
    """The reason for people. The SDK's own messages are used; validation errors quote labels and are not."""
    if isinstance(error, LabelRowError | OntologyError) or type(error).__module__.startswith("benchmark_qa."):
        return str(error).splitlines()[0][:_LONGEST_REASON]
    return f"the SDK refuses these labels ({type(error).__name__})"
