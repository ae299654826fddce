"""The control interface under `/_emulator/`: not signed, meant for loopback."""

from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from emulator.dumping import dump
from emulator.errors import InvalidArgumentsError, ResourceNotFoundError, WorldError
from emulator.http.calls import Call
from emulator.http.faults import Fault
from emulator.http.routes import Routes
from emulator.labels.consensus import take_branch, take_labels
from emulator.loading import load
from emulator.outbound.deliveries import Delivery
from emulator.projects.models import Project
from emulator.projects.world import AgentStageSpec, EditorAgentSpec
from emulator.wire import iso
from emulator.workflow.tasks import Task
from emulator.world import Switches, World

routes = Routes()

_AGENTS = TypeAdapter(list[EditorAgentSpec])
_LABELS = TypeAdapter(dict[str, list[str]])


@routes.get("state")
def state(call: Call) -> Any:
    """Projects with their stages and task counts."""
    return {
        "time": iso(call.platform.now()),
        "idle": call.emulator.outbox.idle,
        "projects": [_project_state(project) for project in call.platform.projects.values()],
    }


@routes.get("projects/{project}/tasks")
def tasks(call: Call) -> Any:
    """Every task of a project with its history and deliveries."""
    project = call.platform.projects.get(call.params["project"])
    if project is None:
        raise ResourceNotFoundError(f"There is no project {call.params['project']}")
    deliveries: dict[str | None, list[dict[str, Any]]] = {}
    for delivery in call.emulator.outbox.deliveries:
        deliveries.setdefault(delivery.task_uuid, []).append(_delivery(delivery))
    return {"tasks": [_task(task, deliveries.get(task.uuid, [])) for task in project.flow.tasks.values()]}


@routes.put("projects/{project}/agents")
def register_agents(call: Call) -> Any:
    """Replaces the agents that stand in the label editor's *Run agent* menu."""
    project = call.platform.projects.get(call.params["project"])
    if project is None:
        raise ResourceNotFoundError(f"There is no project {call.params['project']}")
    try:
        project.agents = _AGENTS.validate_python(call.field("agents"))
    except ValidationError as error:
        raise InvalidArgumentsError(str(error)) from None


@routes.put("projects/{project}/stages/{stage}/agent")
def set_stage_agent(call: Call) -> Any:
    """Gives an agent stage a custom agent, or a webhook, as a person does in the workflow's settings."""
    project = call.platform.projects.get(call.params["project"])
    if project is None:
        raise ResourceNotFoundError(f"There is no project {call.params['project']}")
    stage = project.flow.graph.stage(call.params["stage"])
    if not isinstance(stage, AgentStageSpec):
        raise InvalidArgumentsError(f"{stage.title} is no agent stage")
    try:
        stage.agent = AgentStageSpec.model_validate({**stage.model_dump(), "agent": call.body}).agent
    except ValidationError as error:
        raise InvalidArgumentsError(str(error)) from None


@routes.post("projects/{project}/tasks/{task}/consensus")
def conclude(call: Call) -> Any:
    """What a reviewer chooses in the application: a whole branch, or labels by branch; the SDK can only approve."""
    project = call.platform.projects.get(call.params["project"])
    task = project.flow.tasks.get(call.params["task"]) if project is not None else None
    if project is None or task is None:
        raise ResourceNotFoundError(f"There is no task {call.params['task']} in project {call.params['project']}")
    by = str(call.body.get("by") or project.creator)
    if "branch" in call.body:
        take_branch(project.rows, task, str(call.body["branch"]), by)
        return
    try:
        take_labels(project.rows, task, _LABELS.validate_python(call.field("labels")), by)
    except ValidationError as error:
        raise InvalidArgumentsError(str(error)) from None


@routes.get("requests")
def requests(call: Call) -> Any:
    """Counts by caller and operation, and the latest requests."""
    limit = int(call.number("limit", 100))
    return {"counts": call.emulator.log.counts(), "latest": call.emulator.log.latest(limit)}


@routes.delete("requests")
def clear_requests(call: Call) -> Any:
    """Starts counting anew."""
    call.emulator.log.clear()


@routes.get("deliveries")
def deliveries(call: Call) -> Any:
    """Every outbound call."""
    kind, outcome = call.query.get("kind"), call.query.get("outcome")
    return {
        "deliveries": [
            _delivery(delivery)
            for delivery in call.emulator.outbox.deliveries
            if kind in (None, delivery.kind) and outcome in (None, delivery.outcome)
        ]
    }


@routes.get("idle")
async def idle(call: Call) -> Any:
    """Waits until no outbound call is waiting or under way."""
    return {"idle": await call.emulator.wait_until_idle(call.number("timeout", 30))}


@routes.post("retry")
def retry(call: Call) -> Any:
    """Calls the custom agents of the tasks that wait at Auto stages once more."""
    return {"called": call.emulator.events.retry_agents()}


@routes.get("clock")
def clock(call: Call) -> Any:
    """The platform's time."""
    return {"time": iso(call.platform.now())}


@routes.post("clock")
async def advance(call: Call) -> Any:
    """Puts the clock forward."""
    seconds = call.field("advance_seconds")
    if not isinstance(seconds, int | float) or seconds < 0:
        raise InvalidArgumentsError("advance_seconds must be a number, and time does not go backwards")
    await call.emulator.advance(timedelta(seconds=seconds))
    return {"time": iso(call.platform.now())}


@routes.get("world")
def world(call: Call) -> Any:
    """Everything as a world file."""
    return dump(call.platform).model_dump(mode="json", by_alias=True, exclude_none=True)


@routes.post("world")
def add_world(call: Call) -> Any:
    """Adds a world to this one."""
    try:
        world = World.model_validate(call.sent)
        if world.names_files():
            raise InvalidArgumentsError("A world that is sent must not name files of this machine")
        load(world, call.platform)
    except (WorldError, ValidationError) as error:
        raise InvalidArgumentsError(str(error)) from None


@routes.patch("switches")
def change_switches(call: Call) -> Any:
    """Changes switches; all of them are answered."""
    switches = call.platform.switches
    try:
        changed = Switches.model_validate({**switches.model_dump(), **call.body})
    except ValidationError as error:
        raise InvalidArgumentsError(str(error)) from None
    for name in Switches.model_fields:
        setattr(switches, name, getattr(changed, name))
    return switches.model_dump()


@routes.get("faults")
def list_faults(call: Call) -> Any:
    """The faults that are still to happen."""
    return {"faults": call.emulator.faults.list()}


@routes.post("faults")
def add_fault(call: Call) -> Any:
    """Lets something go wrong."""
    try:
        call.emulator.faults.add(Fault.model_validate(call.sent))
    except ValidationError as error:
        raise InvalidArgumentsError(str(error)) from None


@routes.delete("faults")
def clear_faults(call: Call) -> Any:
    """Lets everything go well again."""
    call.emulator.faults.clear()


@routes.post("reset")
async def reset(call: Call) -> Any:
    """Back to the world it started with."""
    await call.emulator.reset()


def _project_state(project: Project) -> dict[str, Any]:
    return {
        "hash": project.hash,
        "title": project.title,
        "tasks": len(project.flow.tasks),
        "stages": [
            {"uuid": stage.uuid, "title": stage.title, "type": stage.type, "tasks": len(project.flow.queues[uuid])}
            for uuid, stage in project.flow.graph.stages.items()
        ],
    }


def _task(task: Task, delivered: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "uuid": task.uuid,
        "data_hash": task.data_hash,
        "dataset_hash": task.dataset_hash,
        "data_title": task.data_title,
        "stage": {"uuid": task.stage.uuid, "title": task.stage.title},
        "status": task.status,
        "assignee": task.assignee,
        "priority": task.priority,
        "subtasks": [
            {"uuid": p.uuid, "branch_name": p.branch_name, "status": p.status, "assignee": p.assignee}
            for p in task.subtasks
        ],
        "history": [
            {"at": iso(s.at), "stage": s.stage, "title": s.title, "action": s.action, "by": s.by, "pathway": s.pathway}
            for s in task.history
        ],
        "deliveries": delivered,
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "uuid": delivery.uuid,
        "kind": delivery.kind,
        "url": delivery.url,
        "project_hash": delivery.project_hash,
        "stage_uuid": delivery.stage_uuid,
        "task_uuid": delivery.task_uuid,
        "created_at": iso(delivery.created_at),
        "trace": delivery.trace_id,
        "request": delivery.request,
        "outcome": delivery.outcome,
        "detail": delivery.detail,
        "attempts": [
            {"at": iso(a.at), "status": a.status, "answer": a.answer, "error": a.error, "seconds": round(a.seconds, 6)}
            for a in delivery.attempts
        ],
    }
