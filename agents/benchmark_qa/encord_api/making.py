"""Make what Encord would make twice: folders, datasets, ontologies, projects.

An answer may get lost after Encord has done what was asked, and Encord does not mind two things of one title. So every
attempt looks first whether the thing is there. A mark in the description tells ours from another of the same title.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Protocol, TypeVar

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.errors import RequestRejected


class Titled(Protocol):
    """What a list shows of a folder, a dataset, an ontology or a project."""

    @property
    def uuid(self) -> str:
        """Its own, or its hash."""

    @property
    def title(self) -> str:
        """As people read it."""

    @property
    def description(self) -> str:
        """With the mark in it, where we have made it."""


T = TypeVar("T", bound=Titled)


def mark_of(kind: str, title: str) -> str:
    """The mark of what a command makes by title alone; a set-up has marks of its own."""
    digest = blake2b("\0".join((kind, title)).encode(), digest_size=6)
    return f"benchmark-qa {digest.hexdigest()}"


def find_or_make(kind: str, title: str, mark: str, find: Callable[[], Sequence[T]], make: Callable[[], T]) -> T:
    """The one thing of that title, made where there is none. `find` is called before every attempt to make it.

    Raises:
        RequestRejected: there are several of that title, and no mark says which is meant.
        PlatformError: Encord cannot be used.
    """

    def attempt() -> T:
        there = [thing for thing in find() if thing.title == title]
        candidates = [thing for thing in there if mark and mark in thing.description] or there
        if len(candidates) > 1:
            uuids = ", ".join(sorted(thing.uuid for thing in candidates))
            raise RequestRejected(f"there are {len(candidates)} of {kind} {title!r}: {uuids}; rename or delete one")
        return candidates[0] if candidates else make()

    return retries.call(attempt)
