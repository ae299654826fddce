"""Projects on the legacy endpoint: creating and copying them, their people, datasets and data."""

from typing import Any

from starlette.datastructures import QueryParams

from emulator.errors import InvalidArgumentsError, ResourceNotFoundError
from emulator.http.calls import LegacyCall
from emulator.http.routes import Routes
from emulator.ontologies.models import EMPTY_EDITOR, Ontology
from emulator.organisation.models import shared_role
from emulator.projects.copying import copy_project
from emulator.projects.interpolation import interpolate
from emulator.projects.models import Project
from emulator.projects.roles import NUMBERS, role_of_number
from emulator.projects.world import WorkflowSpec
from emulator.spec import new_uuid
from emulator.storage.links import signed_url
from emulator.storage.models import Item
from emulator.titled import filtered
from emulator.wire import sql_date
from emulator.workflow.graph import STANDARD_WORKFLOW, Graph

routes = Routes()

_FILTERS = {
    "title_eq": "titleEq",
    "title_like": "titleLike",
    "desc_eq": "descEq",
    "desc_like": "descLike",
    "created_before": "createdBefore",
    "created_after": "createdAfter",
    "edited_before": "editedBefore",
    "edited_after": "editedAfter",
}


@routes.query("user", "project", "POST")
def create_project(call: LegacyCall) -> Any:
    """A new project of the caller's datasets."""
    payload, email = call.payload, call.user.email
    title = str(payload.get("title") or "").strip()
    if not title:
        raise InvalidArgumentsError("title: must not be empty")
    hashes = dict.fromkeys(payload.get("dataset_hashes") or [])
    datasets = [call.platform.dataset(dataset_hash, email) for dataset_hash in hashes]
    project = call.platform.create_project(
        title=title,
        description=str(payload.get("description") or ""),
        ontology=_ontology_for(call, payload.get("ontology_hash")),
        creator=email,
        graph=_graph_for(call, payload.get("workflow_template_id")),
    )
    project.source_projects = list(payload.get("source_projects") or [])
    for dataset in datasets:
        project.attach(dataset, by=None)
    return project.hash


@routes.query("project", "project", "GET")
def get_project(call: LegacyCall) -> Any:
    """A project as clients before `workflow` read it."""
    with_rows = bool(call.payload.get("include_labels_metadata", True))
    return _project_dict(call.project(), with_rows=with_rows)


@routes.query("project", "project", "POST")
def set_editor(call: LegacyCall) -> Any:
    """Replaces the structure of the project's ontology: the SDK's deprecated `add_object` and `add_classification`."""
    project = call.managed_project()
    editor = call.payload.get("editor")
    if not isinstance(editor, dict):
        raise InvalidArgumentsError("editor: must be an object")
    project.ontology.editor = {**EMPTY_EDITOR, **editor}
    project.ontology.edited_at = call.platform.now()
    return True


@routes.query("user", "projectwithuserrole", "GET")
def list_projects(call: LegacyCall) -> Any:
    """The caller's projects and what they are in each; these entries have exactly two keys."""
    wanted = call.payload.get("filter") or {}
    query = QueryParams({_FILTERS[key]: str(value) for key, value in wanted.items() if key in _FILTERS})
    email = call.user.email
    own = (project for project in call.platform.projects.values() if shared_role(project, email))
    return [
        {"user_role": NUMBERS[project.role_of(email)], "project": _project_dict(project, with_rows=False)}
        for project in filtered(own, query)
    ]


@routes.query("project", "projectcopy", "POST")
def copy(call: LegacyCall) -> Any:
    """Copies a project, with as much of it as is asked for."""
    project = call.managed_project()
    return copy_project(call.platform, project, call.payload, call.user.email).hash


@routes.query("project", "projectusers", "POST")
def add_users(call: LegacyCall) -> Any:
    """Adds people to a project; those who are in it keep their role, which the answer names."""
    project = call.managed_project()
    number = call.payload.get("user_role")
    role = role_of_number(int(number) if number is not None else -1)
    emails = [call.platform.users.invite(email).email for email in call.payload.get("user_emails") or []]
    return [
        {"user_email": e, "user_role": NUMBERS[project.users.setdefault(e, role)], "project_hash": project.hash}
        for e in emails
    ]


@routes.query("project", "projectdataset", "POST")
def attach_datasets(call: LegacyCall) -> Any:
    """Adds datasets to a project; their data units get tasks."""
    project, email = call.managed_project(), call.user.email
    datasets = [call.platform.dataset(dataset_hash, email) for dataset_hash in call.payload.get("dataset_hashes") or []]
    attached = next((dataset for dataset in datasets if dataset.hash in project.datasets), None)
    if attached is not None:
        raise InvalidArgumentsError(f"Dataset {attached.hash} is attached already")
    for dataset in datasets:
        project.attach(dataset, email)
    return True


@routes.query("project", "projectdataset", "DELETE")
def detach_datasets(call: LegacyCall) -> Any:
    """Removes datasets from a project, with their tasks and labels."""
    project = call.managed_project()
    missing = next((dataset_hash for dataset_hash in call.uids() if dataset_hash not in project.datasets), None)
    if missing is not None:
        raise InvalidArgumentsError(f"Dataset {missing} is not attached")
    for dataset_hash in call.uids():
        project.detach(dataset_hash)
    return True


@routes.query("project", "datasetdata", "GET")
def get_data(call: LegacyCall) -> Any:
    """Where a data unit's file lies, or the files of its frames."""
    unit = call.project().units.get(str(call.uid_fields().get("data_hash")))
    if unit is None:
        raise ResourceNotFoundError(f"The project has no data unit {call.uid_fields().get('data_hash')}")
    signed = bool(call.uid_fields().get("get_signed_url"))
    item, storage = unit.item, call.platform.storage
    if item.type in ("image", "img_group", "image_sequence"):
        images = storage.children(item) or [item]
        return {
            "data_hash": unit.hash,
            "video": None,
            "images": [{"image_hash": i.uuid, **_file(i, unit.hash, call.base_url, signed=signed)} for i in images],
        }
    return {"data_hash": unit.hash, "images": None, "video": _file(item, unit.hash, call.base_url, signed=signed)}


@routes.query("project", "labelingalgorithm", "POST")
def run_algorithm(call: LegacyCall) -> Any:
    """Fills the frames between key frames: the one labelling algorithm that the SDK calls."""
    call.project()
    if call.payload.get("algorithm_name") != "interpolation":
        raise InvalidArgumentsError(f"There is no labelling algorithm {call.payload.get('algorithm_name')!r}")
    parameters = call.payload.get("algorithm_parameters") or {}
    return interpolate(parameters.get("key_frames") or {}, set(parameters.get("objects_to_interpolate") or ()))


def _file(item: Item, data_hash: str, base_url: str, *, signed: bool) -> dict[str, Any]:
    link = signed_url(base_url, item)
    return {
        "data_hash": data_hash,
        "title": item.name,
        "file_link": link if signed else item.url or link,
        "backing_item_uuid": item.uuid,
    }


def _project_dict(project: Project, *, with_rows: bool) -> dict[str, Any]:
    datasets = project.datasets.values()
    found: dict[str, Any] = {
        "project_hash": project.hash,
        "title": project.title,
        "description": project.description,
        "created_at": sql_date(project.created_at),
        "last_edited_at": sql_date(project.edited_at),
        "editor_ontology": project.ontology.editor,
        "datasets": [{"dataset_hash": d.hash, "title": d.title, "description": d.description} for d in datasets],
        "ontology_hash": project.ontology.hash,
        "source_projects": project.source_projects,
        "workflow_manager_uuid": project.manager_uuid,
    }
    if with_rows:
        found["label_rows"] = [
            {
                "label_hash": row.label_hash,
                "data_hash": row.data_hash,
                "dataset_hash": project.units[row.data_hash].dataset.hash,
                "data_title": project.units[row.data_hash].title,
                "label_status": row.label_status,
            }
            for row in project.rows.all()
            if row.label_hash is not None
        ]
    return found


def _ontology_for(call: LegacyCall, ontology_hash: str | None) -> Ontology:
    if ontology_hash:
        return call.platform.ontology(ontology_hash, call.user.email)
    now = call.platform.now()
    title = f"{call.payload.get('title')} ontology"
    ontology = Ontology(new_uuid(), title, "", dict(EMPTY_EDITOR), now, now, {call.user.email: "admin"})
    call.platform.ontologies[ontology.hash] = ontology
    return ontology


def _graph_for(call: LegacyCall, template: str | None) -> Graph:
    if not template:
        return Graph.copied(STANDARD_WORKFLOW, "new")
    found = call.platform.templates.get(template)
    if found is None:
        raise InvalidArgumentsError(f"There is no workflow template {template}")
    return Graph.copied(
        WorkflowSpec(start=found.start, stages=found.stages), call.platform.switches.template_stage_uuids
    )
