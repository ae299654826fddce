"""Create things that Encord would create twice: folders, datasets, ontologies, projects.

An answer may be lost after Encord has done the work, and Encord accepts two things with the same title. So every
attempt first looks for the thing. A mark in the description distinguishes what this software created from other things
with the same title.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Protocol, TypeVar

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.errors import RequestRejected


class Titled(Protocol):
    """A folder, a dataset, an ontology or a project in a list."""

    @property
    def uuid(self) -> str:
        """Its uuid or hash."""

    @property
    def title(self) -> str:
        """Its title."""

    @property
    def description(self) -> str:
        """Its description; contains the mark if this software created it."""


T = TypeVar("T", bound=Titled)


def mark_of(kind: str, title: str) -> str:
    """The mark of things that a command creates by title only; set-up files have other marks."""
    digest = blake2b("\0".join((kind, title)).encode(), digest_size=6)
    return f"benchmark-qa {digest.hexdigest()}"


def find_or_make(kind: str, title: str, mark: str, find: Callable[[], Sequence[T]], make: Callable[[], T]) -> T:
    """The only thing of that title, created if there is none. `find` is called before every attempt.

    Raises:
        RequestRejected: several have that title, and the mark does not select one.
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
