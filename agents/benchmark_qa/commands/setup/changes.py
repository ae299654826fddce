"""The lines and steps of a plan, and the results of a set-up: the service's document and URLs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from benchmark_qa.commands.setup.declaration import Declaration
from benchmark_qa.commands.setup.observed import Observed, ProjectSide
from benchmark_qa.config.deployment import Deployment


@dataclass(frozen=True, slots=True)
class ExtendMetadata:
    """Add keys, or options of keys, to the organisation's metadata schema."""

    types: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MakeFolder:
    """Make a folder in its parent folder."""

    path: str


@dataclass(frozen=True, slots=True)
class DescribeFolder:
    """Add keys to the metadata of a folder."""

    path: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ShareFolder:
    """Give groups access to a folder."""

    path: str
    role: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FillFolder:
    """Register, upload or sync the items that a folder should have and does not."""

    path: str


@dataclass(frozen=True, slots=True)
class MakeOntology:
    """Make the ontology."""


@dataclass(frozen=True, slots=True)
class MakeDataset:
    """Make an empty dataset."""

    title: str


@dataclass(frozen=True, slots=True)
class LinkItems:
    """Link the items of a dataset's folders that are not in it."""

    title: str


@dataclass(frozen=True, slots=True)
class MakeProject:
    """Make a project from its workflow template, with ontology and datasets."""

    side: ProjectSide


@dataclass(frozen=True, slots=True)
class AttachDatasets:
    """Attach datasets to a project."""

    side: ProjectSide
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddPeople:
    """Add people to a project."""

    side: ProjectSide
    role: str
    emails: tuple[str, ...]


SetupStep = (
    ExtendMetadata
    | MakeFolder
    | DescribeFolder
    | ShareFolder
    | FillFolder
    | MakeOntology
    | MakeDataset
    | LinkItems
    | MakeProject
    | AttachDatasets
    | AddPeople
)


ChangeKind = Literal["create", "change", "drift", "fault", "notice", "unchanged"]


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a plan.

    `create` and `change` have a `step`, which `apply` carries out. `drift` is a change that people have made, and
    `fault` is a contradiction: both are left to people, and `remedy` says what to do. A `notice` is a remark without a
    fault.
    """

    kind: ChangeKind
    subject: str
    message: str
    remedy: str = ""
    step: SetupStep | None = None

    def to_dict(self) -> dict[str, str]:
        """A dict of JSON types."""
        written = {"kind": self.kind, "subject": self.subject, "message": self.message}
        return written | ({"remedy": self.remedy} if self.remedy else {})


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
