"""How often people meet benchmark items: items that too many know, and the share of benchmark tasks in the work."""

import logging
from collections import Counter
from dataclasses import dataclass

from benchmark_qa.encord_api.models import Project
from benchmark_qa.encord_api.reviews import PeoplesWork
from benchmark_qa.stats.intervals import Interval, proportion_interval
from benchmark_qa.tasks.projects import ServedProjects
from benchmark_qa.tasks.scoring_plan import annotators_branches

EARLY, LATE = 0.9, 0.1
"""Priorities of waiting benchmark tasks when people meet too few, or enough of them"""


_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Share:
    """Benchmark tasks among somebody's submitted tasks."""

    annotator: str
    benchmark: int
    tasks: int
    share: Interval


@dataclass(frozen=True)
class Pace:
    """Where the pace stands, and what would be changed."""

    shares: tuple[Share, ...]
    overall: Share
    priorities: dict[str, float]
    """For the waiting benchmark tasks, by data hash"""


def measure_pace(projects: ServedProjects) -> Pace:
    """Shares from who acted on the label rows. 1 request to Encord."""
    production = projects.production
    unfinished = {stage.uuid for stage in production.stages if stage.kind in ("ANNOTATION", "CONSENSUS_ANNOTATION")}
    by_data: dict[str, list[int]] = {}
    rows = projects.encord.label_rows(production.project_hash, all_branches=True)
    for index, row in enumerate(rows):
        by_data.setdefault(row.data_hash, []).append(index)
    benchmark: Counter[str] = Counter()
    tasks: Counter[str] = Counter()
    waiting: list[str] = []
    for data_hash, indices in by_data.items():
        here = [rows[index] for index in indices]
        is_benchmark = projects.is_benchmark_dataset(here[0].dataset_hash)
        if is_benchmark and any(_may_wait(production, row.stage_uuid) for row in here):
            waiting.append(data_hash)
        for row in annotators_branches(here, projects.deployment.branches):
            if row.last_actioned_by and row.stage_uuid not in unfinished:
                tasks[row.last_actioned_by] += 1
                benchmark[row.last_actioned_by] += is_benchmark
    shares = tuple(_share(annotator, benchmark[annotator], count) for annotator, count in sorted(tasks.items()))
    overall = _share("(all)", benchmark.total(), tasks.total())
    met = overall.share.estimate or 0.0
    priority = EARLY if met < projects.deployment.exposure.target_share else LATE
    return Pace(shares, overall, dict.fromkeys(waiting, priority))


def set_pace(projects: ServedProjects, pace: Pace) -> None:
    """Bring waiting benchmark tasks forward or back. 1 request per 1,000."""
    if pace.priorities:
        PeoplesWork(projects.encord, projects.production.project_hash).set_priorities(pace.priorities)


def _may_wait(production: Project, stage_uuid: str | None) -> bool:
    kinds = {stage.uuid: stage.kind for stage in production.stages}
    return kinds.get(stage_uuid or "") in ("ANNOTATION", "CONSENSUS_ANNOTATION", "AGENT")


def _share(annotator: str, benchmark: int, tasks: int) -> Share:
    return Share(annotator, benchmark, tasks, proportion_interval(benchmark, tasks))
