"""How often annotators meet benchmark items: overused items, and benchmark tasks' share of the work."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmark_qa.commands.pace.schedule import DEFAULT_PRIORITY, NoRoomLeftError, Rate, Schedule, Workers, schedule
from benchmark_qa.encord_api.analytics import TaskAction, WorkAnalytics
from benchmark_qa.encord_api.models import ANNOTATION_KINDS, KINDS_BEFORE_WORK, LabelRow, Project
from benchmark_qa.encord_api.reviews import PeoplesWork
from benchmark_qa.encord_api.tasks import QueuedRow, queued_rows
from benchmark_qa.errors import RefusalError
from benchmark_qa.stats.intervals import Interval, proportion_interval
from benchmark_qa.store.action_log import PACE, ActionLog
from benchmark_qa.store.database import Database
from benchmark_qa.tasks.projects import ServedProjects, annotators_branches

EARLY, LATE = 0.9, 0.1
"""Priorities of waiting benchmark tasks: the first if people meet too few of them, else the second"""


_BEFORE_EVERYTHING = datetime(2020, 1, 1, tzinfo=UTC)


_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BenchmarkShare:
    """Share of benchmark tasks among an annotator's submitted tasks."""

    annotator: str
    benchmark: int
    tasks: int
    share: Interval


@dataclass(frozen=True)
class MeasuredPace:
    """The current shares, and the priorities that would be set."""

    shares: tuple[BenchmarkShare, ...]
    overall: BenchmarkShare
    priorities: dict[str, float]
    """Priorities of the waiting benchmark tasks, by data hash"""


def measure_pace(projects: ServedProjects, now: datetime | None = None) -> MeasuredPace:
    """Shares by who submitted what; each part of a consensus block counts when submitted, reviews never.

    Requests: 1 for the label rows, and 1 per page of task actions from Encord's analytics.
    """
    production = projects.production
    rows = projects.encord.label_rows(production.project_hash, all_branches=True)
    datasets = {row.data_hash: row.dataset_hash for row in rows}
    analytics = WorkAnalytics(projects.encord, production.project_hash)
    actions = list(analytics.task_actions(_BEFORE_EVERYTHING, now or datetime.now(UTC)))
    done = submitted_by(actions, production)
    done |= _from_rows(projects, rows, known={action.data_hash for action in actions})
    benchmark: Counter[str] = Counter()
    tasks: Counter[str] = Counter()
    for annotator, data_hash in done:
        if data_hash in datasets:
            tasks[annotator] += 1
            benchmark[annotator] += projects.is_benchmark_dataset(datasets[data_hash])
    waiting = {
        row.data_hash
        for row in rows
        if projects.is_benchmark_dataset(row.dataset_hash) and _may_wait(production, row.stage_uuid)
    }
    shares = tuple(_share(annotator, benchmark[annotator], count) for annotator, count in sorted(tasks.items()))
    overall = _share("(all)", benchmark.total(), tasks.total())
    met = overall.share.estimate or 0.0
    priority = EARLY if met < projects.deployment.exposure.target_share else LATE
    return MeasuredPace(shares, overall, dict.fromkeys(sorted(waiting), priority))


def submitted_by(actions: Iterable[TaskAction], production: Project) -> set[tuple[str, str]]:
    """(annotator, data hash) of all submissions at annotation stages, each pair once."""
    kinds = {stage.uuid: stage.kind for stage in production.stages}
    return {
        (action.actor, action.data_hash)
        for action in actions
        if action.kind == "submit" and kinds.get(action.stage_uuid) in ANNOTATION_KINDS
    }


def _from_rows(projects: ServedProjects, rows: Sequence[LabelRow], known: Set[str]) -> set[tuple[str, str]]:
    """(last actor, data hash) of submitted data units that the analytics do not mention at all."""
    by_data: dict[str, list[LabelRow]] = {}
    for row in rows:
        if row.data_hash not in known:
            by_data.setdefault(row.data_hash, []).append(row)
    unfinished = {stage.uuid for stage in projects.production.stages if stage.kind in ANNOTATION_KINDS}
    return {
        (row.last_actioned_by, data_hash)
        for data_hash, here in by_data.items()
        for row in annotators_branches(here, projects.deployment.branches)
        if row.last_actioned_by and row.stage_uuid not in unfinished
    }


def set_pace(projects: ServedProjects, pace: MeasuredPace) -> None:
    """Move waiting benchmark tasks forward or back in the queue. 1 request per 1,000."""
    if pace.priorities:
        PeoplesWork(projects.encord, projects.production.project_hash).set_priorities(pace.priorities)


def _may_wait(production: Project, stage_uuid: str | None) -> bool:
    kinds = {stage.uuid: stage.kind for stage in production.stages}
    return kinds.get(stage_uuid or "") in ("ANNOTATION", "CONSENSUS_ANNOTATION", "AGENT")


def _share(annotator: str, benchmark: int, tasks: int) -> BenchmarkShare:
    return BenchmarkShare(annotator, benchmark, tasks, proportion_interval(benchmark, tasks))


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
    before_work = {stage.uuid for stage in production.stages if stage.kind in KINDS_BEFORE_WORK}
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
