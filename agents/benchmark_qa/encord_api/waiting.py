"""Tasks that wait at one stage of any kind: since when, and for whom."""

from itertools import islice

from encord.project import Project as SdkProject
from encord.workflow.common import WorkflowTask
from encord.workflow.stages.annotation import AnnotationTaskStatus
from encord.workflow.stages.consensus_annotation import ConsensusAnnotationTask
from encord.workflow.stages.final import FinalStage

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.models import WaitingTask


def tasks_at(project: SdkProject, stage_uuid: str, at_most: int) -> list[WaitingTask]:
    """The first so many tasks of a stage, as the SDK pages them; none where the stage is final or is not there."""
    stage = next((each for each in project.workflow.stages if str(each.uuid) == stage_uuid), None)
    if stage is None or isinstance(stage, FinalStage):
        return []
    tasks = retries.call(lambda: list(islice(stage.get_tasks(), at_most)))
    return [_waiting(task) for task in tasks]


def _waiting(task: WorkflowTask) -> WaitingTask:
    parts = task.subtasks if isinstance(task, ConsensusAnnotationTask) else []
    return WaitingTask(
        data_hash=str(getattr(task, "data_hash", "")),
        data_title=str(getattr(task, "data_title", "")),
        changed_at=task.updated_at,
        assignee=getattr(task, "assignee", None),
        missing=tuple(part.assignee for part in parts if part.status is not AnnotationTaskStatus.COMPLETED),
        parts=len(parts),
    )
