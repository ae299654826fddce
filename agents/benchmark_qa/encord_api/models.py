"""Values from Encord for the use cases: plain frozen classes without SDK types."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Self

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

MAIN = "main"
ENCORDS_PREFIX = "encord-"
"""How the names of the branches begin that Encord makes for annotators."""
CONSENSUS_KIND: StageKind = "CONSENSUS_ANNOTATION"
"""Kind of the stage at which several annotators label the same data unit, each on a branch."""
ANNOTATION_KINDS: frozenset[str] = frozenset({"ANNOTATION", "CONSENSUS_ANNOTATION"})
"""Kinds of the stages at which a task is with its annotators."""
KINDS_BEFORE_WORK: frozenset[str] = ANNOTATION_KINDS | {"AGENT"}
"""Kinds of the stages at which a task may wait before anybody has worked on it."""


@dataclass(frozen=True)
class Stage:
    """One stage of a project's workflow. `pathways` (names) and `leads_to` are set on agent stages only."""

    uuid: str
    title: str
    kind: StageKind
    pathways: tuple[str, ...] = ()
    leads_to: tuple[str, ...] = ()
    """The uuid of each pathway's destination. It may be a router, and routers are not listed as stages."""

    @property
    def destinations(self) -> Mapping[str, str]:
        """Pathway's name -> uuid of its destination."""
        return dict(zip(self.pathways, self.leads_to, strict=True))


@dataclass(frozen=True)
class Project:
    """A project with its workflow, its datasets and its ontology's `editor` JSON."""

    project_hash: str
    title: str
    ontology_hash: str
    ontology: Mapping[str, Any] = field(repr=False)
    dataset_titles: Mapping[str, str]
    """Titles by dataset hash."""
    stages: tuple[Stage, ...]
    role: str | None = None
    """The account's `ProjectUserRole` in lower case; None: Encord does not return it."""

    def agent_stages(self) -> tuple[Stage, ...]:
        """The stages at which a task waits for an agent."""
        return tuple(stage for stage in self.stages if stage.kind == "AGENT")

    def stage(self, *, uuid: str | None = None, title: str | None = None) -> Stage | None:
        """The stage with this uuid, or else with this title; None if the workflow has no such stage."""
        return next((s for s in self.stages if s.uuid == uuid or (uuid is None and s.title == title)), None)


@dataclass(frozen=True)
class UnreadRow:
    """A label row whose JSON was not parsed, or cannot be."""

    reason: str
    """Follows "label row" in a message."""

    def __str__(self) -> str:
        return self.reason

    @classmethod
    def too_large(cls, limit: int) -> Self:
        """A row of more than so many bytes, or of so many values that they would take too much memory."""
        advice = "divide it, or raise 'largest_label_row_mb'"
        return cls(f"has more than {limit // 1024**2} MB of JSON, or too many values; {advice}")


NOT_JSON = UnreadRow("cannot be parsed: it is nested too deeply, or has NaN, a huge number or half a character")


@dataclass(frozen=True)
class LabelRow:
    """Metadata of one label row: one data unit on one label branch. No labels."""

    data_hash: str
    data_title: str
    dataset_hash: str
    branch_name: str
    label_hash: str | None
    """None: never initialised, so it has no labels."""
    last_edited_at: datetime | None
    last_actioned_by: str | None
    stage_uuid: str | None
    stage_title: str | None


@dataclass(frozen=True)
class Task:
    """A task that waits at an agent stage, or is finished."""

    uuid: str
    data_hash: str
    data_title: str


@dataclass(frozen=True, slots=True)
class WaitingTask:
    """A task at any stage but the final one, with its assignees and parts."""

    data_hash: str
    data_title: str
    changed_at: datetime
    """When Encord last changed it: it reached its stage, was assigned, or a part of it was submitted."""
    assignee: str | None = None
    """None: it is not assigned, or it has parts."""
    missing: tuple[str | None, ...] = ()
    """Assignees of the parts of a consensus task that are not submitted."""
    parts: int = 0
    """Number of parts of a consensus task; 0 for other tasks."""


@dataclass(frozen=True)
class TaskPage:
    """One page of the tasks at a stage, and the token of the next page."""

    tasks: list[Task]
    next_token: str | None
    """None: this is the last page."""


@dataclass(frozen=True)
class Moved:
    """Numbers of tasks that were moved and that had left the stage already."""

    moved: int
    already_gone: int

    def __add__(self, other: "Moved") -> "Moved":
        return Moved(self.moved + other.moved, self.already_gone + other.already_gone)


@dataclass(frozen=True, slots=True)
class SeenStage:
    """A stage of a workflow. `pathways`: the uuid of the destination by pathway name."""

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
