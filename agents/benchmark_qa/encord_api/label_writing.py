"""Label rows of a benchmark project, as somebody writes them who brings finished truth. The only writer of labels.

Rows are written through the SDK's own `LabelRowV2`, so that its checks are passed before anything is sent.
Every method says how many requests it costs.
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
"""A label row's JSON to the same with other labels in it"""


@dataclass(frozen=True, slots=True)
class TruthSlot:
    """A data unit of the project, and what stands in the way of its truth."""

    data_hash: str
    title: str
    url: str | None
    size: tuple[int, int] | None
    label_hash: str | None
    stage_uuid: str | None
    assignee: str | None
    """To whom its task is given"""


@dataclass(frozen=True, slots=True)
class RowsWritten:
    """Label hashes of what was written, by data hash, and why the rest was not."""

    label_hashes: Mapping[str, str]
    refused: Mapping[str, str]


@dataclass(frozen=True)
class TruthRows:
    """The main branch of a project's label rows."""

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
        """Replace the labels of up to `ROWS_PER_BUNDLE` data units. 3 requests, 4 where some rows are new.

        A row that the SDK, or `fills` (by a ValueError), refuses does not keep the others from being written.

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
        """Listed anew at every attempt: a row that an attempt has made has a label hash at the next."""
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
    """In the SDK's words where these are for people; a validation error of its models quotes the labels."""
    if isinstance(error, LabelRowError | OntologyError) or type(error).__module__.startswith("benchmark_qa."):
        return str(error).splitlines()[0][:_LONGEST_REASON]
    return f"the SDK refuses these labels ({type(error).__name__})"
