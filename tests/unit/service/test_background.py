"""Jobs in the background: the same one is not added while it waits or runs, and is taken again once it has ended."""

import threading
from collections.abc import Callable

import pytest

from benchmark_qa.service.dispatch.background import BackgroundDispatcher
from benchmark_qa.tasks.jobs import DrainJob

JOB, OTHER = DrainJob("project", "stage"), DrainJob("project", "another stage")


class Runs:
    """Notes every run of a job, and lets it end when it may."""

    def __init__(self, end: Callable[[], None]) -> None:
        self.begun: list[DrainJob] = []
        self.count = threading.Semaphore(0)
        self.may_end = threading.Event()
        self.end = end

    def __call__(self, job: DrainJob) -> None:
        self.begun.append(job)
        self.count.release()
        assert self.may_end.wait(10)
        self.end()


def fails() -> None:
    raise RuntimeError("Encord is away")


def nothing() -> None:
    """Ends well."""


@pytest.mark.parametrize("end", [nothing, fails])
def test_a_job_that_has_ended_is_run_again_however_it_ended(end: Callable[[], None]) -> None:
    runs = Runs(end)
    dispatcher = BackgroundDispatcher(runs)
    runs.may_end.set()
    for _ in range(3):
        dispatcher.submit(JOB)
        assert runs.count.acquire(timeout=10), "the job stays marked as running"
        for future in list(dispatcher._pending.values()):
            future.result(10)
    assert runs.begun == [JOB] * 3
    assert dispatcher.close(10)


def test_a_job_that_waits_or_runs_is_not_added_again_and_another_is() -> None:
    runs = Runs(nothing)
    dispatcher = BackgroundDispatcher(runs)
    for job in (JOB, JOB, OTHER, JOB, OTHER):
        dispatcher.submit(job)
    assert [runs.count.acquire(timeout=10) for _ in range(2)] == [True, True]
    runs.may_end.set()
    assert dispatcher.close(10)
    assert sorted(runs.begun, key=lambda job: job.stage_uuid) == sorted([JOB, OTHER], key=lambda job: job.stage_uuid)
