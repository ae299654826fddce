"""The one organisation of an emulated platform: everybody who has an account is in it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from emulator.errors import ResourceNotFoundError
from emulator.spec import new_uuid

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Group:
    """People who are given access together."""

    name: str
    description: str
    created_at: datetime
    hash: str = field(default_factory=new_uuid)
    users: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grant:
    """A group's access to a thing."""

    group: Group
    role: Any


class Shared(Protocol):
    """A thing that people and groups have roles in."""

    users: Any
    groups: dict[str, Grant]


@dataclass(slots=True, eq=False)
class Tag:
    """A name that projects and folders carry."""

    name: str
    description: str
    uuid: str = field(default_factory=new_uuid)


@dataclass(slots=True, eq=False)
class Member:
    """What somebody is in the organisation."""

    role: str
    member_type: str
    created_at: datetime


@dataclass(slots=True, eq=False)
class Integration:
    """A key to a cloud bucket; `objects` are the URLs that exist there, None: every one."""

    title: str
    uuid: str = field(default_factory=new_uuid)
    objects: frozenset[str] | None = None


@dataclass(slots=True, eq=False)
class Organisation:
    """Groups, tags and integrations by uuid; `invited` are members without an account yet."""

    groups: dict[str, Group] = field(default_factory=dict)
    tags: dict[str, Tag] = field(default_factory=dict)
    integrations: dict[str, Integration] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    metadata_schema: dict[str, Any] | None = None
    schema_created_at: datetime | None = None
    schema_edited_at: datetime | None = None

    def group(self, group_hash: str) -> Group:
        """The group of that hash."""
        return _found(self.groups, group_hash, "group")

    def tag(self, uuid: str) -> Tag:
        """The tag of that uuid."""
        return _found(self.tags, uuid, "organisation tag")

    def integration(self, uuid: str) -> Integration:
        """The cloud integration of that uuid."""
        return _found(self.integrations, uuid, "cloud integration")


def shared_role(thing: Shared, email: str) -> Any:
    """The role of somebody: their own, else that of the first of their groups; None: they have no access."""
    own = thing.users.get(email)
    if own is not None:
        return own
    return next((grant.role for grant in thing.groups.values() if email in grant.group.users), None)


def people_of(thing: Shared) -> frozenset[str]:
    """Everybody who has access."""
    return frozenset(thing.users).union(*(grant.group.users for grant in thing.groups.values()))


def _found(known: dict[str, T], key: str, kind: str) -> T:
    try:
        return known[key.lower()]
    except KeyError:
        raise ResourceNotFoundError(f"There is no {kind} {key}") from None
