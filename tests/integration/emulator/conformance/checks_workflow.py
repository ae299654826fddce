"""Checks of workflow stages and tasks."""

from uuid import UUID

import pytest
from encord import Project
from encord.exceptions import AuthorisationError, InvalidArgumentsError
from encord.utilities.project_user import ProjectUserRole
from encord.workflow.stages.annotation import AnnotationTaskStatus
from encord.workflow.stages.review import LabelReviewStatus, ReviewTaskStatus

from tests.integration.emulator.conftest import OPERATOR

from .ground import ANNA, OTTO, TEMPLATE, Ground
from .registry import check


def where(ground: Ground, project: Project) -> list[str]:
    """The stage of every data unit, as another client sees it."""
    return [row.workflow_graph_node.title for row in ground.reread(project).list_label_rows_v2()]


@check("AnnotationStage", "get_tasks")
@check("AnnotationTask", "assign", "release", "submit", "move")
def annotation_tasks_are_assigned_released_submitted_and_moved(ground: Ground) -> None:
    """Tasks are assigned, released, submitted (in bundles) and moved; lists filtered by status and person show it."""
    project = ground.project(images=3)
    project.add_users([ANNA], ProjectUserRole.ANNOTATOR)
    stage = project.workflow.get_stage(name="Annotate")
    first, second, third = stage.get_tasks()
    first.assign(ANNA)
    seen = ground.anna.get_project(project.project_hash).workflow.get_stage(name="Annotate")
    assert [(t.uuid, t.assignee) for t in seen.get_tasks(assignee=ANNA)] == [(first.uuid, ANNA)]
    assert [t.uuid for t in seen.get_tasks(status=AnnotationTaskStatus.ASSIGNED)] == [first.uuid]
    first.release()
    assert [t.uuid for t in stage.get_tasks(status=AnnotationTaskStatus.RELEASED)] == [first.uuid]
    assert [t.uuid for t in stage.get_tasks(data_hash=str(second.data_hash))] == [second.uuid]
    assert list(stage.get_tasks(data_title="no such title")) == []
    with project.create_bundle() as bundle:
        first.submit(bundle=bundle)
        second.submit(assignee=ANNA, bundle=bundle)
    assert where(ground, project) == ["Review", "Review", "Annotate"]
    with pytest.raises(InvalidArgumentsError):
        first.submit()
    third.move(destination_stage_uuid=project.workflow.get_stage(name="Complete").uuid)
    assert where(ground, project) == ["Review", "Review", "Complete"]


@check("ReviewStage", "get_tasks")
@check("ReviewTask", "assign", "release", "approve", "reject", "move", "issues")
def review_tasks_are_assigned_approved_rejected_and_moved(ground: Ground) -> None:
    """Reviews are assigned, released, approved, rejected and moved; another client finds each task where it belongs."""
    project = ground.project(images=3)
    project.add_users([ANNA], ProjectUserRole.REVIEWER)
    for task in project.workflow.get_stage(name="Annotate").get_tasks():
        task.submit()
    stage = ground.reread(project).workflow.get_stage(name="Review")
    first, second, third = stage.get_tasks()
    first.assign(ANNA)
    assert [t.uuid for t in stage.get_tasks(assignee=[ANNA], status=ReviewTaskStatus.ASSIGNED)] == [first.uuid]
    first.release()
    assert [t.assignee for t in stage.get_tasks()] == [None, None, None]
    first.issues.add_file_issue("seen in review", [])
    assert len(list(next(iter(stage.get_tasks())).issues.list())) == 1
    first.approve()
    second.reject(assignee=None)
    third.move(destination_stage_uuid=project.workflow.get_stage(name="Complete").uuid)
    assert where(ground, project) == ["Complete", "Annotate", "Complete"]
    (returned,) = ground.reread(project).workflow.get_stage(name="Annotate").get_tasks()
    assert (returned.uuid, returned.status) == (second.uuid, AnnotationTaskStatus.REOPENED)


@check("ReviewTask", "get_label_reviews")
@check("LabelReview", "approve", "reject", "reopen")
def labels_are_reviewed_one_by_one(ground: Ground) -> None:
    """The review of a label is approved, reopened and rejected; another client reads the status each time."""
    project = ground.project()
    row = ground.row(project, drawn=True)
    (task,) = project.workflow.get_stage(name="Annotate").get_tasks()
    task.submit()
    (review_task,) = project.workflow.get_stage(name="Review").get_tasks()
    (review,) = review_task.get_label_reviews()
    assert (review.label_type, review.label_id) == ("Object", row.get_object_instances()[0].object_hash)

    def status() -> LabelReviewStatus:
        (again,) = ground.reread(project).workflow.get_stage(name="Review").get_tasks()
        return next(iter(again.get_label_reviews())).status

    assert status() == LabelReviewStatus.NEW
    review.approve()
    assert status() == LabelReviewStatus.APPROVED
    review.reopen()
    assert status() == LabelReviewStatus.REOPENED
    review.reject(comment="too small")
    assert status() == LabelReviewStatus.REJECTED


@check("AgentStage", "get_tasks")
@check("AgentTask", "proceed", "move", "issues")
def agent_tasks_proceed_along_pathways(ground: Ground) -> None:
    """Tasks proceed by the name and by the uuid of a pathway and are moved; a wrong pathway moves nothing."""
    project = ground.project(images=3, template=TEMPLATE)
    stage = project.workflow.get_stage(name="Routing")
    first, second, third = stage.get_tasks()
    with pytest.raises(InvalidArgumentsError):
        first.proceed(pathway_name="Maybe")
    first.proceed(pathway_name="No")
    yes = next(pathway for pathway in stage.pathways if pathway.name == "Yes")
    second.proceed(pathway_uuid=yes.uuid)
    third.issues.add_file_issue("an agent's remark", [])
    assert len(list(third.issues.list())) == 1
    third.move(destination_stage_uuid=project.workflow.get_stage(name="Score").uuid)
    assert where(ground, project) == ["Annotate", "Consensus", "Score"]
    assert [task.data_hash for task in ground.reread(project).workflow.get_stage(name="Score").get_tasks()] == [
        third.data_hash
    ]


@check("ConsensusAnnotationStage", "get_tasks")
@check("ConsensusAnnotationTask", "move")
@check("ConsensusReviewStage", "get_tasks")
@check("ConsensusReviewTask", "assign", "release", "approve", "reject", "move", "issues")
def a_consensus_is_reached(ground: Ground) -> None:
    """Two people label on branches of their own; the review lists both, is assigned, rejected, approved and moved."""
    project = ground.project(images=3, template=TEMPLATE)
    project.add_users([ANNA, OTTO], ProjectUserRole.ANNOTATOR)
    for task in project.workflow.get_stage(name="Routing").get_tasks():
        task.proceed(pathway_name="Yes")
    consensus = project.workflow.get_stage(name="Consensus")
    tasks = list(consensus.get_tasks())
    tasks[2].move(destination_stage_uuid=project.workflow.get_stage(name="Score").uuid)
    for task in tasks[:2]:
        for email, subtask in zip((ANNA, OTTO), task.subtasks, strict=True):
            subtask.assign(email)
            subtask.submit()
    assert where(ground, project) == ["Review & Refine", "Review & Refine", "Score"]
    stage = ground.reread(project).workflow.get_stage(name="Review & Refine")
    first, second = stage.get_tasks()
    assert [option.annotator for option in first.options] == [ANNA, OTTO]
    assert len({option.label_branch_name for option in first.options}) == 2
    first.assign(OPERATOR)
    assert [task.assignee for task in stage.get_tasks(data_hash=first.data_hash)] == [OPERATOR]
    first.release()
    assert [task.assignee for task in stage.get_tasks(data_hash=first.data_hash)] == [None]
    first.issues.add_file_issue("they differ", [])
    assert len(list(first.issues.list())) == 1
    with pytest.raises(AuthorisationError):
        next(
            iter(ground.anna.get_project(project.project_hash).workflow.get_stage(name="Review & Refine").get_tasks())
        ).approve()
    first.approve()
    second.reject()
    assert where(ground, project) == ["Score", "Consensus", "Score"]
    (returned,) = consensus.get_tasks()
    for subtask in returned.subtasks:
        subtask.submit()
    (second_again,) = stage.get_tasks()
    second_again.move(destination_stage_uuid=project.workflow.get_stage(name="Complete").uuid)
    assert where(ground, project) == ["Score", "Complete", "Score"]


@check("FinalStage", "get_tasks")
@check("FinalStageTask", "move")
def completed_tasks_are_listed_and_taken_back(ground: Ground) -> None:
    """A completed task is listed, by data unit and title too, and moved back to annotation."""
    project = ground.project()
    (task,) = project.workflow.get_stage(name="Annotate").get_tasks()
    task.move(destination_stage_uuid=project.workflow.get_stage(name="Complete").uuid)
    final = ground.reread(project).workflow.get_stage(name="Complete")
    (done,) = final.get_tasks(data_hash=task.data_hash, data_title=task.data_title)
    assert done.uuid == task.uuid
    done.move(destination_stage_uuid=project.workflow.get_stage(name="Annotate").uuid)
    assert where(ground, project) == ["Annotate"]
    assert list(final.get_tasks(data_hash=UUID(int=5))) == []
