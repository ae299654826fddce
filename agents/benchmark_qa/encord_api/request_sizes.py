"""Most things in one request to Encord."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

ROWS_PER_REQUEST = 1_000


ACTIONS_PER_REQUEST = 1_000


TASKS_PER_PAGE = 100
"""Tasks on a page from Encord."""


T = TypeVar("T")


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in slices of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
