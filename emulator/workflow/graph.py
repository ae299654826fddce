"""The graph of a workflow: a world file's `WorkflowSpec` whose references are all uuids of its own stages."""

from collections.abc import Iterator

from emulator.errors import InvalidArgumentsError, WorldError
from emulator.projects.world import (
    AgentStageSpec,
    AnnotationStageSpec,
    AnyStageSpec,
    CompleteStageSpec,
    ConsensusReviewStageSpec,
    ConsensusStageSpec,
    PathwaySpec,
    PercentageRouterSpec,
    ReviewStageSpec,
    UserRouterSpec,
    WorkflowSpec,
)
from emulator.spec import new_uuid

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
            self._resolve(stage)
        self.start = self.uuid_of(self.spec.start) if self.spec.start else self.spec.stages[0].uuid
        self.spec.start = self.start

    @classmethod
    def copied(cls, spec: WorkflowSpec) -> "Graph":
        """A graph of the same form whose stages and pathways have uuids of their own."""
        graph = cls(spec)
        fresh = {uuid: new_uuid() for uuid in graph.stages}
        text = graph.spec.model_dump_json()
        for old, new in fresh.items():
            text = text.replace(old, new)
        copied = WorkflowSpec.model_validate_json(text)
        for stage in copied.stages:
            if isinstance(stage, AgentStageSpec):
                for pathway in stage.pathways:
                    pathway.uuid = new_uuid()
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

    def annotation_stages(self) -> Iterator[AnnotationStageSpec | ConsensusStageSpec]:
        """The stages where people draw."""
        for stage in self.stages.values():
            if isinstance(stage, AnnotationStageSpec | ConsensusStageSpec):
                yield stage

    def final_stage(self) -> CompleteStageSpec:
        """The first terminal stage."""
        for stage in self.stages.values():
            if isinstance(stage, CompleteStageSpec):
                return stage
        raise InvalidArgumentsError("The workflow has no final stage")

    def _resolve(self, stage: AnyStageSpec) -> None:
        match stage:
            case AnnotationStageSpec() | ConsensusStageSpec():
                stage.next = self.uuid_of(stage.next)
            case ReviewStageSpec() | ConsensusReviewStageSpec():
                stage.next = self.uuid_of(stage.next)
                stage.reject = self.uuid_of(stage.reject) if stage.reject else None
            case AgentStageSpec():
                for pathway in stage.pathways:
                    pathway.to = self.uuid_of(pathway.to)
            case PercentageRouterSpec():
                for share in stage.routes:
                    share.to = self.uuid_of(share.to)
            case UserRouterSpec():
                stage.default = self.uuid_of(stage.default)
                for route in stage.routes:
                    route.to = self.uuid_of(route.to)
            case CompleteStageSpec():
                pass


def pathway_named(stage: AgentStageSpec, name: str) -> PathwaySpec | None:
    """The pathway of exactly that name."""
    return next((pathway for pathway in stage.pathways if pathway.name == name), None)
