"""Spread a stage's queue over jobs of one page of tasks each, so that as many instances as there are work on it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmark_qa.context import remaining_seconds
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.tasks.drain import Drained
from benchmark_qa.tasks.jobs import DrainJob

PAGES_PER_PLAN = 200
"""Pages of 100 tasks that one job lists before it hands on to the next"""
PLAN_SECONDS = 45.0
"""The same, in time: far less than the time after which a queue takes a job for lost"""
PAGES_SUBMITTED_TOGETHER = 10
RESERVE_SECONDS = 15.0


class JobUnfinished(Exception):
    """The time was up, or the same job is under way already: the queue must deliver the job again."""


@dataclass(frozen=True)
class QueuedDrains:
    """Works off the jobs of a queue: a job for a whole stage becomes many, a job for some data units is run.

    Tasks that leave or join the queue while it is listed may be missed or listed twice. Both are harmless: Encord
    notifies again until the queue is empty, and a task that has gone is left alone.
    """

    encord: Encord
    submit_all: Callable[[Sequence[DrainJob]], None]
    """Puts jobs on the queue"""
    run: Callable[[DrainJob], Drained]

    def work_off(self, job: DrainJob) -> None:
        """Run the job, or put jobs for parts of it on the queue.

        Raises:
            JobUnfinished, QueueUnavailable, PlatformError, RefusalError
        """
        if job.data_hashes is None:
            self._spread(job)
        elif not self.run(job).finished:
            raise JobUnfinished(f"the drain of {len(job.data_hashes)} tasks is not finished")

    def _spread(self, job: DrainJob) -> None:
        """A job a page; the last of all, the same job from the next page on."""
        until = time.monotonic() + min(PLAN_SECONDS, remaining_seconds(PLAN_SECONDS) - RESERVE_SECONDS)
        token, pages, jobs = job.page_token, 0, list[DrainJob]()
        while pages == 0 or (token is not None and pages < PAGES_PER_PLAN and time.monotonic() < until):
            page = self.encord.task_page(job.project_hash, job.stage_uuid, token)
            pages, token = pages + 1, page.next_token
            if page.tasks:
                hashes = tuple(task.data_hash for task in page.tasks)
                jobs.append(replace(job, data_hashes=hashes, page_token=None))
            if len(jobs) == PAGES_SUBMITTED_TOGETHER:
                self.submit_all(jobs)
                jobs.clear()
        if token is not None:
            # Last: a crash before this line lists the same pages again, one after it loses nothing.
            jobs.append(replace(job, page_token=token))
        self.submit_all(jobs)
