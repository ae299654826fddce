"""Who may use a thing: people one by one, and whole groups of them."""

from dataclasses import dataclass
from typing import Any, Protocol

from emulator.organisation.models import Group


@dataclass(frozen=True, slots=True)
class Grant:
    """A group's access to a thing."""

    group: Group
    role: Any


class Shared(Protocol):
    """A thing that people and groups have roles in."""

    users: Any
    groups: dict[str, Grant]


def shared_role(thing: Shared, email: str) -> Any:
    """The role of somebody: their own, else that of the first of their groups; None: they have no access."""
    own = thing.users.get(email)
    if own is not None:
        return own
    return next((grant.role for grant in thing.groups.values() if email in grant.group.users), None)


def people_of(thing: Shared) -> frozenset[str]:
    """Everybody who has access."""
    return frozenset(thing.users).union(*(grant.group.users for grant in thing.groups.values()))
