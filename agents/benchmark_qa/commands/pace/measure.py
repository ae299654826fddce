"""How often annotators meet benchmark items: overused items, and benchmark tasks' share of the work."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmark_qa.encord_api.analytics import TaskAction, WorkAnalytics
from benchmark_qa.encord_api.models import ANNOTATION_KINDS, LabelRow, Project
from benchmark_qa.encord_api.reviews import PeoplesWork
from benchmark_qa.stats.intervals import Interval, proportion_interval
from benchmark_qa.tasks.projects import ServedProjects
from benchmark_qa.tasks.scoring_plan import annotators_branches

EARLY, LATE = 0.9, 0.1
"""Priorities of waiting benchmark tasks: the first if people meet too few of them, else the second"""
_BEFORE_EVERYTHING = datetime(2020, 1, 1, tzinfo=UTC)


_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Share:
    """Share of benchmark tasks among an annotator's submitted tasks."""

    annotator: str
    benchmark: int
    tasks: int
    share: Interval


@dataclass(frozen=True)
class Pace:
    """The current shares, and the priorities that would be set."""

    shares: tuple[Share, ...]
    overall: Share
    priorities: dict[str, float]
    """Priorities of the waiting benchmark tasks, by data hash"""


def measure_pace(projects: ServedProjects, now: datetime | None = None) -> Pace:
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
    return Pace(shares, overall, dict.fromkeys(sorted(waiting), priority))


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


def set_pace(projects: ServedProjects, pace: Pace) -> None:
    """Move waiting benchmark tasks forward or back in the queue. 1 request per 1,000."""
    if pace.priorities:
        PeoplesWork(projects.encord, projects.production.project_hash).set_priorities(pace.priorities)


def _may_wait(production: Project, stage_uuid: str | None) -> bool:
    kinds = {stage.uuid: stage.kind for stage in production.stages}
    return kinds.get(stage_uuid or "") in ("ANNOTATION", "CONSENSUS_ANNOTATION", "AGENT")


def _share(annotator: str, benchmark: int, tasks: int) -> Share:
    return Share(annotator, benchmark, tasks, proportion_interval(benchmark, tasks))
