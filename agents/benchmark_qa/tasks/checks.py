"""Check that the deployment fits the projects on Encord and can record. A finding says what to do."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark_qa.config.deployment import RoutingStage, StageReference, Stages
from benchmark_qa.encord_api.errors import PlatformError
from benchmark_qa.encord_api.models import ANNOTATION_KINDS, CONSENSUS_KIND, Project, SeenStage, Stage
from benchmark_qa.errors import RefusalError
from benchmark_qa.tasks.projects import ServedProjects

if TYPE_CHECKING:
    from benchmark_qa.store.database import Database

ADMIN = "admin"
"""The project role that may move all tasks: `ProjectUserRole` of the SDK, in lower case."""


@dataclass(frozen=True)
class Finding:
    """One check and its outcome."""

    check: str
    fine: bool
    message: str
    remedy: str = ""


def check_deployment(projects: ServedProjects) -> list[Finding]:
    """Check key, projects, stages, pathways, ontologies and datasets.

    Requests only for what is not cached.
    """
    findings = list(_check_projects(projects))
    if all(finding.fine for finding in findings):
        findings += _check_stages(projects)
        findings += _check_pathways(projects)
        findings += _check_scoring_pathways(projects)
        findings += _check_ontologies(projects)
        findings.append(_check_datasets(projects))
        findings += _check_production_datasets(projects)
        findings += _check_training_datasets(projects)
    return findings


def _check_projects(projects: ServedProjects) -> Iterator[Finding]:
    deployment = projects.deployment
    wanted = [("production project", deployment.production_project)]
    wanted += [("benchmark project", project) for project in deployment.benchmark_projects]
    for role, project_hash in wanted:

        def look(project_hash: str = str(project_hash)) -> Project:
            return projects.encord.project(project_hash)

        remedy = "add the service's user to the project as an admin, and check the hash in the configuration"
        found = _finding(f"{role} {project_hash}", look, remedy, lambda project: f"'{project.title}'")
        yield found
        if found.fine:
            yield from _check_role(role, look())


def _check_role(role: str, project: Project) -> Iterator[Finding]:
    if project.role not in {None, ADMIN}:
        yield Finding(
            f"role in the {role} '{project.title}'",
            False,
            f"the service's account is {project.role.replace('_', ' ')}, and has to be admin to move tasks",
            "make the account an admin of the project in its Settings",
        )


def _check_stages(projects: ServedProjects) -> Iterator[Finding]:
    stages = projects.deployment.stages
    references = [("routing stage", stages.routing)] if stages.routing else []
    if not references and not stages.scoring:
        titles = ", ".join(f"'{stage.title}'" for stage in projects.production.agent_stages()) or "none"
        yield Finding(
            "stages",
            False,
            f"the configuration names no stage, so nothing is routed or scored; agent stages of the project: {titles}",
            "name them in 'stages.routing' and 'stages.scoring'",
        )
    remedy = "correct 'stages' in the configuration, or the workflow's stage and pathway names"
    served: dict[str, str] = {}
    for role, reference in [*references, *(("scoring stage", scoring) for scoring in stages.scoring)]:
        yield _finding(role, lambda reference=reference: projects.stage(reference), remedy, _describe)  # type: ignore[misc]
        stage = _stage(projects, reference)
        if stage is not None and stage.uuid in served:
            message = f"'{stage.title}' is {served[stage.uuid]} already"
            yield Finding(role, False, message, "name each agent stage once in 'stages'")
        elif stage is not None:
            served[stage.uuid] = f"the {role}"


def _check_pathways(projects: ServedProjects) -> Iterator[Finding]:
    """Check that the benchmark pathway leads to the consensus block and the production pathway does not.

    Encord does not list routers, so a pathway through a router has no known target.
    """
    routing = projects.deployment.stages.routing
    if routing is None:
        return
    remedy = "exchange 'benchmark_pathway' and 'production_pathway' in 'stages.routing', or correct the workflow"
    if routing.benchmark_pathway == routing.production_pathway:
        message = f"both are '{routing.benchmark_pathway}', so benchmark and production tasks take the same way"
        yield Finding("pathways of the routing stage", False, message, remedy)
        return
    stage = _stage(projects, routing)
    if stage is None:
        return
    leads = stage.destinations
    there = {each.uuid: each for each in projects.production.stages}
    benchmark = there.get(leads.get(routing.benchmark_pathway, ""))
    production = there.get(leads.get(routing.production_pathway, ""))
    if (
        production is not None
        and production.kind == CONSENSUS_KIND
        and not (benchmark and benchmark.kind == CONSENSUS_KIND)
    ):
        message = (
            f"the production pathway '{routing.production_pathway}' leads to the consensus block '{production.title}', "
            f"the benchmark pathway '{routing.benchmark_pathway}' to '{benchmark.title if benchmark else 'elsewhere'}'"
        )
        yield Finding("pathways of the routing stage", False, message, remedy)
    else:
        shown = [
            f"'{name}' leads to '{to.title}'"
            for name, to in ((routing.benchmark_pathway, benchmark), (routing.production_pathway, production))
            if to is not None
        ]
        if shown:
            yield Finding("pathways of the routing stage", True, ", ".join(shown))


def _check_scoring_pathways(projects: ServedProjects) -> Iterator[Finding]:
    """Check that failed tasks, not passed ones, are those that go back to annotators."""
    kinds = {each.uuid: each for each in projects.production.stages}
    for scoring in projects.deployment.stages.scoring:
        stage = _stage(projects, scoring)
        if stage is None or scoring.pass_pathway is None or scoring.fail_pathway is None:
            continue
        leads = stage.destinations
        passed, failed = (kinds.get(leads.get(name, "")) for name in (scoring.pass_pathway, scoring.fail_pathway))
        if passed is None or failed is None:
            continue
        message = (
            f"'{scoring.pass_pathway}' (passed) leads to '{passed.title}', "
            f"'{scoring.fail_pathway}' (failed) to '{failed.title}'"
        )
        is_swapped = passed.kind in ANNOTATION_KINDS and failed.kind not in ANNOTATION_KINDS
        remedy = "exchange 'pass_pathway' and 'fail_pathway' in 'stages.scoring', or correct the workflow"
        yield Finding(f"pathways of '{stage.title}'", not is_swapped, message, remedy if is_swapped else "")


def _stage(projects: ServedProjects, reference: StageReference) -> Stage | None:
    """The agent stage; None if there is none, which its own check reports."""
    try:
        return projects.stage(reference)
    except RefusalError:
        return None


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


def _check_production_datasets(projects: ServedProjects) -> Iterator[Finding]:
    remedy = "correct 'production_datasets' in the configuration, or attach the dataset to the production project"
    listed = projects.deployment.production_datasets
    if listed is not None and not listed:
        message = "'production_datasets' is empty, so the tasks of every dataset but the benchmark's are refused"
        yield Finding("production datasets", False, message, "list the datasets, or take the key out: then all count")
    for dataset in listed or ():
        name = str(dataset)
        if projects.is_benchmark_dataset(name):
            message = f"dataset {name} in 'production_datasets' belongs to a benchmark project"
        elif name not in projects.production.dataset_titles:
            message = f"dataset {name} in 'production_datasets' is not attached to the production project"
        else:
            continue
        yield Finding("production datasets", False, message, remedy)


def _check_training_datasets(projects: ServedProjects) -> Iterator[Finding]:
    feedback = projects.deployment.feedback
    if feedback.policy == "off":
        return
    attached = set(projects.production_datasets("benchmark"))
    for dataset in map(str, feedback.training_datasets):
        if dataset not in attached:
            message = f"dataset {dataset} in 'feedback.training_datasets' is no benchmark dataset of production"
            yield Finding("training datasets", False, message, "correct it, or attach the dataset to both projects")


def _describe(stage: object) -> str:
    return f"'{getattr(stage, 'title', stage)}'"


def _finding(check: str, look: Callable[[], object], remedy: str, describe: Callable[..., str]) -> Finding:
    try:
        return Finding(check, True, describe(look()))
    except (PlatformError, RefusalError) as error:
        return Finding(check, False, str(error), remedy)


_TEMPLATE = "correct the project's workflow in Encord (and its template), or 'service.stages' in the set-up file"


def check_workflow(wanted: Stages, found: Sequence[SeenStage]) -> Iterator[Finding]:
    """Check routing and scoring stages, pathways, and the consensus block behind the benchmark pathway."""
    routing = wanted.routing
    if routing is not None:
        yield from _agent_stage("routing", routing, found)
        yield from _consensus(routing, found)
    for scoring in wanted.scoring:
        yield from _agent_stage("scoring", scoring, found)


def _agent_stage(role: str, wanted: StageReference, found: Sequence[SeenStage]) -> Iterator[Finding]:
    named = _meant(wanted, found)
    title = wanted.name or wanted.uuid
    agents = [stage for stage in named if stage.kind == "AGENT"]
    if not agents:
        others = ", ".join(f"'{stage.title}'" for stage in found if stage.kind == "AGENT") or "none"
        what = "is no agent stage" if named else "is missing"
        yield Finding(f"{role} stage", False, f"{role} stage '{title}' {what}; agent stages: {others}", _TEMPLATE)
        return
    if len(agents) > 1:
        uuids = ", ".join(stage.uuid for stage in agents)
        remedy = "rename one of them in Encord, or give 'uuid' instead of 'name' in the set-up file"
        yield Finding(f"{role} stage", False, f"there are {len(agents)} stages '{title}': {uuids}", remedy)
        return
    for pathway in wanted.pathways():
        if pathway not in agents[0].pathways:
            there = ", ".join(f"'{name}'" for name in agents[0].pathways)
            message = f"{role} stage '{title}' has no pathway '{pathway}', only {there or 'none'}"
            yield Finding(f"{role} stage", False, message, _TEMPLATE)


def _consensus(routing: RoutingStage, found: Sequence[SeenStage]) -> Iterator[Finding]:
    """Check that the benchmark pathway leads to a consensus block.

    A pathway may lead to a router, which Encord does not list. Then any consensus block in the workflow is enough.
    """
    pathway = routing.benchmark_pathway
    remedy = "lead the benchmark pathway to a Consensus block in the workflow: several people must label each item"
    if not any(stage.kind == CONSENSUS_KIND for stage in found):
        yield Finding("consensus block", False, "the workflow has no Consensus block", remedy)
        return
    targets = [stage.pathways.get(pathway) for stage in _meant(routing, found)]
    for stage in found:
        if stage.uuid in targets and stage.kind != CONSENSUS_KIND:
            yield Finding(
                "consensus block", False, f"pathway '{pathway}' leads to '{stage.title}', no Consensus block", remedy
            )


def _meant(wanted: StageReference, found: Sequence[SeenStage]) -> list[SeenStage]:
    if wanted.uuid is not None:
        return [stage for stage in found if stage.uuid == str(wanted.uuid)]
    return [stage for stage in found if stage.title == wanted.name]


CHECK = "score store"


def check_store(database: "Database") -> Finding:
    """Check that the database answers in time, has the right schema and accepts writes."""
    from benchmark_qa.store.errors import SchemaBehindError, StoreError  # noqa: PLC0415 - routing needs no database

    try:
        database.require_writable()
    except SchemaBehindError as error:
        return Finding(CHECK, False, str(error), "run 'benchmark-qa db upgrade' with the same DATABASE_URL")
    except StoreError as error:
        remedy = "the database of DATABASE_URL must run, have connections and disk left, and take what is written"
        return Finding(CHECK, False, str(error), remedy)
    return Finding(CHECK, True, "reachable, up to date and writable")
