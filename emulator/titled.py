"""The filters that lists of projects, ontologies and datasets share."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Protocol, TypeVar

from starlette.datastructures import QueryParams

from emulator.wire import parse_date, sql_like


class Titled(Protocol):
    """What has a title, a description and dates."""

    title: str
    description: str
    created_at: datetime
    edited_at: datetime


T = TypeVar("T", bound=Titled)
Test = Callable[[Titled], bool]


def filtered(things: Iterable[T], query: QueryParams) -> Iterator[T]:
    """The things that every filter of the query lets pass."""
    tests = [make(query[name]) for name, make in _FILTERS.items() if name in query]
    return (thing for thing in things if all(test(thing) for test in tests))


def _title_eq(text: str) -> Test:
    return lambda thing: thing.title == text


def _title_like(text: str) -> Test:
    matches = sql_like(text)
    return lambda thing: matches(thing.title)


def _description_eq(text: str) -> Test:
    return lambda thing: thing.description == text


def _description_like(text: str) -> Test:
    matches = sql_like(text)
    return lambda thing: matches(thing.description)


def _created_before(text: str) -> Test:
    moment = parse_date(text)
    return lambda thing: thing.created_at <= moment


def _created_after(text: str) -> Test:
    moment = parse_date(text)
    return lambda thing: thing.created_at >= moment


def _edited_before(text: str) -> Test:
    moment = parse_date(text)
    return lambda thing: thing.edited_at <= moment


def _edited_after(text: str) -> Test:
    moment = parse_date(text)
    return lambda thing: thing.edited_at >= moment


_FILTERS: dict[str, Callable[[str], Test]] = {
    "titleEq": _title_eq,
    "titleLike": _title_like,
    "descEq": _description_eq,
    "descLike": _description_like,
    "descriptionEq": _description_eq,
    "descriptionLike": _description_like,
    "createdBefore": _created_before,
    "createdAfter": _created_after,
    "editedBefore": _edited_before,
    "editedAfter": _edited_after,
}
