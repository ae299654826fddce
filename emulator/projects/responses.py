"""Projects on the wire."""

from typing import Any

from emulator.errors import InvalidArgumentsError
from emulator.http.calls import Call, LegacyCall
from emulator.http.routes import Routes
from emulator.ontologies.models import EMPTY_EDITOR, Ontology
from emulator.projects.models import Project
from emulator.projects.roles import NUMBERS
from emulator.titled import filtered
from emulator.wire import iso, page, whole
from emulator.workflow.graph import STANDARD_WORKFLOW, Graph
from emulator.workflow.responses import workflow_dto
from emulator.world import WorkflowSpec, new_uuid

routes = Routes()


@routes.get("projects/{project}")
def get_project(call: Call) -> Any:
    """One project."""
    return project_dto(call.project(), call.user.email)


@routes.get("projects")
def list_projects(call: Call) -> Any:
    """The caller's projects."""
    own = [p for p in call.platform.projects.values() if call.user.email in p.users]
    found = [project_dto(project, call.user.email) for project in filtered(own, call.query)]
    return page(found, call.query.get("pageToken"))


@routes.get("projects/{project}/datasets")
def list_project_datasets(call: Call) -> Any:
    """The datasets attached to a project."""
    return whole(
        {"datasetHash": dataset.hash, "title": dataset.title, "description": dataset.description}
        for dataset in call.project().datasets.values()
    )


@routes.get("projects/{project}/users")
def list_project_users(call: Call) -> Any:
    """Who works in a project, and as what."""
    users = call.project().users.items()
    found = [{"userEmail": email, "userRole": NUMBERS[role]} for email, role in users]
    return page(found, call.query.get("pageToken"))


@routes.post("projects/{project}/priorities")
def set_priorities(call: Call) -> Any:
    """Priorities of data units, 0 to 1."""
    project = call.managed_project()
    wanted = call.field("priorities")
    for data_hash, priority in wanted:
        if data_hash not in project.units:
            raise InvalidArgumentsError(f"The project has no data unit {data_hash}")
        if not 0 <= priority <= 1:
            raise InvalidArgumentsError("A priority lies between 0 and 1")
    for data_hash, priority in wanted:
        project.flow.by_data[data_hash].priority = float(priority)


@routes.query("user", "project", "POST")
def create_project(call: LegacyCall) -> Any:
    """A new project of the caller's datasets."""
    payload, email = call.payload, call.user.email
    datasets = [call.platform.dataset(dataset_hash, email) for dataset_hash in payload.get("dataset_hashes") or []]
    project = call.platform.create_project(
        title=str(payload.get("title") or ""),
        description=str(payload.get("description") or ""),
        ontology=_ontology_for(call, payload.get("ontology_hash")),
        creator=email,
        graph=_graph_for(call, payload.get("workflow_template_id")),
    )
    for dataset in datasets:
        project.attach(dataset, by=None)
    return project.hash


@routes.query("project", "projectdataset", "POST")
def attach_datasets(call: LegacyCall) -> Any:
    """Adds datasets to a project; their data units get tasks."""
    project = call.managed_project()
    wanted = call.payload.get("dataset_hashes") or []
    for dataset in [call.platform.dataset(dataset_hash, call.user.email) for dataset_hash in wanted]:
        project.attach(dataset, call.user.email)
    return True


@routes.query("project", "projectdataset", "DELETE")
def detach_datasets(call: LegacyCall) -> Any:
    """Removes datasets from a project, with their tasks and labels."""
    project = call.managed_project()
    for dataset_hash in call.uids():
        project.detach(dataset_hash)
    return True


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
        return Graph.copied(STANDARD_WORKFLOW)
    found = call.platform.templates.get(template)
    if found is None:
        raise InvalidArgumentsError(f"There is no workflow template {template}")
    return Graph.copied(WorkflowSpec(start=found.start, stages=found.stages))


def project_dto(project: Project, email: str) -> dict[str, Any]:
    """A project as the SDK reads it."""
    return {
        "projectHash": project.hash,
        "projectType": "workflow",
        "status": project.status,
        "title": project.title,
        "description": project.description,
        "createdAt": iso(project.created_at),
        "creatorEmail": project.creator,
        "lastEditedAt": iso(project.edited_at),
        "ontologyHash": project.ontology.hash,
        "editorOntology": project.ontology.editor,
        "userRole": NUMBERS[project.role_of(email)],
        "sourceProjects": [],
        "workflowManagerUuid": project.manager_uuid,
        "workflow": workflow_dto(project.flow.graph),
    }
