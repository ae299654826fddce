"""Write label rows: finished truth of a benchmark project, and pre-labels of tasks that nobody has started.

This is the only module that writes labels. Rows are written through the SDK's `LabelRowV2`, which checks them before
anything is sent. Every method gives its number of requests.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
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
        ready, refused = self.fill(fills)
        self.save(ready)
        return RowsWritten({row.data_hash: str(row.label_hash) for row in ready}, refused)

    def fill(self, fills: Mapping[str, Fill]) -> tuple[list[LabelRowV2], dict[str, str]]:
        """Rows with other labels, not yet saved, and why the others are refused. 2 requests; 3 for new rows.

        Raises:
            PlatformError
        """
        ready, refused = [], {}
        for row in retries.call(lambda: self._opened(list(fills))) if fills else []:
            try:
                row.from_labels_dict(fills[row.data_hash](row.to_encord_dict()))
            except (LabelRowError, OntologyError, ValueError, KeyError, TypeError) as error:
                refused[row.data_hash] = _reason(error)
            else:
                ready.append(row)
        return ready, refused

    def save(self, rows: Sequence[LabelRowV2]) -> None:
        """Save rows. 1 request; none without rows."""
        if rows:
            retries.call(lambda: self._save(rows))

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


@dataclass(frozen=True, slots=True)
class PrelabelsWritten:
    """Data hashes of the written rows, and the reasons why the others were left as they are."""

    written: tuple[str, ...]
    left: Mapping[str, str]


@dataclass(frozen=True)
class UnstartedRows:
    """Label rows of tasks that nobody has started, on a project's main branch."""

    encord: Encord
    project_hash: str

    def write(
        self, fills: Mapping[str, Fill], stages: Collection[str], *, branch: str | None = None
    ) -> PrelabelsWritten:
        """Replace the labels of up to `ROWS_PER_BUNDLE` data units whose tasks are unassigned at these stages.

        A fill function raises `ValueError` to leave a row as it is: it sees the labels of this moment. Afterwards the
        state is read once more, and only then is anything written. 5 requests; 6 if some rows are new.

        Args:
            fills: new labels by data hash.
            stages: uuids of the stages before anybody's work.
            branch: a branch that gets a copy of what was written; None: no copy. 2 requests more.

        Raises:
            PlatformError
        """
        free, left = self._free(list(fills), stages)
        rows = TruthRows(self.encord, self.project_hash)
        ready, refused = rows.fill({data_hash: fills[data_hash] for data_hash in free})
        left |= refused
        still, late = self._free([row.data_hash for row in ready], stages)
        left |= late
        ready = [row for row in ready if row.data_hash in set(still)]
        rows.save(ready)
        if branch is not None:
            self.copy([row.data_hash for row in ready], branch)
        return PrelabelsWritten(tuple(row.data_hash for row in ready), left)

    def copy(self, data_hashes: Sequence[str], branch: str) -> None:
        """Copy labels of main to a branch where it has none yet. 2 requests per 50 data units."""
        project = self.encord.sdk_project(self.project_hash)
        if data_hashes:
            retries.call(lambda: project.copy_labels_to_branch(branch, data_hashes=list(data_hashes)))

    def labels(self, data_hashes: Sequence[str], branch: str) -> dict[str, Mapping[str, Any]]:
        """Label row JSON of up to `ROWS_PER_BUNDLE` data units on a branch, of those that have a row. 2 requests."""
        project = self.encord.sdk_project(self.project_hash)

        def read() -> dict[str, Mapping[str, Any]]:
            listed = project.list_label_rows_v2(data_hashes=list(data_hashes), branch_name=branch)
            rows = [row for row in listed if row.label_hash is not None]
            with project.create_bundle() as bundle:
                for row in rows:
                    row.initialise_labels(bundle=bundle)
            return {row.data_hash: row.to_encord_dict() for row in rows}

        return retries.call(read) if data_hashes else {}

    def _free(self, data_hashes: Sequence[str], stages: Collection[str]) -> tuple[list[str], dict[str, str]]:
        """Data units whose tasks are unassigned at these stages, and why the others are not. 1 request."""
        if not data_hashes:
            return [], {}
        client = self.encord.sdk_project(self.project_hash)._client
        rows = retries.call(
            lambda: client.list_label_rows(data_hashes=list(data_hashes), include_uninitialised_labels=True)
        )
        free, left = [], dict.fromkeys(data_hashes, "is no longer in the project")
        for row in rows:
            stage = row.workflow_graph_node.uuid if row.workflow_graph_node else None
            if row.assigned_user_email:
                left[row.data_hash] = "is assigned to somebody"
            elif stage not in stages:
                left[row.data_hash] = "has left the stages before annotation"
            else:
                free.append(row.data_hash)
                del left[row.data_hash]
        return free, left


def _reason(error: Exception) -> str:
    """The reason for people. The SDK's own messages are used; validation errors quote labels and are not."""
    if isinstance(error, LabelRowError | OntologyError) or type(error).__module__.startswith("benchmark_qa."):
        return str(error).splitlines()[0][:_LONGEST_REASON]
    return f"the SDK refuses these labels ({type(error).__name__})"
