"""Does the deployment fit the projects as they are on Encord? Each finding says what is wrong and what to do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmark_qa.encord_api.errors import PlatformError
from benchmark_qa.encord_api.models import Project
from benchmark_qa.tasks.errors import RefusalError
from benchmark_qa.tasks.projects import ServedProjects


@dataclass(frozen=True)
class Finding:
    """One check and its outcome."""

    check: str
    fine: bool
    message: str
    remedy: str = ""


def check_deployment(projects: ServedProjects) -> list[Finding]:
    """Key, projects, stages, pathways, ontologies and datasets. Costs requests only where the cache is cold."""
    findings = list(_check_projects(projects))
    if all(finding.fine for finding in findings):
        findings += _check_stages(projects)
        findings += _check_ontologies(projects)
        findings.append(_check_datasets(projects))
    return findings


def _check_projects(projects: ServedProjects) -> Iterator[Finding]:
    deployment = projects.deployment
    wanted = [("production project", deployment.production_project)]
    wanted += [("benchmark project", project) for project in deployment.benchmark_projects]
    for role, project_hash in wanted:

        def look(project_hash: str = str(project_hash)) -> Project:
            return projects.encord.project(project_hash)

        remedy = "add the service's user to the project as an admin, and check the hash in the configuration"
        yield _finding(f"{role} {project_hash}", look, remedy, lambda project: f"'{project.title}'")


def _check_stages(projects: ServedProjects) -> Iterator[Finding]:
    stages = projects.deployment.stages
    references = [("routing stage", stages.routing)] if stages.routing else []
    remedy = "correct 'stages' in the configuration, or the workflow's stage and pathway names"
    for role, reference in [*references, *(("scoring stage", scoring) for scoring in stages.scoring)]:
        yield _finding(role, lambda reference=reference: projects.stage(reference), remedy, _describe)  # type: ignore[misc]


def _check_ontologies(projects: ServedProjects) -> Iterator[Finding]:
    for benchmark in projects.benchmarks:
        yield _finding(
            f"same ontology as '{benchmark.title}'",
            lambda benchmark=benchmark: projects.require_same_ontology(benchmark),  # type: ignore[misc]
            "attach the production project's ontology to the benchmark project",
            lambda _: "the same",
        )


def _check_datasets(projects: ServedProjects) -> Finding:
    attached = projects.production_datasets("benchmark")
    return Finding(
        "benchmark datasets in production",
        bool(attached),
        f"{len(attached)} attached" if attached else "no dataset of a benchmark project is attached to production",
        "" if attached else "attach the benchmark dataset to the production project",
    )


def _describe(stage: object) -> str:
    return f"'{getattr(stage, 'title', stage)}'"


def _finding(check: str, look: Callable[[], object], remedy: str, describe: Callable[..., str]) -> Finding:
    try:
        return Finding(check, True, describe(look()))
    except (PlatformError, RefusalError) as error:
        return Finding(check, False, str(error), remedy)
