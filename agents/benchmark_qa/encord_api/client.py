"""Encord as the use cases know it. Every method says how many requests it costs."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cachetools import TTLCache
from cryptography.exceptions import UnsupportedAlgorithm
from encord.http.constants import RequestsSettings
from encord.orm.label_row import LabelRowMetadata
from encord.project import Project as SdkProject
from encord.user_client import EncordUserClient
from encord.workflow.stages.agent import AgentStage
from encord.workflow.stages.final import FinalStage

from benchmark_qa.config.account import HOW_TO_MAKE_A_KEY
from benchmark_qa.context import outgoing_trace_header
from benchmark_qa.encord_api import queues, retries, waiting
from benchmark_qa.encord_api.documents import BUNDLE_BYTES, FIRST_BUNDLE_ROWS, Documents
from benchmark_qa.encord_api.errors import NotFoundOnPlatform, RequestRejected, UnusableKey
from benchmark_qa.encord_api.models import LabelRow, Moved, Project, Stage, Task, TaskPage, WaitingTask
from benchmark_qa.encord_api.request_sizes import ACTIONS_PER_REQUEST, ROWS_PER_REQUEST, batches
from benchmark_qa.encord_api.sdk_internals import bodies_up_to, install_pooling


class Encord:
    """A connection to Encord under one key: pooled, cached, with errors of our own. Thread-safe.

    Args:
        ssh_private_key: content of an Ed25519 private key in OpenSSH form.
        domain: e.g. `https://api.encord.com`, `https://api.us.encord.com`.
        user_agent_suffix: names this software in Encord's logs.
        pool_size: connections kept open at most.
        project_ttl: seconds for which a project's stages, datasets and ontology are believed.
        read_timeout: seconds to wait for one answer, before any deadline shortens it.
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
    ) -> None:
        self.pooled = install_pooling(pool_size=pool_size)
        settings = RequestsSettings(
            max_retries=0,  # platform/retries.py repeats, within the deadline
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

    def project(self, project_hash: str) -> Project:
        """The project, its stages, datasets and ontology. 3 requests when cold, 0 when cached.

        Raises:
            NotFoundOnPlatform, AccessRefused, EncordUnavailable
        """
        return self._project(project_hash)[1]

    @property
    def sdk_client(self) -> EncordUserClient:
        """The SDK's own client, for the rest of this room."""
        return self._client

    def sdk_project(self, project_hash: str) -> SdkProject:
        """The SDK's own project, for the rest of this room. Costs as `project`."""
        return self._project(project_hash)[0]

    def forget_project(self, project_hash: str) -> None:
        """Drop the cached copy, so that the next call sees the project as it is now."""
        with self._lock:
            self._projects.pop(project_hash, None)

    def label_rows(
        self, project_hash: str, *, data_hashes: Iterable[str] | None = None, all_branches: bool = False
    ) -> list[LabelRow]:
        """Metadata of the label rows of these data units (default: of all). 1 request per 1,000 data units."""
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
        """Label row JSON by label hash, as Encord serves it, bundle by bundle: no more than one need be in memory.

        Requests as `label_bundles_with_gaps`.

        Raises:
            NotFoundOnPlatform: Encord does not return all of them.
        """
        for bundle in self.label_bundles_with_gaps(project_hash, label_hashes):
            found = {label_hash: row for label_hash, row in bundle.items() if row is not None}
            if len(found) < len(bundle):
                raise NotFoundOnPlatform(
                    f"Encord did not return {len(bundle) - len(found)} of {len(bundle)} label rows"
                )
            yield found

    def label_bundles_with_gaps(
        self, project_hash: str, label_hashes: Sequence[str]
    ) -> Iterator[Mapping[str, Mapping[str, Any] | None]]:
        """The same with None for every row that Encord does not return: what is gone holds up none of the others.

        Only rows that have a label hash are ever read: initialising others would create them.

        The first bundle of a project is small; from the last one's size per row follows how many of the next ones fit
        `BUNDLE_BYTES`. A bundle that Encord refuses for one of its rows, or that turns out larger than
        `MOST_BUNDLE_BYTES`, is asked for again by halves.
        """
        client = self._project(project_hash)[0]._client
        start, size = 0, self._rows_per_bundle.get(project_hash, FIRST_BUNDLE_ROWS)
        while start < len(label_hashes):
            batch = label_hashes[start : start + size]
            found = Documents.of(client, batch)
            size = max(1, min(ROWS_PER_REQUEST, int(BUNDLE_BYTES / max(found.bytes_per_row, 1))))
            self._rows_per_bundle[project_hash] = size
            start += len(batch)
            yield {label_hash: found.rows.get(label_hash) for label_hash in batch}

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
        """One page of the tasks at an agent or final stage, the first where `page_token` is None. 1 request."""
        return queues.page(self._task_stage(project_hash, stage_uuid), page_token)

    def waiting_tasks(self, project_hash: str, stage_uuid: str, at_most: int) -> list[WaitingTask]:
        """Tasks at a stage, the first so many; none at a final one. 1 request per 100."""
        return waiting.tasks_at(self._project(project_hash)[0], stage_uuid, at_most)

    def proceed(self, project_hash: str, stage_uuid: str, moves: Iterable[tuple[Task, str]]) -> Moved:
        """Send tasks down pathways, by pathway name. 1 request per 1,000 tasks.

        A bundle that Encord rejects because one of its tasks has left the stage is sent again without those that
        have; they count as `already_gone`, which makes a repeated call harmless.
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
        with fetching:  # one thread asks, the others wait for its answer
            return self._cached(project_hash) or self._fetch_project(project_hash)

    def _cached(self, project_hash: str) -> tuple[SdkProject, Project] | None:
        with self._lock:
            return self._projects.get(project_hash)

    def _fetch_project(self, project_hash: str) -> tuple[SdkProject, Project]:
        with bodies_up_to(None):  # seldom, and nothing works without it
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
