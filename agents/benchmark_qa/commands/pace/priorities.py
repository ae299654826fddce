"""Mix benchmark tasks among the production project's tasks by priority. Existing priorities stay."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark_qa.commands.pace.schedule import DEFAULT_PRIORITY, NoRoomLeftError, Rate, Schedule, Workers, schedule
from benchmark_qa.encord_api.reviews import PeoplesWork
from benchmark_qa.encord_api.tasks import QueuedRow, queued_rows
from benchmark_qa.errors import RefusalError
from benchmark_qa.store.action_log import PACE, ActionLog
from benchmark_qa.store.database import Database
from benchmark_qa.tasks.projects import ServedProjects

BEFORE_WORK = frozenset({"AGENT", "ANNOTATION", "CONSENSUS_ANNOTATION"})
"""Stages at which a task is not annotated yet"""


class NoRoomLeft(RefusalError):
    """Earlier runs have used up the range of priorities; everything must be scheduled again."""


@dataclass(frozen=True)
class PacePlan:
    """The priorities that a run would set, and counts of what it leaves alone."""

    schedule: Schedule
    scheduled_before: int
    """Waiting tasks that have a priority from an earlier run or set by hand"""
    past: int
    """Tasks that are annotated already"""


def plan_pace(projects: ServedProjects, rate: Rate, workers: Workers, *, seed: int, anew: bool) -> PacePlan:
    """Priorities for the waiting tasks that have none. 1 request.

    New tasks are put behind the scheduled tasks and before the unscheduled ones; the rate continues where it stopped.

    Args:
        projects: of the deployment.
        rate: of benchmark tasks, from one annotator's view.
        workers: the people who work on the queue.
        seed: determines the order.
        anew: schedule every waiting task, whatever its priority.

    Raises:
        NoRoomLeft
        PlatformError
    """
    production = projects.production
    before_work = {stage.uuid for stage in production.stages if stage.kind in BEFORE_WORK}
    scoring = {projects.stage(reference).uuid for reference in projects.deployment.stages.scoring}
    rows = queued_rows(projects.encord, production.project_hash)
    waiting = [row for row in rows if row.stage_uuid in before_work - scoring]
    new = [row for row in waiting if anew or row.priority in (None, DEFAULT_PRIORITY)]
    kept = _priorities(waiting, new)
    benchmark = [row.data_hash for row in new if projects.is_benchmark_dataset(row.dataset_hash)]
    others = [row.data_hash for row in new if projects.is_production_dataset(row.dataset_hash)]
    past = len(rows) - len(waiting)
    try:
        made = schedule(
            benchmark,
            others,
            rate,
            workers,
            seed=seed,
            before=past + len(kept),
            below=min((priority for priority in kept if priority > DEFAULT_PRIORITY), default=1.0),
        )
    except NoRoomLeftError:
        raise NoRoomLeft("too many runs stand behind each other: schedule all waiting tasks anew with --anew") from None
    return PacePlan(made, len(kept), past)


def carry_out(projects: ServedProjects, plan: PacePlan, database: Database, *, seed: int) -> None:
    """Set the priorities of the plan. 1 request per 1,000 tasks; can be interrupted and run again.

    The seed goes to the action log first: verdicts need to know that the common order of the queue is a random one.

    Raises:
        StoreError, PlatformError
    """
    if plan.schedule.priorities:
        ActionLog(database).record(
            projects.production.project_hash,
            kind=PACE,
            operator="benchmark-qa pace",
            subject=projects.production.project_hash,
            reason=f"{len(plan.schedule.priorities):,} waiting tasks get priorities in a random order",
            facts={"seed": seed},
        )
        PeoplesWork(projects.encord, projects.production.project_hash).set_priorities(plan.schedule.priorities)


def _priorities(waiting: Sequence[QueuedRow], new: Sequence[QueuedRow]) -> list[float]:
    """Priorities of the tasks that are left alone."""
    changing = {row.data_hash for row in new}
    return [row.priority for row in waiting if row.priority is not None and row.data_hash not in changing]
