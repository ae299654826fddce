"""Run jobs: a job for a whole stage is split into jobs for data units, and those are run."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from benchmark_qa.context import remaining_seconds
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.store.errors import StoreError
from benchmark_qa.store.stages_at_work import StagesAtWork
from benchmark_qa.tasks.drain import Drained, drain_routing_stage, drain_scoring_stage
from benchmark_qa.tasks.errors import StageNotServed
from benchmark_qa.tasks.jobs import DrainJob
from benchmark_qa.tasks.score import Scorer

T = TypeVar("T")
_log = logging.getLogger(__name__)

PAGES_PER_PLAN = 200
"""Pages of 100 tasks that one job lists before the next job continues."""


PLAN_SECONDS = 45.0
"""Seconds that one job lists pages: far less than the time after which a queue delivers a job again."""


PAGES_SUBMITTED_TOGETHER = 10


RESERVE_SECONDS = 15.0


Drain = Callable[[DrainJob], Drained]


class JobUnfinished(Exception):
    """The time was up, or the same job is already running. The queue must deliver the job again."""


@dataclass(frozen=True)
class QueuedDrains:
    """Runs the jobs of a queue. A job for a whole stage is split into jobs for data units.

    While such jobs are left, another notification about the stage makes no second set of them. Tasks that join or leave
    the stage while it is listed may be missed or listed twice. Both are harmless: Encord notifies again until the stage
    is empty, and a task that has moved is skipped.
    """

    encord: Encord
    at_work: StagesAtWork
    submit_all: Callable[[Sequence[DrainJob]], None]
    """Puts jobs on the queue."""
    run: Callable[[DrainJob], Drained]

    def work_off(self, job: DrainJob) -> None:
        """Run the job, or split it and put the parts on the queue.

        Raises:
            JobUnfinished, QueueUnavailable, PlatformError, RefusalError
        """
        if job.data_hashes is None:
            self._spread_once(job)
            return
        finished = self.run(job).finished
        self._count(job, -1 if finished else 0)
        if not finished:
            raise JobUnfinished(f"the drain of {len(job.data_hashes)} tasks is not finished")

    def _spread_once(self, job: DrainJob) -> None:
        first, stage = job.page_token is None, (job.project_hash, job.stage_uuid)
        if first and not self._noted(lambda: self.at_work.begin(*stage), otherwise=True):
            _log.info("the stage is being worked off already", extra={"stage": job.stage_uuid})
            return
        try:
            self._spread(job)
        except Exception:
            if first:  # delivered again it must be able to begin
                self._noted(lambda: self.at_work.end(*stage), otherwise=None)
            raise
        self._count(job, -1)

    def _submit(self, job: DrainJob, parts: Sequence[DrainJob]) -> None:
        self._count(job, len(parts))
        self.submit_all(parts)

    def _count(self, job: DrainJob, jobs: int) -> None:
        self._noted(lambda: self.at_work.add(job.project_hash, job.stage_uuid, jobs), otherwise=None)

    def _noted(self, note: Callable[[], T], *, otherwise: T) -> T:
        """What `note` returns; `otherwise` while the database is away, because work goes on without the count."""
        try:
            return note()
        except StoreError as error:
            _log.warning("how many jobs are left is not counted: %s", error)
            return otherwise

    def _spread(self, job: DrainJob) -> None:
        """Submit one job per page of tasks; submit a job for the remaining pages last."""
        until = time.monotonic() + min(PLAN_SECONDS, remaining_seconds(PLAN_SECONDS) - RESERVE_SECONDS)
        token, pages, jobs = job.page_token, 0, list[DrainJob]()
        while pages == 0 or (token is not None and pages < PAGES_PER_PLAN and time.monotonic() < until):
            page = self.encord.task_page(job.project_hash, job.stage_uuid, token)
            pages, token = pages + 1, page.next_token
            if page.tasks:
                hashes = tuple(task.data_hash for task in page.tasks)
                jobs.append(replace(job, data_hashes=hashes, page_token=None))
            if len(jobs) == PAGES_SUBMITTED_TOGETHER:
                self._submit(job, jobs)
                jobs.clear()
        if token is not None:
            # Last: after a crash before this line the same pages are listed again, after a crash behind it nothing is
            # lost.
            jobs.append(replace(job, page_token=token))
        self._submit(job, jobs)


@dataclass(frozen=True)
class JobRunner:
    """Runs drain jobs. The same job may run twice, also at the same time, here or on another instance."""

    scorer: Scorer
    _running: set[DrainJob] = field(default_factory=set, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def require_served(self, job: DrainJob) -> None:
        """Refuse jobs for projects and stages that this deployment does not serve.

        No request for other projects.

        Raises:
            ProjectNotServed, StageNotServed, MisconfiguredStage, PlatformError
        """
        self.scorer.projects.require_served(job.project_hash)
        self._drain_of(job.stage_uuid)

    def run(self, job: DrainJob) -> Drained:
        """Drain the stage until the deadline.

        A job that is already running in this process is not started again: Encord's next notification covers the tasks
        that arrive meanwhile.

        Raises:
            ProjectNotServed, StageNotServed, MisconfiguredStage, PlatformError
        """
        self.require_served(job)
        with self.once(job) as begun:
            return self._drain_of(job.stage_uuid)(job) if begun else Drained(finished=False)

    @contextmanager
    def once(self, job: DrainJob) -> Iterator[bool]:
        """Mark the job as running; yields False if it already is."""
        with self._lock:
            begun = job not in self._running
            if begun:
                self._running.add(job)
        try:
            yield begun
        finally:
            if begun:
                with self._lock:
                    self._running.discard(job)

    def is_scoring(self, job: DrainJob) -> bool:
        """Whether the job's stage is a scoring stage, which reads labels.

        Raises:
            ProjectNotServed, StageNotServed, MisconfiguredStage, PlatformError
        """
        self.require_served(job)
        projects = self.scorer.projects
        return job.stage_uuid in {projects.stage(stage).uuid for stage in projects.deployment.stages.scoring}

    def _drain_of(self, stage_uuid: str) -> Drain:
        projects = self.scorer.projects
        routing = projects.deployment.stages.routing
        if routing is not None and projects.stage(routing).uuid == stage_uuid:
            return lambda job: drain_routing_stage(projects, self.scorer.store, routing, data_hashes=job.data_hashes)
        for stage in projects.deployment.stages.scoring:
            if projects.stage(stage).uuid == stage_uuid:
                scoring = stage
                return lambda job: drain_scoring_stage(self.scorer, scoring, data_hashes=job.data_hashes)
        raise StageNotServed(f"stage {stage_uuid} is not served by this deployment")
