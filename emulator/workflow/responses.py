"""Workflows and tasks on the wire."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from emulator.errors import AuthorisationError, InvalidArgumentsError
from emulator.http.calls import Call, LegacyCall
from emulator.http.routes import Routes
from emulator.projects.models import Project
from emulator.projects.roles import REVIEWING, may_manage
from emulator.projects.world import (
    AgentStageSpec,
    AnnotationStageSpec,
    AnyStageSpec,
    BranchedStageSpec,
    CompleteStageSpec,
    ConsensusReviewStageSpec,
    ParallelStageSpec,
    ReviewStageSpec,
)
from emulator.wire import PAGE_SIZE, iso, page
from emulator.workflow.actions import Actions, Actor, move_tasks
from emulator.workflow.graph import Graph
from emulator.workflow.tasks import FRONT, Place, Subtask, Task

routes = Routes()

# Routers are part of the graph, but the SDK's project would not load if they were listed.
_STAGE_TYPES: dict[str, str] = {
    "annotation": "ANNOTATION",
    "review": "REVIEW",
    "consensus_annotation": "CONSENSUS_ANNOTATION",
    "consensus_review": "CONSENSUS_REVIEW",
    "agent": "AGENT",
    "complete": "DONE",
}


@routes.get("projects/{project}/workflow/stages/{stage}/tasks")
def list_tasks(call: Call) -> Any:
    """A page of the tasks at a stage; the cursor is the last task's place, so moves in between do no harm."""
    project = call.project()
    stage = project.flow.graph.stage(call.params["stage"])
    actor = project.actor(call.user.email)
    tests = [_visible(stage, actor), *_task_tests(stage, call)]
    found = (task for task in _candidates(project, stage, call) if all(test(task) for test in tests))
    tasks = list(islice(found, PAGE_SIZE + 1))
    more = len(tasks) > PAGE_SIZE
    return {
        "results": [_task_dto(task, stage, project, actor) for task in tasks[:PAGE_SIZE]],
        "nextPageToken": _token(tasks[PAGE_SIZE - 1]) if more else None,
    }


@routes.post("projects/{project}/workflow/stages/{stage}/actions")
def do_actions(call: Call) -> Any:
    """All of these actions, or none."""
    project = call.project()
    stage = project.flow.graph.stage(call.params["stage"])
    call.refuse_more_than_a_bundle(call.records)
    Actions(project.flow, stage, project.actor(call.user.email)).do(call.records)


@routes.post("projects/{project}/workflow/stages/{stage}/move-tasks")
def move(call: Call) -> Any:
    """Moves tasks to another stage."""
    project = call.managed_project()
    origin = project.flow.graph.stage(call.params["stage"])
    call.refuse_more_than_a_bundle(call.names("taskUuids"))
    move_tasks(project.flow, origin, call.names("taskUuids"), str(call.field("destinationStageUuid")), call.user.email)


@routes.get("projects/{project}/workflow/stages/{stage}/tasks/{task}/reviews")
def list_label_reviews(call: Call) -> Any:
    """The label reviews of a task."""
    task = _task_at(call.project(), call)
    found = [
        {"reviewUuid": r.uuid, "status": r.status, "labelType": r.label_type, "labelId": r.label_id}
        for r in task.reviews.all()
    ]
    return page(found, call.query.get("pageToken"))


@routes.post("projects/{project}/workflow/stages/{stage}/tasks/{task}/reviews/actions")
def do_review_actions(call: Call) -> Any:
    """All of these actions on label reviews, or none."""
    project = call.project()
    task = _task_at(project, call)
    actor = project.actor(call.user.email)
    if not may_manage(actor.role) and (actor.role not in REVIEWING or task.assignee not in (None, actor.email)):
        raise AuthorisationError("You may not review this task")
    call.refuse_more_than_a_bundle(call.records)
    task.reviews.act(call.records)


@routes.query("project", "labelworkflowgraphnode", "POST")
def complete_or_reopen(call: LegacyCall) -> Any:
    """Sends the tasks of label rows to the end, or back to the first annotation stage."""
    project = call.managed_project()
    action = call.payload.get("action")
    if action not in ("complete", "reopen"):
        raise InvalidArgumentsError(f"{action!r} is not an action")
    call.refuse_more_than_a_bundle(call.uids())
    tasks = [project.flow.by_data[project.rows.of_hash(label_hash).data_hash] for label_hash in call.uids()]
    move_one = project.flow.complete if action == "complete" else project.flow.reopen
    for task in dict.fromkeys(tasks):
        move_one(task, call.user.email)
    return True


def workflow_dto(graph: Graph) -> dict[str, Any]:
    """A workflow as the SDK reads it."""
    return {"stages": [_stage_dto(stage) for stage in graph.stages.values() if stage_type(stage)]}


def stage_type(stage: AnyStageSpec) -> str:
    """A stage's type on the wire; empty for a router."""
    return stage.shown_as if isinstance(stage, ParallelStageSpec) else _STAGE_TYPES.get(stage.type, "")


def _task_at(project: Project, call: Call) -> Task:
    stage = project.flow.graph.stage(call.params["stage"])
    task = project.flow.tasks.get(call.params["task"])
    if task is None or task.stage is not stage:
        raise InvalidArgumentsError(f"Task {call.params['task']} is not in stage {stage.title}")
    return task


def _stage_dto(stage: AnyStageSpec) -> dict[str, Any]:
    found: dict[str, Any] = {"stageType": stage_type(stage), "uuid": stage.uuid, "title": stage.title}
    if isinstance(stage, AgentStageSpec):
        found["pathways"] = [{"uuid": p.uuid, "title": p.name, "destinationUuid": p.to} for p in stage.pathways]
    return found


def _token(task: Task) -> str:
    return f"{task.priority!r}:{task.entry}"


def _cursor(token: str | None) -> Place:
    if token is None:
        return FRONT
    priority, _, entry = token.partition(":")
    try:
        return -float(priority), int(entry)
    except ValueError:
        raise InvalidArgumentsError("The page token is not valid") from None


def _candidates(project: Project, stage: AnyStageSpec, call: Call) -> Iterator[Task]:
    cursor = _cursor(call.query.get("pageToken"))
    data_hashes, dataset_hashes = call.query.getlist("dataHashes"), call.query.getlist("datasetHashes")
    if not data_hashes:
        return project.flow.queues[stage.uuid].after(cursor, dataset_hashes)
    found = (project.flow.by_data.get(data_hash) for data_hash in dict.fromkeys(data_hashes))
    here = [task for task in found if task is not None and task.stage is stage and task.place > cursor]
    if dataset_hashes:
        here = [task for task in here if task.dataset_hash in dataset_hashes]
    return iter(sorted(here, key=lambda task: task.place))


def _visible(stage: AnyStageSpec, actor: Actor) -> Callable[[Task], bool]:
    """Annotators and reviewers see what is theirs or nobody's."""
    if may_manage(actor.role) or isinstance(stage, AgentStageSpec | CompleteStageSpec):
        return lambda _task: True
    if isinstance(stage, BranchedStageSpec):
        return lambda task: bool(_parts_for(task, actor))
    return lambda task: task.assignee in (None, actor.email)


def _parts_for(task: Task, actor: Actor) -> list[Subtask]:
    """The parts that somebody sees: an annotator who has one does not see the free ones beside it."""
    if may_manage(actor.role):
        return task.subtasks
    own = [part for part in task.subtasks if part.assignee == actor.email]
    return own or [part for part in task.subtasks if part.assignee is None]


def _task_tests(stage: AnyStageSpec, call: Call) -> list[Callable[[Task], bool]]:
    tests: list[Callable[[Task], bool]] = []
    if contains := call.query.get("dataTitleContains"):
        tests.append(lambda task: contains.lower() in task.data_title.lower())
    if statuses := set(call.query.getlist("statuses")):
        tests.append(lambda task: task.status in statuses)
    emails = set(call.query.getlist("userEmails"))
    if emails and isinstance(stage, BranchedStageSpec):
        tests.append(lambda task: any(part.assignee in emails for part in task.subtasks))
    elif emails:
        tests.append(lambda task: task.assignee in emails)
    return tests


def _task_dto(task: Task, stage: AnyStageSpec, project: Project, actor: Actor) -> dict[str, Any]:
    found: dict[str, Any] = {
        "uuid": task.uuid,
        "createdAt": iso(task.created_at),
        "updatedAt": iso(task.updated_at),
        "dataHash": task.data_hash,
        "dataTitle": task.data_title,
    }
    match stage:
        case BranchedStageSpec():
            found["subtasks"] = [_part_dto(task, part) for part in _parts_for(task, actor)]
        case AnnotationStageSpec():
            found |= {"status": task.status, "assignee": task.assignee, "labelBranchName": "main"}
        case ReviewStageSpec():
            found |= {"status": task.status, "assignee": task.assignee}
        case ConsensusReviewStageSpec():
            options = [_option(task, part, project) for part in task.subtasks]
            found |= {"status": task.status, "assignee": task.assignee, "options": options}
        case AgentStageSpec():
            found |= {
                "status": task.status,
                "assignee": task.assignee,
                "labelBranchName": "main",
                "lastActionedBy": task.last_actioned_by,
            }
        case _:
            pass
    return found


def _part_dto(task: Task, part: Subtask) -> dict[str, Any]:
    return {
        "uuid": part.uuid,
        "createdAt": iso(part.created_at),
        "updatedAt": iso(part.updated_at),
        "dataHash": task.data_hash,
        "dataTitle": task.data_title,
        "status": part.status,
        "labelBranchName": part.branch_name,
        "assignee": part.assignee,
    }


def _option(task: Task, part: Subtask, project: Project) -> dict[str, Any]:
    row = project.rows.find(task.data_hash, part.branch_name)
    return {
        "annotator": part.assignee or part.last_actioned_by or "",
        "labelBranchName": part.branch_name,
        "labelHash": row.label_hash if row is not None else None,
    }
