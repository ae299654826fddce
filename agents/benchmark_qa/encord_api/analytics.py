"""Encord's analytics of one project: time spent, actions on tasks, and tasks in work.

Pages are read one by one, so that each request can be repeated alone, and at most `MOST_ENTRIES` of one kind.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TypeVar
from uuid import UUID

from encord.http.v2.payloads import Page
from encord.orm import analytics as sdk
from encord.orm.base_dto import BaseDTO
from encord.project import Project as SdkProject
from encord.workflow.stages.annotation import AnnotationStage, AnnotationTaskStatus
from encord.workflow.stages.consensus_annotation import ConsensusAnnotationStage

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.errors import AnswerTooLarge
from benchmark_qa.encord_api.retries import batches

MOST_ENTRIES = 1_000_000
"""Most entries that are read; a longer history must be read for fewer days."""
MOST_TASKS = 100_000
UNITS_PER_QUERY = 50
"""Data units named in one query: they stand in the URL."""
_BEGINNING = datetime(2018, 1, 1, tzinfo=UTC)
"""Before every submission."""
_IN_HAND = [AnnotationTaskStatus.ASSIGNED, AnnotationTaskStatus.REOPENED, AnnotationTaskStatus.SKIPPED]
T = TypeVar("T", bound=BaseDTO)


@dataclass(frozen=True)
class TimeAtWork:
    """Time that a person spent on a data unit. Encord has one entry per person, task, stage and day."""

    annotator: str
    data_hash: str
    stage_uuid: str | None
    seconds: float
    until: datetime


@dataclass(frozen=True)
class TaskAction:
    """One action of a person on a task."""

    at: datetime
    kind: str
    """`assign`, `submit`, `approve`, `reject`, `release`, `move` or `skip`."""
    actor: str
    data_hash: str
    stage_uuid: str


@dataclass(frozen=True)
class WorkAnalytics:
    """The analytics of one project. The service's user must be an admin or a team manager of it."""

    encord: Encord
    project_hash: str

    def time_at_work(self, since: datetime, until: datetime) -> Iterator[TimeAtWork]:
        """Time spent between two moments. 1 request per page.

        Raises:
            AnswerTooLarge: there are more than `MOST_ENTRIES`.
            PlatformError
        """
        query = sdk.TimeSpentParams(project_uuid=self.project_hash, after=since, before=until)
        for entry in self._entries("analytics/time-spent", query, sdk.TimeSpent):
            yield TimeAtWork(
                annotator=entry.user_email,
                data_hash=str(entry.data_uuid),
                stage_uuid=str(entry.workflow_stage.uuid) if entry.workflow_stage else None,
                seconds=float(entry.time_spent_seconds),
                until=entry.period_end_time,
            )

    def task_actions(self, since: datetime, until: datetime) -> Iterator[TaskAction]:
        """Actions on tasks between two moments, in Encord's order. 1 request per page.

        Raises:
            AnswerTooLarge: there are more than `MOST_ENTRIES`.
            PlatformError
        """
        yield from self._actions(sdk.TaskActionParams(project_uuid=UUID(self.project_hash), after=since, before=until))

    def _actions(self, query: sdk.TaskActionParams) -> Iterator[TaskAction]:
        for entry in self._entries("analytics/task-actions", query, sdk.TaskAction):
            yield TaskAction(
                at=entry.timestamp,
                kind=entry.action_type.value,
                actor=entry.actor_email,
                data_hash=str(entry.data_unit_uuid),
                stage_uuid=str(entry.workflow_stage_uuid),
            )

    def submitted(self, data_hashes: Sequence[str]) -> Iterator[TaskAction]:
        """Every submission of these data units. 1 request per 50 and page.

        Raises:
            AnswerTooLarge: there are more than `MOST_ENTRIES`.
            PlatformError
        """
        for some in batches(data_hashes, UNITS_PER_QUERY):
            query = sdk.TaskActionParams(
                project_uuid=UUID(self.project_hash),
                after=_BEGINNING,
                before=datetime.now(UTC) + timedelta(days=1),
                event_types=[sdk.TaskActionType.SUBMIT],
                data_unit_uuids=[UUID(each) for each in some],
            )
            yield from self._actions(query)

    def in_hand(self) -> list[tuple[str, str]] | None:
        """(annotator, data hash) of tasks assigned and not submitted; None: there are too many tasks to read.

        1 request per annotation stage and page of 100.
        """
        found: list[tuple[str, str]] = []
        looked_at = 0
        for stage in self._sdk.workflow.stages:
            if isinstance(stage, AnnotationStage):
                tasks = retries.call(lambda stage=stage: list(islice(stage.get_tasks(status=_IN_HAND), MOST_TASKS)))  # type: ignore[misc]
                parts = [(task, task.data_hash) for task in tasks]
            elif isinstance(stage, ConsensusAnnotationStage):
                tasks = retries.call(lambda stage=stage: list(islice(stage.get_tasks(), MOST_TASKS)))  # type: ignore[misc]
                parts = [(part, task.data_hash) for task in tasks for part in task.subtasks]
            else:
                continue
            looked_at += len(tasks)
            found += [(part.assignee, str(data_hash)) for part, data_hash in parts if part.status in _IN_HAND]
        return found if looked_at < MOST_TASKS else None

    def _entries(self, path: str, query: sdk.TimeSpentParams | sdk.TaskActionParams, kind: type[T]) -> Iterator[T]:
        client = self._sdk._client._api_client
        number = 0
        while True:
            page: Page[T] = retries.call(lambda: client.get(path, params=query, result_type=Page[kind]))  # type: ignore[valid-type]
            number += len(page.results)
            if number > MOST_ENTRIES:
                raise AnswerTooLarge(f"Encord's analytics hold more than {MOST_ENTRIES:,} entries: ask for fewer days")
            yield from page.results
            if page.next_page_token is None:
                return
            query.page_token = page.next_page_token

    @property
    def _sdk(self) -> SdkProject:
        return self.encord.sdk_project(self.project_hash)
