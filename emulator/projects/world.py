"""Projects in a world file, with their workflow: templates, stages, and where tasks stand."""

# pydantic copies default values: ruff does not see that these are its models.
# ruff: noqa: RUF012

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, model_validator

from emulator.spec import Spec, new_uuid

ProjectRole = Literal["admin", "annotator", "reviewer", "annotator_reviewer", "team_manager", "viewer"]


class WebhookSpec(Spec):
    """Where a stage's events are sent, and the secret that signs them."""

    url: str
    secret: str


class AutoAgentSpec(WebhookSpec):
    """An agent stage on Auto: the custom agent is called once per task."""

    mode: Literal["auto"] = "auto"
    default_pathway: str | None = Field(None, description="taken when the answer names no decision")


class AdvancedAgentSpec(WebhookSpec):
    """An agent stage on Advanced: notifications say that tasks are waiting."""

    mode: Literal["advanced"]
    batch_size: int = Field(1, ge=1)
    max_wait_minutes: float = Field(60, gt=0)


class StageSpec(Spec):
    """What all stages have; `uuid` may be given, other stages refer to it by title or uuid."""

    uuid: str = Field(default_factory=new_uuid)
    title: str


class AnnotationStageSpec(StageSpec):
    """Annotate: a submitted task goes to `next`."""

    type: Literal["annotation"]
    next: str
    webhook: WebhookSpec | None = None


class ReviewStageSpec(StageSpec):
    """Review: an approved task goes to `next`, a rejected one to `reject` (else to where it was annotated)."""

    type: Literal["review"]
    next: str
    reject: str | None = None


class BranchedStageSpec(StageSpec):
    """Several people label the same task, each on a branch of their own."""

    next: str
    annotators: int = Field(2, ge=1)
    webhook: WebhookSpec | None = None


class ConsensusStageSpec(BranchedStageSpec):
    """The annotation half of a consensus block: every task is labelled by `annotators` people on branches."""

    type: Literal["consensus_annotation"]


class ParallelStageSpec(BranchedStageSpec):
    """Parallel annotation: classes divided among people; what they drew on their branches is joined on `main`."""

    type: Literal["parallel_annotation"]
    shown_as: Literal["PARALLEL_ANNOTATION", "CONSENSUS_ANNOTATION"] = Field(
        "PARALLEL_ANNOTATION", description="the type in the API: one that the SDK does not know, or that of a consensus"
    )


class ConsensusReviewStageSpec(StageSpec):
    """The review half of a consensus block: label by label (Review & Refine), or one branch as a whole."""

    type: Literal["consensus_review"]
    way: Literal["review_and_refine", "determine_consensus"] = "review_and_refine"
    next: str
    reject: str | None = None


class PathwaySpec(Spec):
    """A way out of an agent stage; `name` is what a decision must say."""

    uuid: str = Field(default_factory=new_uuid)
    name: str
    to: str


class AgentStageSpec(StageSpec):
    """An agent stage. Without `agent` its tasks wait for the SDK's `proceed`."""

    type: Literal["agent"]
    pathways: list[PathwaySpec] = Field(min_length=1)
    agent: Annotated[AutoAgentSpec | AdvancedAgentSpec, Field(discriminator="mode")] | None = None

    @model_validator(mode="before")
    @classmethod
    def _mode_is_auto_unless_said(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("agent"), dict):
            return {**value, "agent": {"mode": "auto", **value["agent"]}}
        return value


class PercentageRouteSpec(Spec):
    """A share of the tasks."""

    percentage: float = Field(ge=0, le=100)
    to: str


class PercentageRouterSpec(StageSpec):
    """Splits tasks by share; the same data unit always takes the same way."""

    type: Literal["percentage_router"]
    routes: list[PercentageRouteSpec] = Field(min_length=1)


class UserRouteSpec(Spec):
    """The tasks of certain people."""

    users: list[str]
    to: str


class UserRouterSpec(StageSpec):
    """Splits tasks by who acted on them last."""

    type: Literal["user_router"]
    routes: list[UserRouteSpec] = []
    default: str


class CompleteStageSpec(StageSpec):
    """A terminal stage: Complete or Archive."""

    type: Literal["complete"]
    title: str = "Complete"
    webhook: WebhookSpec | None = None


AnyStageSpec = Annotated[
    AnnotationStageSpec
    | ReviewStageSpec
    | ConsensusStageSpec
    | ParallelStageSpec
    | ConsensusReviewStageSpec
    | AgentStageSpec
    | PercentageRouterSpec
    | UserRouterSpec
    | CompleteStageSpec,
    Field(discriminator="type"),
]


class WorkflowSpec(Spec):
    """A workflow graph: where Start leads, and the stages."""

    start: str | None = Field(None, description="title or uuid of the stage after Start; the first one when left out")
    stages: list[AnyStageSpec] = Field(min_length=1)


class WorkflowTemplateSpec(WorkflowSpec):
    """A graph that `create_project(workflow_template_hash=...)` copies."""

    uuid: str = Field(default_factory=new_uuid)
    title: str


class EditorAgentSpec(WebhookSpec):
    """A custom agent registered with a project: it stands in the label editor's *Run agent* menu."""

    name: str
    secret: str = ""


class SubtaskSpec(Spec):
    """One annotator's part of a consensus task."""

    uuid: str = Field(default_factory=new_uuid)
    branch_name: str
    status: str = "NEW"
    assignee: str | None = None
    last_actioned_by: str | None = None
    submitted_at: AwareDatetime | None = Field(None, description="when its annotator handed it in; with a zone")


class TaskSpec(Spec):
    """Where a data unit's task stands; without one a task starts at the workflow's beginning."""

    data_hash: str
    uuid: str = Field(default_factory=new_uuid)
    stage: str
    status: str = "NEW"
    assignee: str | None = None
    last_actioned_by: str | None = None
    annotator: str | None = Field(None, description="who submitted it last")
    submitted_at: AwareDatetime | None = Field(None, description="when they did; with a zone")
    priority: float = Field(0.5, ge=0, le=1)
    subtasks: list[SubtaskSpec] = []


class ProjectSpec(Spec):
    """A project with its workflow; a task is made for every data unit of its datasets."""

    hash: str = Field(default_factory=new_uuid)
    title: str
    description: str = ""
    ontology: str
    datasets: list[str] = []
    users: dict[str, ProjectRole] = {}
    groups: dict[str, ProjectRole] = Field({}, description="by the group's hash")
    tags: list[str] = Field([], description="by name")
    issue_tags: list[str] = []
    status: str = "notStarted"
    workflow: WorkflowSpec | str | None = Field(
        None, description="a graph, a template's title or uuid; Annotate -> Review -> Complete when left out"
    )
    agents: list[EditorAgentSpec] = []
    tasks: list[TaskSpec] = []
