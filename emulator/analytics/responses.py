"""Analytics and logs on the wire."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from emulator.analytics.models import LabelAction, TaskAction, TimeSpent, Where
from emulator.errors import InvalidArgumentsError
from emulator.http.calls import Call, LegacyCall
from emulator.http.routes import Routes
from emulator.labels.models import MAIN_BRANCH
from emulator.labels.units import LABEL_ROW_TYPES
from emulator.organisation.responses import ORGANISATION_ID
from emulator.projects.models import Project
from emulator.projects.roles import NUMBERS
from emulator.wire import iso, page, parse_date
from emulator.workflow.responses import stage_type

routes = Routes()

_TASK_ACTIONS = {"ASSIGN", "APPROVE", "SUBMIT", "MOVE", "REJECT", "RELEASE", "SKIP"}
# The numbers of `encord.orm.label_log.Action`, as far as the emulator sees such things happen.
_LOG_NUMBERS = {"ADD": 0, "EDIT": 1, "DELETE": 2, "SUBMIT": 11, "APPROVE": 33, "REJECT": 34}
# Stages of agents have no type in editor logs.
_LOGGED_STAGES = {"ANNOTATION", "REVIEW", "CONSENSUS_ANNOTATION", "CONSENSUS_REVIEW", "DONE"}


@routes.get("analytics/time-spent")
def list_time_spent(call: Call) -> Any:
    """How long people were at work, by data unit, task and stage."""
    project = _project(call, "projectUuid")
    spent = [s for s in _between(project.activity.time_spent, call, lambda s: s.end) if _wanted(s.where, s.by, call)]
    return page([_time_dto(project, s) for s in spent], call.query.get("pageToken"))


@routes.get("analytics/task-actions")
def list_task_actions(call: Call) -> Any:
    """What people did to tasks."""
    project, types = _project(call, "projectUuid"), set(call.query.getlist("eventTypes"))
    found = [
        _action_dto(project, action)
        for action in _between(project.activity.task_actions, call, lambda a: a.at)
        if action.action in _TASK_ACTIONS
        and (not types or action.action.lower() in types)
        and _wanted(action.where, action.by, call)
    ]
    return page(found, call.query.get("pageToken"))


@routes.get("analytics/collaborators/timers")
def list_timers(call: Call) -> Any:
    """Time at work by person and data unit, or by person."""
    project, by_data = _project(call, "projectHash"), call.query.get("groupBy", "dataUnit") == "dataUnit"
    sums: dict[tuple[str, str | None], float] = {}
    for spent in _between(project.activity.time_spent, call, lambda s: s.end):
        key = (spent.by, spent.where.data_hash if by_data else None)
        sums[key] = sums.get(key, 0.0) + spent.seconds
    found = [_timer_dto(project, email, data_hash, seconds) for (email, data_hash), seconds in sums.items()]
    return page(found, call.query.get("pageToken"), int(call.number("pageSize", 100)))


@routes.get("projects/{project}/editor-logs")
def list_editor_logs(call: Call) -> Any:
    """What people did to labels and tasks, one entry each."""
    project, query = call.project(), call.query
    since, until = parse_date(query.get("startTime", "")), parse_date(query.get("endTime", ""))
    logged: list[TaskAction | LabelAction] = [*project.activity.label_actions, *project.activity.task_actions]
    found = [
        _editor_log(project, entry, call)
        for entry in sorted(logged, key=lambda entry: entry.at)
        if since <= entry.at <= until
        and query.get("actorUserEmail") in (None, entry.by)
        and query.get("workflowStageId") in (None, entry.where.stage.uuid)
        and query.get("dataUnitId") in (None, entry.where.data_hash)
        and entry.where.data_hash in project.units
    ]
    action = query.get("action")
    return page([log for log in found if action in (None, log["action"])], query.get("pageToken"))


@routes.query("project", "labellog", "GET")
def list_label_logs(call: LegacyCall) -> Any:
    """The label log of before there were editor logs."""
    project, wanted, users = call.managed_project(), call.payload, call.platform.users.by_email
    logged: list[TaskAction | LabelAction] = [*project.activity.label_actions, *project.activity.task_actions]
    return [
        _label_log(entry, users[entry.by].hash)
        for entry in sorted(logged, key=lambda entry: entry.at)
        if _verb(entry) in _LOG_NUMBERS
        and wanted.get("user_email") in (None, entry.by)
        and wanted.get("user_hash") in (None, users[entry.by].hash)
        and wanted.get("data_hash") in (None, entry.where.data_hash)
        # Whole seconds: what happened within the last one of them is still meant.
        and int(entry.at.timestamp()) >= (wanted.get("start_timestamp") or 0)
        and (wanted.get("end_timestamp") is None or int(entry.at.timestamp()) <= wanted["end_timestamp"])
    ]


def _project(call: Call, key: str) -> Project:
    project = call.platform.project(call.query.get(key, ""), call.user.email)
    project.require_manager(call.user.email)
    return project


def _between(entries: Iterable[Any], call: Call, at: Callable[[Any], datetime]) -> Iterator[Any]:
    if "after" not in call.query:
        raise InvalidArgumentsError("after: field required")
    since = parse_date(call.query["after"])
    until = parse_date(call.query["before"]) if "before" in call.query else None
    return (entry for entry in entries if at(entry) >= since and (until is None or at(entry) < until))


def _wanted(where: Where, by: str, call: Call) -> bool:
    query = call.query
    wanted = (
        (("userEmails", "actorEmails"), by),
        (("workflowStageUuids",), where.stage.uuid),
        (("dataUuids", "dataUnitUuids"), where.data_hash),
    )
    return all(value in given for keys, value in wanted for key in keys if (given := query.getlist(key)))


def _time_dto(project: Project, spent: TimeSpent) -> dict[str, Any]:
    where, unit = spent.where, project.units[spent.where.data_hash]
    return {
        "periodStartTime": iso(spent.start),
        "periodEndTime": iso(spent.end),
        "timeSpentSeconds": round(spent.seconds),
        "userEmail": spent.by,
        "projectUserRole": _role_number(project, spent.by),
        "dataUuid": unit.hash,
        "dataTitle": unit.title,
        "datasetUuid": unit.dataset.hash,
        "datasetTitle": unit.dataset.title,
        "workflowTaskUuid": where.task_uuid,
        "workflowStage": {
            "stageType": stage_type(where.stage),
            "uuid": where.stage.uuid,
            "title": where.stage.title,
        },
    }


def _action_dto(project: Project, action: TaskAction) -> dict[str, Any]:
    return {
        "timestamp": iso(action.at),
        "actionType": action.action.lower(),
        "projectUuid": project.hash,
        "workflowStageUuid": action.where.stage.uuid,
        "taskUuid": action.where.task_uuid,
        "dataUnitUuid": action.where.data_hash,
        "actorEmail": action.by,
    }


def _timer_dto(project: Project, email: str, data_hash: str | None, seconds: float) -> dict[str, Any]:
    unit = project.units.get(data_hash) if data_hash is not None else None
    return {
        "userEmail": email,
        "userRole": _role_number(project, email),
        "dataTitle": unit.title if unit is not None else None,
        "timeSeconds": seconds,
    }


def _editor_log(project: Project, entry: TaskAction | LabelAction, call: Call) -> dict[str, Any]:
    where, unit = entry.where, project.units[entry.where.data_hash]
    user = call.platform.users.by_email[entry.by]
    row = project.rows.find(unit.hash, MAIN_BRANCH)
    kind = stage_type(where.stage)
    common = {
        "id": entry.uuid,
        "dataUnitId": unit.hash,
        "workflowStageId": where.stage.uuid,
        "branchName": entry.branch_name if isinstance(entry, LabelAction) else MAIN_BRANCH,
        "workflowTaskId": where.task_uuid,
        "timestamp": iso(entry.at),
        "sessionId": user.hash,
        "actorUserId": user.hash,
        "actorOrganisationId": ORGANISATION_ID,
        "actorUserEmail": entry.by,
        "projectId": project.hash,
        "projectOrganisationId": ORGANISATION_ID,
        "projectUserRole": project.users.get(entry.by, "viewer"),
        "projectOrganisationUserRole": "ADMIN" if user.organisation_admin else "MEMBER",
        "dataUnitTitle": unit.title,
        "dataUnitDataType": LABEL_ROW_TYPES[unit.item.type],
        "dataUnitDatasetId": unit.dataset.hash,
        "dataUnitDatasetTitle": unit.dataset.title,
        "ontologyId": project.ontology.hash,
        "labelId": entry.label_hash if isinstance(entry, LabelAction) else (row.label_hash or "" if row else ""),
        "workflowStageType": kind if kind in _LOGGED_STAGES else "",
        "workflowStageTitle": where.stage.title,
    }
    if isinstance(entry, TaskAction):
        return {**common, "action": f"{entry.action.lower()}_task", "actionCategory": "task"}
    return {**common, **_label_part(entry)}


def _label_part(entry: LabelAction) -> dict[str, Any]:
    change = entry.change
    category = "classification" if change.shape is None else "object"
    found = {
        "action": f"{change.verb.lower()}_{category}",
        "actionCategory": category,
        "labelName": change.name,
        "featureId": change.feature_hash,
        "labelRanges": [list(one) for one in change.ranges],
    }
    if change.shape is None:
        return {**found, "classificationHash": change.label_hash}
    return {**found, "objectHash": change.label_hash, "objectShape": change.shape, "objectId": change.number}


def _label_log(entry: TaskAction | LabelAction, user_hash: str) -> dict[str, Any]:
    change = entry.change if isinstance(entry, LabelAction) else None
    return {
        "log_hash": entry.uuid,
        "user_hash": user_hash,
        "user_email": entry.by,
        "data_hash": entry.where.data_hash,
        "action": _LOG_NUMBERS[_verb(entry)],
        "created_at": iso(entry.at),
        "identifier": change.label_hash if change is not None else None,
        "feature_hash": change.feature_hash if change is not None else None,
        "label_name": change.name if change is not None else None,
        "time_taken": None,
        "frame": change.ranges[0][0] if change is not None and change.ranges else None,
    }


def _verb(entry: TaskAction | LabelAction) -> str:
    return entry.change.verb if isinstance(entry, LabelAction) else entry.action


def _role_number(project: Project, email: str) -> int:
    role = project.users.get(email)
    return NUMBERS[role] if role is not None else NUMBERS["viewer"]
