"""A list of a stage's tasks as jobs: one set of them at a time, however often Encord notifies."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from benchmark_qa.store import stages_at_work
from benchmark_qa.store.database import Database
from benchmark_qa.store.stages_at_work import StagesAtWork
from benchmark_qa.tasks.drain import Drained
from benchmark_qa.tasks.job_runner import JobUnfinished, QueuedDrains
from benchmark_qa.tasks.jobs import DrainJob, QueueUnavailable

ROUTE, SCORE = DrainJob("p", "route"), DrainJob("p", "score")
PAGES = 25


@dataclass
class Cloud:
    """A queue, a stage of 25 pages of two tasks each, and what works the queue off."""

    database: Database
    messages: list[DrainJob] = field(default_factory=list)
    full_after: int = 1_000_000
    finishes: bool = True

    @property
    def drains(self) -> QueuedDrains:
        encord: Any = SimpleNamespace(task_page=self.page)
        run = lambda job: Drained(finished=self.finishes)  # noqa: E731
        return QueuedDrains(encord, StagesAtWork(self.database), self.submit_all, run)

    def page(self, _project: str, _stage: str, token: str | None) -> Any:
        number = int(token or 0)
        tasks = [SimpleNamespace(data_hash=f"{number}-{each}") for each in range(2)]
        return SimpleNamespace(tasks=tasks, next_token=str(number + 1) if number + 1 < PAGES else None)

    def submit_all(self, jobs: Sequence[DrainJob]) -> None:
        if len(self.messages) >= self.full_after:
            raise QueueUnavailable("full")
        self.messages += jobs

    def work_off(self, jobs: Sequence[DrainJob]) -> None:
        for job in jobs:
            self.drains.work_off(job)

    def taken(self) -> list[DrainJob]:
        """The messages, which are no longer on the queue."""
        taken, self.messages = self.messages, []
        return taken


@pytest.fixture
def cloud() -> Cloud:
    database = Database("sqlite://")
    database.upgrade()
    return Cloud(database)


def test_a_second_notification_makes_no_second_set_until_the_first_is_done(cloud: Cloud) -> None:
    cloud.work_off([ROUTE, ROUTE])
    first = cloud.taken()
    assert len(first) == PAGES
    cloud.work_off(first[:-1])
    cloud.work_off([ROUTE])
    assert cloud.taken() == []
    cloud.work_off(first[-1:])
    cloud.work_off([ROUTE])
    assert cloud.taken() == first


def test_each_stage_has_a_set_of_its_own(cloud: Cloud) -> None:
    cloud.work_off([ROUTE, SCORE])
    assert [job.stage_uuid for job in cloud.messages] == ["route"] * PAGES + ["score"] * PAGES


def test_a_list_in_several_parts_is_one_set(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark_qa.tasks.job_runner.PAGES_PER_PLAN", 10)
    cloud.work_off([ROUTE])
    *pages, rest = cloud.taken()
    cloud.work_off([*pages, ROUTE])
    assert cloud.taken() == []
    cloud.work_off([rest])
    assert len(cloud.messages) == 11


def test_a_list_that_broke_off_is_made_again(cloud: Cloud) -> None:
    cloud.full_after = 10
    with pytest.raises(QueueUnavailable):
        cloud.work_off([ROUTE])
    cloud.full_after = 1_000_000
    cloud.taken()
    cloud.work_off([ROUTE])
    assert len(cloud.messages) == PAGES


def test_jobs_that_are_never_heard_of_again_hold_up_nothing_for_long(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.work_off([ROUTE])
    cloud.taken()
    monkeypatch.setattr(stages_at_work, "SILENCE", timedelta(0))
    cloud.work_off([ROUTE])
    assert len(cloud.messages) == PAGES


def test_a_job_that_is_delivered_again_is_still_one(cloud: Cloud) -> None:
    cloud.work_off([ROUTE])
    first = cloud.taken()
    cloud.finishes = False
    with pytest.raises(JobUnfinished):
        cloud.work_off(first[:1])
    cloud.finishes = True
    cloud.work_off(first[1:])
    cloud.work_off([ROUTE])
    assert cloud.taken() == []
    cloud.work_off(first[:1])
    cloud.work_off([ROUTE])
    assert len(cloud.messages) == PAGES


def test_without_a_database_the_work_goes_on_uncounted(cloud: Cloud) -> None:
    cloud.database = Database("sqlite:////nowhere/at/all.sqlite")
    cloud.work_off([ROUTE])
    cloud.work_off(cloud.taken())
    cloud.work_off([ROUTE])
    assert len(cloud.messages) == PAGES
