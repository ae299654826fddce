"""Projects on the wire."""

from typing import Any

from emulator.errors import InvalidArgumentsError
from emulator.http.calls import Call
from emulator.http.routes import Routes
from emulator.organisation.group_routes import add_group_routes
from emulator.organisation.models import shared_role
from emulator.organisation.responses import tag_dto
from emulator.projects.models import Project
from emulator.projects.roles import NUMBERS
from emulator.projects.world import ProjectRole
from emulator.titled import filtered
from emulator.wire import iso, page, whole
from emulator.workflow.responses import workflow_dto

routes = Routes()

STATUSES = frozenset({"notStarted", "inProgress", "inReview", "paused", "completed", "cancelled", "archived"})


@routes.get("projects/{project}")
def get_project(call: Call) -> Any:
    """One project."""
    return project_dto(call.project(), call.user.email)


@routes.get("projects")
def list_projects(call: Call) -> Any:
    """The caller's projects."""
    email, tags = call.user.email, set(call.query.getlist("tagsAnyof"))
    everything = call.flag("includeOrgAccess") and call.user.organisation_admin
    own = [p for p in call.platform.projects.values() if everything or shared_role(p, email)]
    tagged = [p for p in own if not tags or tags & {tag.name for tag in p.tags.values()}]
    found = [project_dto(project, email) for project in filtered(tagged, call.query)]
    return page(found, call.query.get("pageToken"))


@routes.put("projects/{project}/status")
def set_status(call: Call) -> Any:
    """Sets the status that people give a project."""
    project, status = call.managed_project(), call.field("status")
    if status not in STATUSES:
        raise InvalidArgumentsError(f"{status!r} is not a project status")
    project.status = status
    project.edited_at = call.platform.now()


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


@routes.post("projects/{project}/users/bulk-delete")
def remove_project_users(call: Call) -> Any:
    """Takes people out of a project; what was assigned to them is nobody's again. Who is not in it is ignored."""
    project = call.managed_project()
    there = [email for email in call.field("userEmails") if email in project.users]
    if project.creator in there:
        raise InvalidArgumentsError("The creator of a project stays in it")
    for email in there:
        project.dismiss(email, call.user.email)


@routes.get("projects/{project}/tags")
def list_project_tags(call: Call) -> Any:
    """The tags of a project."""
    return whole(tag_dto(tag) for tag in call.project().tags.values())


@routes.put("projects/{project}/tags/{tag}")
def add_project_tag(call: Call) -> Any:
    """Gives a project a tag."""
    tag = call.platform.organisation.tag(call.params["tag"])
    call.managed_project().tags[tag.uuid] = tag


@routes.delete("projects/{project}/tags/{tag}")
def remove_project_tag(call: Call) -> Any:
    """Takes a tag from a project."""
    project, tag = call.managed_project(), call.platform.organisation.tag(call.params["tag"])
    if project.tags.pop(tag.uuid, None) is None:
        raise InvalidArgumentsError(f"The project does not carry the tag {tag.name}")


@routes.post("projects/{project}/priorities")
def set_priorities(call: Call) -> Any:
    """Priorities of data units, 0 to 1."""
    project = call.managed_project()
    wanted = _pairs(call.field("priorities"))
    call.refuse_more_than_a_bundle(wanted)
    for data_hash, priority in wanted:
        if data_hash not in project.units:
            raise InvalidArgumentsError(f"The project has no data unit {data_hash}")
        if not 0 <= priority <= 1:
            raise InvalidArgumentsError("A priority lies between 0 and 1")
    for data_hash, priority in wanted:
        project.flow.prioritise(data_hash, round(priority, call.platform.switches.priority_digits))


def _pairs(value: Any) -> list[tuple[str, float]]:
    pairs: list[Any] = value if isinstance(value, list) else [None]
    if not all(isinstance(p, list) and len(p) == 2 and isinstance(p[1], int | float) for p in pairs):
        raise InvalidArgumentsError("priorities must be a list of pairs: data hash and number")
    return [(str(data_hash), float(priority)) for data_hash, priority in pairs]


def project_dto(project: Project, email: str) -> dict[str, Any]:
    """A project as the SDK reads it."""
    role: ProjectRole | None = shared_role(project, email)
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
        "userRole": NUMBERS[role] if role is not None else None,
        "sourceProjects": project.source_projects,
        "workflowManagerUuid": project.manager_uuid,
        "workflow": workflow_dto(project.flow.graph),
    }


def _managed(call: Call) -> Project:
    return call.managed_project()


add_group_routes(routes, "projects/{project}", _managed, NUMBERS)
