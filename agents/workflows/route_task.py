"""Route a task: is its data unit in the benchmark dataset? Decided from label row metadata alone."""

from dataclasses import dataclass

from agents.store import SqlScoreStore
from agents.workflows.errors import MisconfiguredStage, UnknownDataUnit
from agents.workflows.pace import retired_items
from agents.workflows.projects import ServedProjects


@dataclass(frozen=True)
class RoutingDecision:
    """Where a data unit goes and why."""

    data_hash: str
    dataset_hash: str
    is_benchmark: bool
    """False also for a benchmark item that has retired"""
    pathway: str


def route_task(projects: ServedProjects, store: SqlScoreStore, project_hash: str, data_hash: str) -> RoutingDecision:
    """Decide for one data unit. 1 request to Encord once the projects are warm.

    The store is asked only where items retire after so many people (`exposure.retire_after`).

    Raises:
        ProjectNotServed, UnknownDataUnit, DatasetNotServed, MisconfiguredStage, PlatformError
    """
    projects.require_served(project_hash)
    routing = projects.deployment.stages.routing
    if routing is None:
        raise MisconfiguredStage("the configuration names no routing stage ('stages.routing')")
    rows = projects.encord.label_rows(project_hash, data_hashes=[data_hash])
    if not rows:
        raise UnknownDataUnit(f"the project has no data unit {data_hash}")
    dataset_hash = rows[0].dataset_hash
    is_benchmark = projects.side_of(dataset_hash) == "benchmark"
    if is_benchmark and retired_items(projects, store, [data_hash]):
        is_benchmark = False
    return RoutingDecision(
        data_hash=data_hash,
        dataset_hash=dataset_hash,
        is_benchmark=is_benchmark,
        pathway=routing.benchmark_pathway if is_benchmark else routing.production_pathway,
    )
