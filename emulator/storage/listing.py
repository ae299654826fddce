"""Lists of folders and items: searched, sorted, and paged so that what changes between two pages does no harm."""

import base64
import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Protocol, TypeVar

from starlette.datastructures import QueryParams

from emulator.errors import InvalidArgumentsError
from emulator.wire import PAGE_SIZE

LARGEST_PAGE = 1000


class Named(Protocol):
    """What is listed."""

    uuid: str
    name: str
    created_at: datetime


T = TypeVar("T", bound=Named)
_Key = tuple[str, str]


def sorted_page(things: Iterable[T], query: QueryParams, to_wire: Callable[[T], Any]) -> dict[str, Any]:
    """One page in the order that the query asks for.

    The page token is the key of the last thing of the page before, not its position: whoever deletes or moves what
    they have read misses nothing.
    """
    key = _created if query.get("order") == "createdAt" else _name
    descending = query.get("desc", "").lower() == "true"
    size = _page_size(query)
    ordered = sorted(_matching(things, query.get("search")), key=key, reverse=descending)
    token = query.get("pageToken")
    if token:
        last = _decode(token)
        ordered = [thing for thing in ordered if (key(thing) < last if descending else key(thing) > last)]
    more = len(ordered) > size
    return {
        "results": [to_wire(thing) for thing in ordered[:size]],
        "nextPageToken": _encode(key(ordered[size - 1])) if more else None,
    }


def _matching(things: Iterable[T], search: str | None) -> Iterable[T]:
    if not search:
        return things
    wanted = search.casefold()
    return (thing for thing in things if wanted in thing.name.casefold())


def _name(thing: Named) -> _Key:
    return thing.name, thing.uuid


def _created(thing: Named) -> _Key:
    return thing.created_at.isoformat(), thing.uuid


def _page_size(query: QueryParams) -> int:
    text = query.get("pageSize", str(PAGE_SIZE))
    if not text.isdigit() or not 1 <= int(text) <= LARGEST_PAGE:
        raise InvalidArgumentsError(f"pageSize must be between 1 and {LARGEST_PAGE}")
    return int(text)


def _encode(key: _Key) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def _decode(token: str) -> _Key:
    try:
        value, uuid = json.loads(base64.urlsafe_b64decode(token))
    except ValueError:
        raise InvalidArgumentsError("pageToken is not one of this list") from None
    return str(value), str(uuid)
