"""The client of Encord for the use cases. Every method gives its number of requests."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from cachetools import TTLCache
from cryptography.exceptions import UnsupportedAlgorithm
from encord.client import EncordClientProject
from encord.common.time_parser import parse_datetime
from encord.http.constants import RequestsSettings
from encord.orm.label_row import LabelRowMetadata
from encord.project import Project as SdkProject
from encord.user_client import EncordUserClient
from encord.workflow.stages.agent import AgentStage
from encord.workflow.stages.final import FinalStage

from benchmark_qa.config.account import HOW_TO_MAKE_A_KEY
from benchmark_qa.context import outgoing_trace_header
from benchmark_qa.encord_api import queues, retries
from benchmark_qa.encord_api.errors import (
    AnswerTooLarge,
    NotFoundOnPlatform,
    RequestRejected,
    UnparsableAnswer,
    UnusableKey,
)
from benchmark_qa.encord_api.models import (
    NOT_JSON,
    LabelRow,
    Moved,
    Project,
    Stage,
    Task,
    TaskPage,
    UnreadRow,
    WaitingTask,
)
from benchmark_qa.encord_api.retries import ACTIONS_PER_REQUEST, ROWS_PER_REQUEST, batches
from benchmark_qa.encord_api.sdk_internals import bodies_up_to, install_pooling, largest_body, last_answer

FIRST_BUNDLE_ROWS = 100
"""Label rows in the first request, before their size is known."""


BUNDLE_BYTES = 16 * 1024 * 1024
"""Approximate bytes of label row JSON per request."""


MOST_BUNDLE_BYTES = 2 * BUNDLE_BYTES
"""Most bytes of an answer with several label rows: the next rows may be much larger than those before."""


PARTS_OF_TOO_LARGE = 8
"""Requests that replace one whose answer was too large."""


UNREAD_FOR_SECONDS = 600.0
"""Seconds during which a label row that was too large, or could not be parsed, is not requested again."""


Found = Mapping[str, Any] | UnreadRow | None
"""A label row's JSON, or why it was not parsed; None if Encord does not return it."""


@dataclass(frozen=True)
class Documents:
    """Label rows from Encord by label hash, and the total size of the answers."""

    rows: Mapping[str, Mapping[str, Any] | UnreadRow]
    size: int

    @property
    def bytes_per_row(self) -> float:
        """Average bytes per row."""
        return self.size / max(len(self.rows), 1)

    @classmethod
    def of(cls, client: EncordClientProject, label_hashes: Sequence[str], largest_row: int | None = None) -> Self:
        """Fetch label rows. 1 request.

        About 2 log2(n) more for a row that is not found or cannot be parsed. For a row that is far too large about
        8 log8(n) more, because each answer with this row in it costs seconds.

        Args:
            client: of the project.
            label_hashes: at least one.
            largest_row: most bytes of a single row; None: no limit.

        Raises:
            AnswerTooLarge: larger than the caller's own limit (`bodies_up_to`).
        """
        alone, may_read = len(label_hashes) == 1, largest_body()
        own = largest_row if alone else min(MOST_BUNDLE_BYTES, largest_row or MOST_BUNDLE_BYTES)
        try:
            with bodies_up_to(own if may_read is None else may_read):
                # The dictionary as received: `LabelRowV2` would spend 20 to 40 microseconds per box on objects that
                # scoring does not need, and `Project.get_label_rows` is deprecated because it expands them differently.
                rows = retries.call(lambda: client.get_label_rows(list(label_hashes), get_signed_url=False))
        except NotFoundOnPlatform:
            return cls({}, 0) if alone else cls._in_parts(client, label_hashes, largest_row, 2)
        except UnparsableAnswer:
            if not alone:
                return cls._in_parts(client, label_hashes, largest_row, 2)
            if largest_row is None:
                raise UnparsableAnswer(f"label row {label_hashes[0]} {NOT_JSON}") from None
            return cls({label_hashes[0]: NOT_JSON}, 0)
        except AnswerTooLarge:
            if may_read is not None:
                raise
            if alone and largest_row is not None:
                return cls({label_hashes[0]: UnreadRow.too_large(largest_row)}, largest_row)
            return cls._in_parts(client, label_hashes, largest_row, PARTS_OF_TOO_LARGE)
        answer = last_answer()
        size = answer.size if answer else len(rows) * BUNDLE_BYTES // FIRST_BUNDLE_ROWS
        return cls({str(row["label_hash"]): row for row in rows}, size)

    @classmethod
    def _in_parts(
        cls, client: EncordClientProject, label_hashes: Sequence[str], largest_row: int | None, parts: int
    ) -> Self:
        each = -(-len(label_hashes) // parts)
        found = [cls.of(client, some, largest_row) for some in batches(label_hashes, each)]
        rows = {label_hash: row for documents in found for label_hash, row in documents.rows.items()}
        return cls(rows, sum(documents.size for documents in found))


class Encord:
    """A connection to Encord with one key: pooled, cached, with this package's errors. Thread-safe.

    Args:
        ssh_private_key: content of an Ed25519 private key in OpenSSH form.
        domain: e.g. `https://api.encord.com`, `https://api.us.encord.com`.
        user_agent_suffix: names this software in Encord's logs.
        pool_size: most connections kept open.
        project_ttl: seconds for which a project's stages, datasets and ontology are cached.
        read_timeout: seconds to wait for one answer; a deadline may shorten it.
        largest_row: most bytes of a label row in `label_bundles_with_gaps`; None: no limit.
    """

    def __init__(
        self,
        *,
        ssh_private_key: str,
        domain: str,
        user_agent_suffix: str,
        pool_size: int = 32,
        project_ttl: float = 300.0,
        read_timeout: int = 60,
        largest_row: int | None = None,
    ) -> None:
        self.pooled = install_pooling(pool_size=pool_size)
        settings = RequestsSettings(
            max_retries=0,  # encord_api/retries.py repeats, within the deadline
            connect_timeout=10,
            read_timeout=read_timeout,
            write_timeout=read_timeout,
            trace_id_provider=outgoing_trace_header,
        )
        try:
            self._client = EncordUserClient.create_with_ssh_private_key(
                ssh_private_key=ssh_private_key,
                domain=domain,
                requests_settings=settings,
                user_agent_suffix=user_agent_suffix,
            )
        except (ValueError, TypeError, UnsupportedAlgorithm):
            # `from None`: the SDK's own message quotes the key.
            said = "the private key is not an Ed25519 key in OpenSSH form without passphrase"
            raise UnusableKey(f"{said}; {HOW_TO_MAKE_A_KEY}") from None
        self._projects: TTLCache[str, tuple[SdkProject, Project]] = TTLCache(maxsize=64, ttl=project_ttl)
        self._lock = threading.Lock()
        self._fetching: dict[str, threading.Lock] = {}
        self._rows_per_bundle: dict[str, int] = {}
        self._largest_row = largest_row
        self._unread: TTLCache[str, UnreadRow] = TTLCache(maxsize=10_000, ttl=UNREAD_FOR_SECONDS)

    def project(self, project_hash: str) -> Project:
        """The project with its stages, datasets and ontology. 3 requests if not cached, else 0.

        Raises:
            NotFoundOnPlatform, AccessRefused, EncordUnavailable
        """
        return self._project(project_hash)[1]

    @property
    def sdk_client(self) -> EncordUserClient:
        """The SDK's client, for use in `encord_api` only."""
        return self._client

    def sdk_project(self, project_hash: str) -> SdkProject:
        """The SDK's project, for use in `encord_api` only. 3 requests if not cached, else 0."""
        return self._project(project_hash)[0]

    def forget_project(self, project_hash: str) -> None:
        """Drop the cached project, so that the next call reads it again."""
        with self._lock:
            self._projects.pop(project_hash, None)

    def label_rows(
        self, project_hash: str, *, data_hashes: Iterable[str] | None = None, all_branches: bool = False
    ) -> list[LabelRow]:
        """Metadata of the label rows of these data units (default: all). 1 request per 1,000 data units."""
        if data_hashes is None:
            return self._label_rows(project_hash, None, all_branches)
        return [
            row
            for batch in batches(list(data_hashes), ROWS_PER_REQUEST)
            for row in self._label_rows(project_hash, batch, all_branches)
        ]

    def label_bundles(
        self, project_hash: str, label_hashes: Sequence[str]
    ) -> Iterator[Mapping[str, Mapping[str, Any]]]:
        """Label row JSON from Encord by label hash, in bundles: only one bundle needs to be in memory.

        Makes the same requests as `label_bundles_with_gaps`.

        Raises:
            NotFoundOnPlatform: Encord does not return all of them.
        """
        for bundle in self._bundles(project_hash, label_hashes, None):
            found = {label_hash: row for label_hash, row in bundle.items() if isinstance(row, Mapping)}
            if len(found) < len(bundle):
                raise NotFoundOnPlatform(
                    f"Encord did not return {len(bundle) - len(found)} of {len(bundle)} label rows"
                )
            yield found

    def label_bundles_with_gaps(self, project_hash: str, label_hashes: Sequence[str]) -> Iterator[Mapping[str, Found]]:
        """Label row JSON by label hash, in bundles, with None for every row that Encord does not return.

        A row of more than `largest_row` bytes, or that cannot be parsed, is an `UnreadRow`, and is not requested again
        for ten minutes.

        Only rows that have a label hash are read, because initialising others would create them. The first bundle of a
        project is small. The size per row of each bundle gives the number of rows of the next, so that it fits
        `BUNDLE_BYTES`. If Encord refuses a bundle because of one row, or the answer is larger than `MOST_BUNDLE_BYTES`,
        the bundle is requested again in parts.
        """
        return self._bundles(project_hash, label_hashes, self._largest_row)

    def _bundles(
        self, project_hash: str, label_hashes: Sequence[str], largest_row: int | None
    ) -> Iterator[Mapping[str, Found]]:
        client = self._project(project_hash)[0]._client
        start, size = 0, self._rows_per_bundle.get(project_hash, FIRST_BUNDLE_ROWS)
        while start < len(label_hashes):
            batch = label_hashes[start : start + size]
            start += len(batch)
            found: dict[str, Found] = dict.fromkeys(batch)
            if largest_row is not None:
                found |= self._known_unread(batch)
            wanted = [label_hash for label_hash in batch if found[label_hash] is None]
            if wanted:
                documents = Documents.of(client, wanted, largest_row)
                together = min(BUNDLE_BYTES, (largest_row or MOST_BUNDLE_BYTES) // 2)
                size = max(1, min(ROWS_PER_REQUEST, int(together / max(documents.bytes_per_row, 1))))
                self._rows_per_bundle[project_hash] = size
                found |= documents.rows
                self._note_unread(documents)
            yield {label_hash: found[label_hash] for label_hash in batch}

    def _known_unread(self, label_hashes: Sequence[str]) -> dict[str, UnreadRow]:
        with self._lock:
            return {each: self._unread[each] for each in label_hashes if each in self._unread}

    def _note_unread(self, documents: Documents) -> None:
        with self._lock:
            self._unread.update({each: row for each, row in documents.rows.items() if isinstance(row, UnreadRow)})

    def task_pages(
        self,
        project_hash: str,
        stage_uuid: str,
        *,
        dataset_hashes: Sequence[str] | None = None,
        data_hashes: Sequence[str] | None = None,
    ) -> Iterator[list[Task]]:
        """Tasks at an agent or final stage, filtered by the server. 1 request per page of 100, lazily."""
        stage = self._task_stage(project_hash, stage_uuid)
        return queues.pages(stage, dataset_hashes=dataset_hashes, data_hashes=data_hashes)

    def task_page(self, project_hash: str, stage_uuid: str, page_token: str | None) -> TaskPage:
        """One page of the tasks at an agent or final stage; a `page_token` of None gives the first. 1 request."""
        return queues.page(self._task_stage(project_hash, stage_uuid), page_token)

    def waiting_tasks(self, project_hash: str, stage_uuid: str, at_most: int) -> list[WaitingTask]:
        """The first `at_most` tasks at a stage; empty at a final stage. 1 request per 100."""
        return queues.tasks_at(self._project(project_hash)[0], stage_uuid, at_most)

    def proceed(self, project_hash: str, stage_uuid: str, moves: Iterable[tuple[Task, str]]) -> Moved:
        """Move tasks along pathways, by pathway name. 1 request per 1,000 tasks.

        If Encord rejects a bundle because some of its tasks have left the stage, it is sent again without them. They
        count as `already_gone`, so a repeated call does no harm.
        """
        stage = self._project(project_hash)[0].workflow.get_stage(uuid=stage_uuid, type_=AgentStage)
        total = Moved(0, 0)
        for batch in batches(list(moves), ACTIONS_PER_REQUEST):
            try:
                queues.proceed(stage, batch)
                total += Moved(len(batch), 0)
            except RequestRejected:
                total += queues.proceed_with_what_waits(stage, batch)
        return total

    def _label_rows(self, project_hash: str, data_hashes: Sequence[str] | None, all_branches: bool) -> list[LabelRow]:
        client = self._project(project_hash)[0]._client
        rows = retries.call(
            lambda: client.list_label_rows(
                data_hashes=list(data_hashes) if data_hashes is not None else None,
                include_uninitialised_labels=True,
                include_all_label_branches=all_branches,
            )
        )
        return [_label_row(row) for row in rows]

    def _task_stage(self, project_hash: str, stage_uuid: str) -> queues.TaskStage:
        stages = self._project(project_hash)[0].workflow.stages
        stage = next((s for s in stages if str(s.uuid) == stage_uuid), None)
        if not isinstance(stage, AgentStage | FinalStage):
            raise NotFoundOnPlatform(f"the project has no agent or final stage {stage_uuid}")
        return stage

    def _project(self, project_hash: str) -> tuple[SdkProject, Project]:
        cached = self._cached(project_hash)
        if cached is not None:
            return cached
        with self._lock:
            fetching = self._fetching.setdefault(project_hash, threading.Lock())
        with fetching:  # one thread sends the request, the others wait
            return self._cached(project_hash) or self._fetch_project(project_hash)

    def _cached(self, project_hash: str) -> tuple[SdkProject, Project] | None:
        with self._lock:
            return self._projects.get(project_hash)

    def _fetch_project(self, project_hash: str) -> tuple[SdkProject, Project]:
        with bodies_up_to(None):  # no size limit: rare, and nothing works without the project
            sdk_project = retries.call(lambda: self._client.get_project(project_hash))
            datasets = retries.call(lambda: list(sdk_project.list_datasets()))
        project = Project(
            project_hash=project_hash,
            title=sdk_project.title,
            role=sdk_project.user_role.name.lower() if sdk_project.user_role is not None else None,
            ontology_hash=sdk_project.ontology_hash,
            ontology=sdk_project.ontology_structure.to_dict(),
            dataset_titles={str(dataset.dataset_hash): dataset.title for dataset in datasets},
            stages=tuple(
                Stage(
                    uuid=str(stage.uuid),
                    title=stage.title,
                    kind=stage.stage_type.value,
                    pathways=tuple(p.name for p in stage.pathways) if isinstance(stage, AgentStage) else (),
                    leads_to=tuple(str(p.destination_uuid) for p in stage.pathways)
                    if isinstance(stage, AgentStage)
                    else (),
                )
                for stage in sdk_project.workflow.stages
            ),
        )
        with self._lock:
            self._projects[project_hash] = (sdk_project, project)
        return sdk_project, project


def _label_row(row: LabelRowMetadata) -> LabelRow:
    node = row.workflow_graph_node
    edited = row.last_edited_at
    return LabelRow(
        data_hash=row.data_hash,
        data_title=row.data_title,
        dataset_hash=row.dataset_hash,
        branch_name=row.branch_name,
        label_hash=row.label_hash,
        last_edited_at=_utc(edited) if edited else None,
        last_actioned_by=row.last_actioned_by_user_email,
        stage_uuid=node.uuid if node else None,
        stage_title=node.title if node else None,
    )


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def edited_at(document: Mapping[str, Any]) -> datetime | None:
    """The edit time in a label row's JSON; Encord gives it in whole seconds."""
    text = document.get("last_edited_at")
    try:
        return _moment(text) if isinstance(text, str) else None
    except ValueError:
        return None


def is_of_another_time(document: Mapping[str, Any], edited: datetime | None) -> bool:
    """Whether the edit time in the JSON differs from that in the metadata, compared in whole seconds."""
    inside = edited_at(document)
    if inside is None or edited is None:
        return False
    return inside.replace(microsecond=0) != edited.replace(microsecond=0)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = parse_datetime(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
