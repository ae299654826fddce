"""Roles in a project: their numbers on the wire and what they allow."""

from emulator.errors import InvalidArgumentsError
from emulator.projects.world import ProjectRole

NUMBERS: dict[ProjectRole, int] = {
    "admin": 0,
    "annotator": 1,
    "reviewer": 2,
    "annotator_reviewer": 3,
    "team_manager": 4,
    "viewer": 5,
}
_BY_NUMBER = {number: role for role, number in NUMBERS.items()}

ANNOTATING: frozenset[ProjectRole] = frozenset({"annotator", "annotator_reviewer"})
REVIEWING: frozenset[ProjectRole] = frozenset({"reviewer", "annotator_reviewer"})


def may_manage(role: ProjectRole) -> bool:
    """Whether a role acts on everything in a project, whoever it belongs to."""
    return role in ("admin", "team_manager")


def role_of_number(number: int) -> ProjectRole:
    """The role behind a number on the wire."""
    try:
        return _BY_NUMBER[number]
    except KeyError:
        raise InvalidArgumentsError(f"There is no project role {number}") from None
