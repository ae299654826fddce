"""The results of a set-up: the service's document, and the URLs to paste into Encord."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmark_qa.commands.setup.declaration import Declaration
from benchmark_qa.commands.setup.observed import Observed
from benchmark_qa.config.deployment import Deployment

# Places as Encord's documentation names them: "Setup and Register" (custom agents), "Webhooks and Notifications",
# "Task-Ready Notifications".
_CATALOGUE = "Agents > Agents catalog > Custom agent > Create custom agent"
_WEBHOOK = "Webhook, edit, Enter; save the workflow, and the stage shows its signing secret"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URL to paste into Encord, the place, and the service's variable for the secret shown there."""

    purpose: str
    url: str
    where: str
    secret: str
    needed: bool

    def to_dict(self) -> dict[str, object]:
        """A dict of JSON types."""
        return {name: getattr(self, name) for name in ("purpose", "url", "where", "secret", "needed")}


def service_document(declared: Declaration, observed: Observed) -> dict[str, Any] | None:
    """The content for BENCHMARK_QA_CONFIG; None while a project or a dataset is missing."""
    complete = len(observed.projects) == len(declared.projects) and len(observed.datasets) == len(declared.datasets)
    if not complete:
        return None
    document = {
        "production_project": observed.projects["production"].uuid,
        "benchmark_projects": [observed.projects["benchmark"].uuid],
        "production_datasets": [observed.datasets[dataset.title].uuid for dataset in declared.production.datasets],
        **declared.service.model_dump(mode="json", exclude_unset=True),
    }
    Deployment.model_validate(document)
    return document


def endpoints(declared: Declaration, host: str) -> Iterator[Endpoint]:
    """For each stage and agent, what to paste where. Optional ones make scores available earlier."""
    stages, production = declared.service.stages, declared.production.title
    decisions = [stages.routing.benchmark_pathway, stages.routing.production_pathway] if stages.routing else []
    if stages.routing is not None:
        yield _on_stage("route", stages.routing.name or str(stages.routing.uuid), decisions, host, production)
    for scoring in stages.scoring:
        names = [name for name in (scoring.pass_pathway, scoring.fail_pathway) if name is not None]
        yield _on_stage("score", scoring.name or str(scoring.uuid), list(dict.fromkeys(names)), host, production)
    yield Endpoint(
        "instead of both, for agent stages on Advanced: one call for many tasks",
        f"{host}/notifications/task-ready",
        f"project '{production}' > Workflow > the agent stage > Advanced > {_WEBHOOK}",
        "NOTIFICATION_SECRET (the stages' secrets, separated by commas)",
        needed=False,
    )
    yield Endpoint(
        "scores as soon as an annotator submits",
        f"{host}/events/task-submitted",
        f"project '{production}' > Workflow > the Annotate stage > {_WEBHOOK}",
        "TASK_SUBMITTED_SECRET",
        needed=False,
    )
    yield Endpoint(
        "scores again when the truth is corrected",
        f"{host}/events/task-completed",
        f"project '{declared.benchmark.title}' > Workflow > the Complete stage > {_WEBHOOK}",
        "TASK_COMPLETED_SECRET",
        needed=False,
    )
    yield Endpoint(
        "feedback in the label editor",
        f"{host}/agents/score/SCORE_EDITOR_TOKEN",
        _CATALOGUE,
        "SCORE_EDITOR_TOKEN (yours to choose: the last part of the URL, 24 characters or more)",
        needed=False,
    )


def _on_stage(agent: str, stage: str, decisions: list[str], host: str, project: str) -> Endpoint:
    listed = f" (decisions: {', '.join(decisions)})" if decisions else ""
    return Endpoint(
        f"stage '{stage}'",
        f"{host}/agents/{agent}",
        f"{_CATALOGUE}{listed}; then project '{project}' > Workflow > stage '{stage}' > Auto > that agent; save the "
        "workflow, and the stage shows its signing secret",
        f"{agent.upper()}_SECRET",
        needed=True,
    )
