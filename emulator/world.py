"""The world file: everything an emulator knows when it starts, as JSON.

Only what a test or a demo cares about has to be written down: every hash and uuid that is left out is generated, and
references (`to`, `next`, `ontology`, ...) may name a thing by its title as long as that is unambiguous.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from emulator.errors import WorldError

ProjectRole = Literal["admin", "annotator", "reviewer", "annotator_reviewer", "team_manager", "viewer"]
DatasetRole = Literal["admin", "user"]
DataType = Literal[
    "image", "img_group", "image_sequence", "video", "audio", "plain_text", "html", "pdf", "dicom", "dicom_file",
    "nifti", "time_series", "group", "scene",
]  # fmt: skip


def new_uuid() -> str:
    """A fresh identifier in the platform's spelling: lower case, with dashes."""
    return str(uuid4())


class Spec(BaseModel):
    """What every part of a world file has in common: an unknown key is an error, not a silent no-op."""

    model_config = ConfigDict(extra="forbid")


class Switches(Spec):
    """Behaviour that Encord does not document: both readings are on offer."""

    auto_retries: int = Field(3, ge=0, description="further attempts after a failed custom agent call or webhook")
    auto_retry_delay_seconds: float = Field(0.5, ge=0, description="before the first retry; doubles every time")
    agent_concurrency: int = Field(8, ge=1, le=256, description="custom agent calls under way at one time")
    agent_timeout_seconds: float = Field(180, gt=0, description="how long an agent may take to answer")
    reading_marks_in_progress: bool = Field(True, description="reading a label row sets LABEL_IN_PROGRESS")
    signature_headers: Literal["current", "both", "next"] = Field(
        "current", description="today's signature header, a second one beside it, or only the second one"
    )
    webhook_hashes: Literal["list", "string"] = Field("list", description="shape of data_hashes in stage webhooks")
    submitted_event_type: Literal["task_submitted_event", "task_sumbitted_event"] = "task_submitted_event"
    consensus_approval: Literal["first_branch_becomes_main", "main_stays"] = "first_branch_becomes_main"
    upload_job_seconds: float = Field(0, ge=0, description="upload jobs stay PENDING so long, on the platform's clock")
    rejected_task_keeps_annotator: bool = Field(True, description="a rejected task returns to who submitted it")


class UserSpec(Spec):
    """An account; requests signed with one of its keys are made in its name."""

    email: str
    name: str | None = None
    public_keys: list[str] = Field([], description="OpenSSH lines (ssh-ed25519 AAAA...) or 64 hex digits")
    organisation_admin: bool = False


class GroupSpec(Spec):
    """People who are given access together."""

    hash: str = Field(default_factory=new_uuid)
    name: str
    description: str = ""
    users: list[str] = []


class TagSpec(Spec):
    """A tag of the organisation."""

    uuid: str = Field(default_factory=new_uuid)
    name: str
    description: str = ""


class OntologySpec(Spec):
    """An ontology; `editor` is Encord's own ontology JSON: objects, classifications, skeleton_templates."""

    hash: str = Field(default_factory=new_uuid)
    title: str
    description: str = ""
    editor: dict[str, Any] = {}
    users: dict[str, DatasetRole] = {}
    groups: dict[str, DatasetRole] = Field({}, description="by the group's hash")


class ItemSpec(Spec):
    """A storage item, or the storage item behind a data unit."""

    uuid: str = Field(default_factory=new_uuid)
    name: str
    type: DataType = "image"
    width: int | None = None
    height: int | None = None
    mime_type: str | None = None
    file: Path | None = Field(None, description="bytes that the signed URL serves; relative to the world file")
    content_base64: str | None = Field(None, description="the same bytes, in place")
    url: str | None = Field(None, description="where the object lies in a cloud bucket")
    client_metadata: dict[str, Any] = {}
    frames: int | None = Field(None, description="frames, slices, pages")
    fps: float | None = None
    duration: float | None = Field(None, description="seconds")
    sample_rate: int | None = None
    bit_depth: int | None = None
    codec: str | None = None
    channels: int | None = None
    dicom_instance_uid: str | None = None
    dicom_study_uid: str | None = None
    dicom_series_uid: str | None = None
    file_size: int | None = Field(None, description="bytes, of an object whose bytes are not given here")
    integration: str | None = Field(None, description="uuid of the integration that reads `url`")
    storage_location: Literal["encord", "gcp", "s3", "azure", "openTelekom", "directAccess", "s3Compatible"] = "encord"
    description: str = ""
    settings: dict[str, Any] = Field({}, description="timeseriesSettings, sceneViewSettings, sceneLayout")
    layout: dict[str, Any] | None = Field(None, description="of a data group, as the SDK sends it")
    scene: dict[str, Any] | None = Field(None, description="streams of a scene, as the SDK's builder writes them")
    children: list["ItemSpec"] = Field([], description="frames of an image group, files of a DICOM series")
    members: list[str] = Field([], description="instead: uuids of items given elsewhere, as in a data group")


class FolderSpec(Spec):
    """A storage folder with its items and folders."""

    uuid: str = Field(default_factory=new_uuid)
    name: str
    description: str = ""
    client_metadata: dict[str, Any] | None = None
    owner: str | None = Field(None, description="e-mail; the first user when left out")
    users: dict[str, DatasetRole] = {}
    groups: dict[str, DatasetRole] = Field({}, description="by the group's hash")
    integration: str | None = Field(None, description="uuid of the integration of a folder synced with a bucket")
    remote_url: str | None = Field(None, description="what of the bucket such a folder follows")
    config: dict[str, Any] = {}
    items: list[ItemSpec] = []
    folders: list["FolderSpec"] = []


class IntegrationSpec(Spec):
    """A cloud integration; with `objects` only these URLs exist in its bucket, without them every URL does."""

    uuid: str = Field(default_factory=new_uuid)
    title: str
    objects: list[str] | None = None


class DataSpec(ItemSpec):
    """One data unit of a dataset: its data hash, and either the uuid of an item above or the item itself."""

    hash: str = Field(default_factory=new_uuid)
    name: str = Field("", alias="title")
    item: str | None = Field(None, description="uuid of an item in `folders`; the other keys are then not needed")

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class DatasetSpec(Spec):
    """A dataset; items given in place lie in a folder of the dataset's own."""

    hash: str = Field(default_factory=new_uuid)
    title: str
    description: str = ""
    users: dict[str, DatasetRole] = {}
    groups: dict[str, DatasetRole] = Field({}, description="by the group's hash")
    folder: str | None = Field(None, description="uuid of a folder in `folders` that it mirrors; else one is made")
    mirrored: bool = Field(True, description="false: it mirrors no folder, and every data unit names its item")
    data: list[DataSpec] = []


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


class ConsensusStageSpec(StageSpec):
    """The annotation half of a consensus block: every task is labelled by `annotators` people on branches."""

    type: Literal["consensus_annotation"]
    next: str
    annotators: int = Field(2, ge=1)
    webhook: WebhookSpec | None = None


class ConsensusReviewStageSpec(StageSpec):
    """The Review & Refine half of a consensus block."""

    type: Literal["consensus_review"]
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


class TaskSpec(Spec):
    """Where a data unit's task stands; without one a task starts at the workflow's beginning."""

    data_hash: str
    uuid: str = Field(default_factory=new_uuid)
    stage: str
    status: str = "NEW"
    assignee: str | None = None
    last_actioned_by: str | None = None
    annotator: str | None = Field(None, description="who submitted it last")
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


class LabelSpec(Spec):
    """A label row that exists from the start; `labels` is Encord's label row JSON, or the parts of it that matter."""

    project: str
    data_hash: str
    branch_name: str = "main"
    label_hash: str = Field(default_factory=new_uuid)
    label_status: str = "LABEL_IN_PROGRESS"
    created_by: str | None = None
    labels: dict[str, Any] = {}


class World(Spec):
    """A whole world; every list may be empty, and several worlds may be loaded one after the other."""

    version: Literal[1] = 1
    switches: Switches = Switches()
    users: list[UserSpec] = []
    groups: list[GroupSpec] = []
    tags: list[TagSpec] = []
    metadata_schema: dict[str, Any] | None = Field(None, description="types of client metadata keys, as the SDK's")
    ontologies: list[OntologySpec] = []
    integrations: list[IntegrationSpec] = []
    folders: list[FolderSpec] = []
    datasets: list[DatasetSpec] = []
    workflow_templates: list[WorkflowTemplateSpec] = []
    projects: list[ProjectSpec] = []
    labels: list[LabelSpec] = []

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """A world out of JSON text.

        Raises:
            WorldError: naming every key that is wrong.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise WorldError(_explain(error)) from None

    @classmethod
    def read(cls, path: Path) -> Self:
        """A world out of a file; `file` entries are taken relative to it."""
        world = cls.parse(path.read_bytes())
        for item in world._items():
            if item.file is not None:
                item.file = path.parent / item.file
        return world

    def names_files(self) -> bool:
        """Whether an item's bytes are to be read from a file of this machine."""
        return any(item.file is not None for item in self._items())

    def _items(self) -> list[ItemSpec]:
        pending: list[ItemSpec] = [item for dataset in self.datasets for item in dataset.data]
        folders = list(self.folders)
        while folders:
            folder = folders.pop()
            folders.extend(folder.folders)
            pending.extend(folder.items)
        found: list[ItemSpec] = []
        while pending:
            item = pending.pop()
            pending.extend(item.children)
            found.append(item)
        return found


def _explain(error: ValidationError) -> str:
    lines = [f"  {'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()]
    return "the world file is not valid:\n" + "\n".join(lines)
