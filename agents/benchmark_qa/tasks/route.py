"""Route a task by its label row metadata: is its data unit in a benchmark dataset?"""

from collections.abc import Callable
from dataclasses import dataclass

from benchmark_qa.tasks.errors import MisconfiguredStage, UnknownDataUnit
from benchmark_qa.tasks.projects import ServedProjects


@dataclass(frozen=True)
class RoutingDecision:
    """The routing of a data unit and the facts behind it."""

    data_hash: str
    dataset_hash: str
    is_benchmark: bool
    """False also for a retired benchmark item."""
    pathway: str


def route_task(
    projects: ServedProjects, project_hash: str, data_hash: str, has_retired: Callable[[str], bool]
) -> RoutingDecision:
    """Decide the pathway of one data unit. 1 request to Encord once the projects are cached.

    Args:
        projects: of the deployment.
        project_hash: from the request.
        data_hash: from the request.
        has_retired: whether so many annotators have seen this benchmark item that it is routed as production.

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
    is_benchmark = projects.side_of(dataset_hash) == "benchmark" and not has_retired(data_hash)
    return RoutingDecision(
        data_hash=data_hash,
        dataset_hash=dataset_hash,
        is_benchmark=is_benchmark,
        pathway=routing.benchmark_pathway if is_benchmark else routing.production_pathway,
    )
