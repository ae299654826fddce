"""The organisation on the wire: people, groups, tags, cloud integrations, the metadata schema."""

from typing import Any

from emulator.errors import AuthorisationError, InvalidArgumentsError, ResourceExistsError, ResourceNotFoundError
from emulator.http.calls import Call
from emulator.http.routes import Routes
from emulator.organisation.group_routes import group_dto
from emulator.organisation.models import Group, Member, Organisation, Tag
from emulator.spec import new_uuid
from emulator.users.models import User
from emulator.wire import iso, whole

routes = Routes()

ORGANISATION_ID = 1

_OLD_NAMES = {"text": "long_string", "varchar": "string"}
_HINTS = {"number", "varchar", "text", "boolean", "datetime", "uuid"}

# One uuid per role, the same in every emulator.
_ROLE_UUIDS = {
    "ADMIN": "00000000-0000-4000-8000-0000000000a1",
    "MEMBER": "00000000-0000-4000-8000-0000000000a2",
    "TASKER": "00000000-0000-4000-8000-0000000000a3",
    "WORKFORCE_MANAGER": "00000000-0000-4000-8000-0000000000a4",
}


@routes.get("user/current-organisation/groups")
def list_groups(call: Call) -> Any:
    """The groups of the caller's organisation."""
    return whole(group_dto(group) for group in call.platform.organisation.groups.values())


@routes.post("organisation/groups")
def create_group(call: Call) -> Any:
    """A new group without people."""
    name, groups = _name(call), call.platform.organisation.groups
    if any(group.name == name for group in groups.values()):
        raise ResourceExistsError(f"There is a group called {name!r} already")
    group = Group(name, str(call.body.get("description") or ""), call.platform.now())
    groups[group.hash] = group
    return group_dto(group)


@routes.get("organisation/groups/{group}")
def get_group(call: Call) -> Any:
    """One group."""
    return group_dto(_group(call))


@routes.patch("organisation/groups/{group}")
def edit_group(call: Call) -> Any:
    """Changes a group's name or description."""
    group = _group(call)
    group.name = call.body.get("name") or group.name
    group.description = call.body.get("description", group.description)
    return group_dto(group)


@routes.delete("organisation/groups/{group}")
def delete_group(call: Call) -> Any:
    """Removes a group; what it had access to, its people have no access to any more."""
    group, platform = _group(call), call.platform
    del platform.organisation.groups[group.hash]
    group.users.clear()
    for shared in (platform.projects, platform.datasets, platform.ontologies, platform.storage.folders):
        for thing in shared.values():
            thing.groups.pop(group.hash, None)


@routes.get("organisation/groups/{group}/users")
def list_group_users(call: Call) -> Any:
    """The people of a group."""
    return whole({"userEmail": email} for email in _group(call).users)


@routes.post("organisation/groups/{group}/users")
def add_group_users(call: Call) -> Any:
    """Adds people to a group."""
    group = _group(call)
    emails = call.field("userEmails")
    for email in emails:
        if not _is_member(call, email):
            raise InvalidArgumentsError(f"{email} is not in the organisation")
    group.users.update(dict.fromkeys(emails))
    return whole({"userEmail": email} for email in emails)


@routes.post("organisation/groups/{group}/users/bulk-delete")
def remove_group_users(call: Call) -> Any:
    """Takes people out of a group; who is not in it is ignored."""
    group = _group(call)
    for email in call.field("userEmails"):
        group.users.pop(email, None)


@routes.get("organisation/organisation-tags")
def list_tags(call: Call) -> Any:
    """The tags of the organisation."""
    return whole(tag_dto(tag) for tag in call.platform.organisation.tags.values())


@routes.post("organisation/organisation-tags")
def create_tag(call: Call) -> Any:
    """A new tag."""
    name, tags = _name(call), call.platform.organisation.tags
    if any(tag.name == name for tag in tags.values()):
        raise ResourceExistsError(f"There is a tag called {name!r} already")
    tag = Tag(name, str(call.body.get("description") or ""))
    tags[tag.uuid] = tag
    return tag_dto(tag)


@routes.delete("organisation/organisation-tags/{tag}")
def delete_tag(call: Call) -> Any:
    """Removes a tag, also from the projects that carry it."""
    tag = call.platform.organisation.tag(call.params["tag"])
    del call.platform.organisation.tags[tag.uuid]
    for project in call.platform.projects.values():
        project.tags.pop(tag.uuid, None)


@routes.get("organisation/users")
def list_members(call: Call) -> Any:
    """Everybody in the organisation, with and without an account."""
    organisation, users = call.platform.organisation, call.platform.users.by_email
    emails = [email for email in {**users, **organisation.members} if email not in organisation.removed]
    return whole(_member_dto(call, email) for email in emails)


@routes.post("organisation/users")
def add_member(call: Call) -> Any:
    """Invites somebody: an account without a key."""
    _require_organisation_admin(call)
    email, role = str(call.field("email")), call.field("roleMnemonicName")
    if role not in _ROLE_UUIDS:
        raise InvalidArgumentsError(f"There is no organisation role {role!r}")
    if _is_member(call, email):
        raise ResourceExistsError(f"{email} is in the organisation already")
    organisation = call.platform.organisation
    organisation.removed.discard(email)
    organisation.members[email] = Member(role, str(call.field("memberType")), call.platform.now())
    call.platform.users.add(User(email, email.partition("@")[0], role == "ADMIN"), [])


@routes.delete("organisation/users/{email}")
def remove_member(call: Call) -> Any:
    """Removes somebody from the organisation, and with it from everything that is shared with them."""
    _require_organisation_admin(call)
    email, platform = call.params["email"], call.platform
    if not _is_member(call, email):
        raise ResourceNotFoundError(f"{email} is not in the organisation")
    platform.organisation.removed.add(email)
    platform.organisation.members.pop(email, None)
    for project in platform.projects.values():
        if email in project.users:
            project.dismiss(email, call.user.email)
    for shared in (platform.datasets, platform.ontologies, platform.storage.folders):
        for thing in shared.values():
            thing.users.pop(email, None)
    for group in platform.organisation.groups.values():
        group.users.pop(email, None)


@routes.get("cloud-integrations")
def list_integrations(call: Call) -> Any:
    """Cloud integrations; this list says `result`."""
    uuids = call.query.getlist("filterIntegrationUuids")
    titles = call.query.getlist("filterIntegrationTitles")
    return {
        "result": [
            {"integrationUuid": integration.uuid, "title": integration.title}
            for integration in call.platform.organisation.integrations.values()
            if (not uuids or integration.uuid in uuids) and (not titles or integration.title in titles)
        ]
    }


@routes.get("organisation/client-metadata-schema-v2")
def get_metadata_schema(call: Call) -> Any:
    """The types of metadata keys; nothing while none has been set."""
    return call.platform.organisation.metadata_schema


@routes.post("organisation/client-metadata-schema-v2")
def set_metadata_schema(call: Call) -> Any:
    """Replaces the types of metadata keys."""
    _set_schema(call, call.body)


@routes.get("organisation/client-metadata-schema")
def get_metadata_schema_of_old(call: Call) -> Any:
    """The types of metadata keys as clients before `MetadataSchema` read them."""
    organisation = call.platform.organisation
    if organisation.metadata_schema is None or organisation.schema_created_at is None:
        raise ResourceNotFoundError("The organisation has no metadata schema")
    return {
        "uuid": new_uuid(),
        "metadataSchema": {key: _simple_type(kind) for key, kind in organisation.metadata_schema.items()},
        "organisationId": ORGANISATION_ID,
        "createdAt": iso(organisation.schema_created_at),
        "updatedAt": iso(organisation.schema_edited_at or organisation.schema_created_at),
    }


@routes.post("organisation/client-metadata-schema")
def set_metadata_schema_of_old(call: Call) -> Any:
    """Replaces the types of metadata keys, given as plain names of types."""
    _set_schema(call, {key: _typed(kind) for key, kind in (call.body or {}).items()})


def _set_schema(call: Call, schema: Any) -> None:
    if not isinstance(schema, dict) or not all(isinstance(kind, dict) and "ty" in kind for kind in schema.values()):
        raise InvalidArgumentsError("A metadata schema is an object: key to type, and a type says its ty")
    organisation = call.platform.organisation
    organisation.metadata_schema = schema
    organisation.schema_edited_at = call.platform.now()
    organisation.schema_created_at = organisation.schema_created_at or organisation.schema_edited_at


def _simple_type(kind: dict[str, Any]) -> str:
    name = str(kind["hint"] if kind.get("ty") == "variant" else kind.get("ty"))
    return _OLD_NAMES.get(name, name)


def _typed(name: str) -> dict[str, Any]:
    hint = next((new for new, old in _OLD_NAMES.items() if old == name), name)
    return {"ty": "variant", "hint": hint} if hint in _HINTS else {"ty": hint}


def tag_dto(tag: Tag) -> dict[str, Any]:
    """A tag as the SDK reads it."""
    return {"uuid": tag.uuid, "name": tag.name}


def _member_dto(call: Call, email: str) -> dict[str, Any]:
    organisation: Organisation = call.platform.organisation
    user = call.platform.users.by_email.get(email)
    member = organisation.members.get(email) or Member(
        "ADMIN" if user is not None and user.organisation_admin else "MEMBER", "internal", call.platform.began
    )
    return {
        "email": email,
        "roleMnemonicName": member.role,
        "roleUuid": _ROLE_UUIDS[member.role],
        "memberType": member.member_type,
        "createdAt": iso(member.created_at),
        "lastEditedAt": iso(member.created_at),
    }


def _is_member(call: Call, email: str) -> bool:
    organisation = call.platform.organisation
    known = email in call.platform.users.by_email or email in organisation.members
    return known and email not in organisation.removed


def _require_organisation_admin(call: Call) -> None:
    if not call.user.organisation_admin:
        raise AuthorisationError("Only admins of the organisation may do this")


def _group(call: Call) -> Group:
    return call.platform.organisation.group(call.params["group"])


def _name(call: Call) -> str:
    name = str(call.field("name")).strip()
    if not name:
        raise InvalidArgumentsError("name: must not be empty")
    return name
