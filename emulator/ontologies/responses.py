"""Ontologies on the wire."""

from typing import Any

from emulator.http.calls import Call
from emulator.http.routes import Routes
from emulator.ontologies.models import Ontology
from emulator.titled import filtered
from emulator.wire import iso, whole

routes = Routes()

_ROLES = {"admin": 0, "user": 1}


@routes.get("ontologies/{ontology}")
def get_ontology(call: Call) -> Any:
    """One ontology."""
    return ontology_dto(call.platform.ontology(call.params["ontology"], call.user.email), call.user.email)


@routes.get("ontologies")
def list_ontologies(call: Call) -> Any:
    """The caller's ontologies."""
    own = (o for o in call.platform.ontologies.values() if call.user.email in o.users)
    return whole(ontology_dto(ontology, call.user.email) for ontology in filtered(own, call.query))


def ontology_dto(ontology: Ontology, email: str) -> dict[str, Any]:
    """An ontology as the SDK reads it."""
    role = ontology.users.get(email)
    return {
        "ontologyUuid": ontology.hash,
        "title": ontology.title,
        "description": ontology.description,
        "editor": ontology.editor,
        "createdAt": iso(ontology.created_at),
        "lastEditedAt": iso(ontology.edited_at),
        "userRole": _ROLES[role] if role else None,
    }
