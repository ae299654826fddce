"""What the use cases see of Encord: plain frozen values, no SDK classes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from encord.orm.storage import (
    DataUploadAudio,
    DataUploadDicomSeries,
    DataUploadImage,
    DataUploadImageGroup,
    DataUploadImageGroupFromItems,
    DataUploadNifti,
    DataUploadPDF,
    DataUploadScene,
    DataUploadText,
    DataUploadTimeSeries,
    DataUploadVideo,
)

StageKind = Literal["ANNOTATION", "REVIEW", "CONSENSUS_ANNOTATION", "CONSENSUS_REVIEW", "AGENT", "DONE"]


@dataclass(frozen=True)
class Stage:
    """One stage of a project's workflow; `pathways` (names) and where they lead only on agent stages."""

    uuid: str
    title: str
    kind: StageKind
    pathways: tuple[str, ...] = ()
    leads_to: tuple[str, ...] = ()
    """For each pathway the uuid of its destination, which may be a router, and routers are not listed as stages"""


@dataclass(frozen=True)
class Project:
    """A project with its workflow, its datasets and its ontology's `editor` JSON."""

    project_hash: str
    title: str
    ontology_hash: str
    ontology: Mapping[str, Any] = field(repr=False)
    dataset_titles: Mapping[str, str]
    """dataset hash -> title"""
    stages: tuple[Stage, ...]
    role: str | None = None
    """Of the account that asks, in small letters as in the SDK's `ProjectUserRole`; None: Encord does not say."""

    def agent_stages(self) -> tuple[Stage, ...]:
        """The stages at which a task waits for an agent."""
        return tuple(stage for stage in self.stages if stage.kind == "AGENT")

    def stage(self, *, uuid: str | None = None, title: str | None = None) -> Stage | None:
        """The stage with this uuid, or else with this title; None if the workflow has no such stage."""
        return next((s for s in self.stages if s.uuid == uuid or (uuid is None and s.title == title)), None)


@dataclass(frozen=True)
class LabelRow:
    """Metadata of one label row: one data unit on one label branch. No labels."""

    data_hash: str
    data_title: str
    dataset_hash: str
    branch_name: str
    label_hash: str | None
    """None: never initialised, it holds no labels"""
    last_edited_at: datetime | None
    last_actioned_by: str | None
    stage_uuid: str | None
    stage_title: str | None


@dataclass(frozen=True)
class Task:
    """A task waiting at an agent stage, or finished."""

    uuid: str
    data_hash: str
    data_title: str


@dataclass(frozen=True, slots=True)
class WaitingTask:
    """A task at any stage but the final one, and how far people are with it."""

    data_hash: str
    data_title: str
    changed_at: datetime
    """When Encord last changed it: it came to its stage, was assigned, or a part of it was submitted"""
    assignee: str | None = None
    """None: nobody has it, or it has parts"""
    missing: tuple[str | None, ...] = ()
    """Of a consensus task: the assignees of the parts that are not submitted"""
    parts: int = 0
    """Of a consensus task; 0: it has none"""


@dataclass(frozen=True)
class TaskPage:
    """Some of the tasks that wait at a stage, and where the next ones begin."""

    tasks: list[Task]
    next_token: str | None
    """None: these were the last"""


@dataclass(frozen=True)
class Moved:
    """What became of the tasks that were to leave a stage."""

    moved: int
    already_gone: int

    def __add__(self, other: "Moved") -> "Moved":
        return Moved(self.moved + other.moved, self.already_gone + other.already_gone)


@dataclass(frozen=True, slots=True)
class SeenStage:
    """A stage of a workflow; `pathways` are names, each with the uuid of the stage that it leads to."""

    uuid: str
    title: str
    kind: str
    pathways: Mapping[str, str] = field(default_factory=dict)


Model = (
    DataUploadAudio
    | DataUploadDicomSeries
    | DataUploadImage
    | DataUploadImageGroup
    | DataUploadImageGroupFromItems
    | DataUploadNifti
    | DataUploadPDF
    | DataUploadScene
    | DataUploadText
    | DataUploadTimeSeries
    | DataUploadVideo
)
