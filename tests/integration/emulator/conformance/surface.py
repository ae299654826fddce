"""What there is to conform to: every public method and property of the SDK's classes, found by looking at them."""

import inspect
from collections.abc import Iterator
from types import CodeType
from typing import Any

from encord.collection import Collection, ProjectCollection
from encord.dataset import Dataset
from encord.filter_preset import FilterPreset, ProjectFilterPreset
from encord.group import Group
from encord.issues.issue_client import TaskIssues
from encord.metadata_schema import MetadataSchema
from encord.objects import LabelRowV2
from encord.ontology import Ontology
from encord.project import Project
from encord.storage import StorageFolder, StorageItem
from encord.user_client import EncordUserClient
from encord.workflow.stages.agent import AgentStage, AgentTask
from encord.workflow.stages.annotation import AnnotationStage, AnnotationTask
from encord.workflow.stages.consensus_annotation import ConsensusAnnotationStage, ConsensusAnnotationTask
from encord.workflow.stages.consensus_review import ConsensusReviewStage, ConsensusReviewTask
from encord.workflow.stages.final import FinalStage, FinalStageTask
from encord.workflow.stages.review import LabelReview, ReviewStage, ReviewTask
from encord.workflow.workflow import Workflow

CLASSES: tuple[type, ...] = (
    EncordUserClient,
    Project,
    Dataset,
    Ontology,
    StorageFolder,
    StorageItem,
    LabelRowV2,
    LabelRowV2.FrameView,
    LabelRowV2.FrameViewMetadata,
    Workflow,
    AnnotationStage,
    AnnotationTask,
    ReviewStage,
    ReviewTask,
    LabelReview,
    ConsensusAnnotationStage,
    ConsensusAnnotationTask,
    ConsensusReviewStage,
    ConsensusReviewTask,
    AgentStage,
    AgentTask,
    FinalStage,
    FinalStageTask,
    TaskIssues,
    Collection,
    ProjectCollection,
    FilterPreset,
    ProjectFilterPreset,
    Group,
    MetadataSchema,
)


def _members(cls: type) -> Iterator[tuple[str, CodeType]]:
    """The public methods and properties of a class that run code of the SDK, and that code."""
    for name in sorted(dir(cls)):
        if name.startswith(("_", "model_")):
            continue
        owner = next(base for base in cls.__mro__ if name in vars(base))
        if owner.__module__.partition(".")[0] != "encord" or owner.__name__ == "BaseDTO":
            continue
        code = _code(vars(owner)[name])
        if code is not None:
            yield f"{cls.__qualname__}.{name}", code


def _code(member: Any) -> CodeType | None:
    if isinstance(member, property):
        member = member.fget
    if isinstance(member, staticmethod | classmethod):
        member = member.__func__
    if not inspect.isroutine(member):
        return None
    return inspect.unwrap(member).__code__


SURFACE: dict[str, CodeType] = {name: code for cls in CLASSES for name, code in _members(cls)}
"""`Class.member` to the code that runs when it is used."""
