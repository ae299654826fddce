"""The world file: everything an emulator knows when it starts, as JSON.

Only what a test or a demo cares about has to be written down: every hash and uuid that is left out is generated, and
references (`to`, `next`, `ontology`, ...) may name a thing by its title as long as that is unambiguous.
"""

# pydantic copies default values: ruff does not see that these are its models.
# ruff: noqa: RUF012

import os
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field, ValidationError

from emulator.errors import WorldError
from emulator.projects.world import ProjectSpec, WorkflowTemplateSpec
from emulator.spec import Spec, new_uuid

DatasetRole = Literal["admin", "user"]
DataType = Literal[
    "image", "img_group", "image_sequence", "video", "audio", "plain_text", "html", "pdf", "dicom", "dicom_file",
    "nifti", "time_series", "group", "scene",
]  # fmt: skip


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
    webhook_parts: bool = Field(True, description="submitting one part of a consensus task is an event by itself")
    webhook_moves: bool = Field(True, description="a task that the SDK moves to Complete is an event as well")
    agent_retry_after: Literal["ignored", "obeyed"] = Field(
        "ignored", description="whether the pause after a failed agent call is at least its Retry-After"
    )
    consensus_approval: Literal["first_branch_becomes_main", "main_stays"] = "first_branch_becomes_main"
    consensus_branches_after_block: Literal["listed", "hidden"] = "listed"
    consensus_entered_again: Literal["same_branches", "new_branches"] = Field(
        "same_branches", description="what a task gets that is rejected or moved back into its consensus block"
    )
    branch_author: Literal["annotator", "last_person"] = Field(
        "annotator", description="who last acted on a consensus branch once the block has been reviewed"
    )
    moved_task_keeps_annotator: bool = Field(False, description="a task moved to annotation goes to who submitted it")
    detached_labels: Literal["dropped", "kept"] = Field(
        "dropped", description="what a dataset that is attached again finds of its labels"
    )
    priority_digits: int = Field(15, ge=1, le=15, description="digits after the point that a priority keeps")
    row_timestamps: Literal["plain", "rfc_1123"] = Field(
        "plain", description="`2025-01-07 16:12:23`, as recorded rows have it, or `Tue, 07 Jan 2025 16:12:23 UTC`"
    )
    largest_bundle: int = Field(1000, ge=1, description="most label rows, actions or priorities of one request")
    template_stage_uuids: Literal["new", "kept"] = Field(
        "new", description="whether the stages of a project made from a template have uuids of their own"
    )
    upload_job_seconds: float = Field(0, ge=0, description="upload jobs stay PENDING so long, on the platform's clock")
    rejected_task_keeps_annotator: bool = Field(True, description="a rejected task returns to who submitted it")


TURNED = "EMULATOR_SWITCHES"
"""Environment variable: switches to be turned in every world that does not set them itself, as JSON."""


def turned(switches: Switches) -> Switches:
    """Switches of a world with those that the environment turns.

    Raises:
        WorldError: when the variable does not hold switches.
    """
    try:
        others = Switches.model_validate_json(os.environ.get(TURNED) or "{}")
    except ValidationError as error:
        raise WorldError(f"{TURNED}: {_explain(error)}") from None
    return switches.model_copy(
        update={
            name: getattr(others, name) for name in others.model_fields_set if name not in switches.model_fields_set
        }
    )


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
    dicom_patient_id: str | None = None
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


class LabelSpec(Spec):
    """A label row that exists from the start; `labels` is Encord's label row JSON, or the parts of it that matter."""

    project: str
    data_hash: str
    branch_name: str = "main"
    label_hash: str = Field(default_factory=new_uuid)
    label_status: str = "LABEL_IN_PROGRESS"
    created_by: str | None = None
    created_at: AwareDatetime | None = Field(None, description="with a zone; when the world is loaded, if left out")
    last_edited_at: AwareDatetime | None = Field(
        None, description="if left out: when the work was submitted, or when the world is loaded"
    )
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
