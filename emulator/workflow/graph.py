"""The graph of a workflow: a world file's `WorkflowSpec` whose references are all uuids of its own stages."""

from collections.abc import Callable, Iterator
from typing import Literal

from emulator.errors import InvalidArgumentsError, WorldError
from emulator.projects.world import (
    AgentStageSpec,
    AnnotationStageSpec,
    AnyStageSpec,
    BranchedStageSpec,
    CompleteStageSpec,
    ConsensusReviewStageSpec,
    ConsensusStageSpec,
    ParallelStageSpec,
    PathwaySpec,
    PercentageRouterSpec,
    ReviewStageSpec,
    UserRouterSpec,
    WorkflowSpec,
)
from emulator.spec import new_uuid

StageUuids = Literal["new", "kept"]

STANDARD_WORKFLOW = WorkflowSpec(
    stages=[
        AnnotationStageSpec(type="annotation", title="Annotate", next="Review"),
        ReviewStageSpec(type="review", title="Review", next="Complete", reject="Annotate"),
        CompleteStageSpec(type="complete"),
    ]
)


class Graph:
    """The stages of one project's workflow, by uuid, and where Start leads."""

    def __init__(self, spec: WorkflowSpec) -> None:
        self.spec = spec.model_copy(deep=True)
        self.stages: dict[str, AnyStageSpec] = {stage.uuid: stage for stage in self.spec.stages}
        if len(self.stages) != len(self.spec.stages):
            raise WorldError("two stages of a workflow have the same uuid")
        for stage in self.spec.stages:
            _refer(stage, self.uuid_of)
        self.start = self.uuid_of(self.spec.start) if self.spec.start else self.spec.stages[0].uuid
        self.spec.start = self.start

    @classmethod
    def copied(cls, spec: WorkflowSpec, stages: StageUuids) -> "Graph":
        """A graph of the same form: its pathways keep their uuids, its stages keep them or get new ones."""
        copied = cls(spec).spec
        if stages == "new":
            fresh = {stage.uuid: new_uuid() for stage in copied.stages}
            for stage in copied.stages:
                stage.uuid = fresh[stage.uuid]
                _refer(stage, fresh.__getitem__)
            copied.start = fresh[copied.start] if copied.start else None
        return cls(copied)

    def stage(self, uuid: str) -> AnyStageSpec:
        """The stage of that uuid, for a request that names it."""
        try:
            return self.stages[uuid.lower()]
        except KeyError:
            raise InvalidArgumentsError(f"The workflow has no stage {uuid}") from None

    def uuid_of(self, reference: str) -> str:
        """The uuid of the stage that a world file names by title or uuid."""
        if reference in self.stages:
            return reference
        found = [stage.uuid for stage in self.stages.values() if stage.title == reference]
        if len(found) != 1:
            raise WorldError(f"the workflow has {len(found)} stages titled {reference!r}")
        return found[0]

    def annotation_stages(self) -> Iterator[AnnotationStageSpec | ConsensusStageSpec | ParallelStageSpec]:
        """The stages where people draw."""
        for stage in self.stages.values():
            if isinstance(stage, AnnotationStageSpec | ConsensusStageSpec | ParallelStageSpec):
                yield stage

    def final_stage(self) -> CompleteStageSpec:
        """The first terminal stage."""
        for stage in self.stages.values():
            if isinstance(stage, CompleteStageSpec):
                return stage
        raise InvalidArgumentsError("The workflow has no final stage")


def _refer(stage: AnyStageSpec, uuid_of: Callable[[str], str]) -> None:
    """Changes every reference of a stage to another stage."""
    match stage:
        case AnnotationStageSpec() | BranchedStageSpec():
            stage.next = uuid_of(stage.next)
        case ReviewStageSpec() | ConsensusReviewStageSpec():
            stage.next = uuid_of(stage.next)
            stage.reject = uuid_of(stage.reject) if stage.reject else None
        case AgentStageSpec():
            for pathway in stage.pathways:
                pathway.to = uuid_of(pathway.to)
        case PercentageRouterSpec():
            for share in stage.routes:
                share.to = uuid_of(share.to)
        case UserRouterSpec():
            stage.default = uuid_of(stage.default)
            for route in stage.routes:
                route.to = uuid_of(route.to)
        case CompleteStageSpec():
            pass


def pathway_named(stage: AgentStageSpec, name: str) -> PathwaySpec | None:
    """The pathway of exactly that name."""
    return next((pathway for pathway in stage.pathways if pathway.name == name), None)
