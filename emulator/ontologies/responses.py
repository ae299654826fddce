"""Ontologies on the wire."""

from typing import Any

from emulator.errors import InvalidArgumentsError
from emulator.http.calls import Call
from emulator.http.routes import Routes
from emulator.ontologies.models import Ontology
from emulator.organisation.group_routes import add_group_routes
from emulator.organisation.models import shared_role
from emulator.spec import new_uuid
from emulator.titled import filtered
from emulator.wire import iso, whole
from emulator.world import DatasetRole

routes = Routes()

ROLES: dict[DatasetRole, int] = {"admin": 0, "user": 1}


@routes.get("ontologies/{ontology}")
def get_ontology(call: Call) -> Any:
    """One ontology."""
    return ontology_dto(call.platform.ontology(call.params["ontology"], call.user.email), call.user.email)


@routes.get("ontologies")
def list_ontologies(call: Call) -> Any:
    """The caller's ontologies."""
    email = call.user.email
    everything = call.flag("includeOrgAccess") and call.user.organisation_admin
    own = (o for o in call.platform.ontologies.values() if everything or shared_role(o, email))
    return whole(ontology_dto(ontology, email) for ontology in filtered(own, call.query))


@routes.post("ontologies")
def create_ontology(call: Call) -> Any:
    """A new ontology of the caller's."""
    now, email = call.platform.now(), call.user.email
    ontology = Ontology(new_uuid(), _title(call), str(call.body.get("description") or ""), _editor(call), now, now)
    ontology.users[email] = "admin"
    call.platform.ontologies[ontology.hash] = ontology
    return ontology_dto(ontology, email)


@routes.put("ontologies/{ontology}")
def update_ontology(call: Call) -> Any:
    """Replaces title, description and structure."""
    ontology = _managed(call)
    ontology.title, ontology.editor = _title(call), _editor(call)
    ontology.description = str(call.body.get("description") or "")
    ontology.edited_at = call.platform.now()


def ontology_dto(ontology: Ontology, email: str) -> dict[str, Any]:
    """An ontology as the SDK reads it."""
    role: DatasetRole | None = shared_role(ontology, email)
    return {
        "ontologyUuid": ontology.hash,
        "title": ontology.title,
        "description": ontology.description,
        "editor": ontology.editor,
        "createdAt": iso(ontology.created_at),
        "lastEditedAt": iso(ontology.edited_at),
        "userRole": ROLES[role] if role is not None else None,
    }


def _managed(call: Call) -> Ontology:
    return call.platform.managed_ontology(call.params["ontology"], call.user.email)


def _title(call: Call) -> str:
    title = str(call.field("title")).strip()
    if not title:
        raise InvalidArgumentsError("title: must not be empty")
    return title


def _editor(call: Call) -> dict[str, Any]:
    """The structure, if its parts are lists of objects with feature hashes that are all different."""
    editor = call.field("editor")
    if not isinstance(editor, dict):
        raise InvalidArgumentsError("editor: must be an object")
    seen: set[str] = set()
    for part in ("objects", "classifications"):
        for index, feature in enumerate(editor.get(part) or []):
            feature_hash = feature.get("featureNodeHash") if isinstance(feature, dict) else None
            if not feature_hash:
                raise InvalidArgumentsError(f"editor.{part}.{index}: featureNodeHash is missing")
            if feature_hash in seen:
                raise InvalidArgumentsError(f"editor.{part}.{index}: featureNodeHash {feature_hash} stands there twice")
            seen.add(feature_hash)
    return {**editor, "objects": editor.get("objects") or [], "classifications": editor.get("classifications") or []}


add_group_routes(routes, "ontologies/{ontology}", _managed, ROLES)
