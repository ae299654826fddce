"""`.../groups` of whatever is shared: listing, adding and removing the groups that have access."""

from collections.abc import Callable, Mapping
from typing import Any

from emulator.errors import InvalidArgumentsError
from emulator.http.calls import Call
from emulator.http.routes import Routes
from emulator.organisation.models import Grant, Group, Shared
from emulator.wire import iso, whole


def add_group_routes(
    routes: Routes,
    path: str,
    managed: Callable[[Call], Shared],
    numbers: Mapping[Any, Any],
) -> None:
    """Registers `{path}/groups`: listing, adding and removing groups of a thing.

    Args:
        routes: where they are registered.
        path: the thing's own path.
        managed: finds the thing of a request and refuses callers who do not manage it.
        numbers: how each role is spelt on the wire.
    """
    roles = {number: role for role, number in numbers.items()}

    def list_groups(call: Call) -> Any:
        return whole({**group_dto(g.group), **_access(g, numbers)} for g in managed(call).groups.values())

    def add_groups(call: Call) -> Any:
        thing, number = managed(call), call.field("userRole")
        if number not in roles:
            raise InvalidArgumentsError(f"There is no role {number}")
        for group in [call.platform.organisation.group(uuid) for uuid in call.field("groupHashList")]:
            thing.groups[group.hash] = Grant(group, roles[number])

    def remove_groups(call: Call) -> Any:
        thing = managed(call)
        for group_hash in call.query.getlist("groupHashList"):
            if thing.groups.pop(group_hash, None) is None:
                raise InvalidArgumentsError(f"Group {group_hash} has no access that could be removed")

    routes.get(f"{path}/groups")(list_groups)
    routes.post(f"{path}/groups")(add_groups)
    routes.delete(f"{path}/groups")(remove_groups)


def group_dto(group: Group) -> dict[str, Any]:
    """A group as the SDK reads it."""
    return {
        "groupHash": group.hash,
        "name": group.name,
        "description": group.description,
        "createdAt": iso(group.created_at),
    }


def _access(grant: Grant, numbers: Mapping[Any, Any]) -> dict[str, Any]:
    return {"isSameOrganisation": True, "userRole": numbers[grant.role]}
