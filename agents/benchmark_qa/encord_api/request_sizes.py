"""How many things one request to Encord takes."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

ROWS_PER_REQUEST = 1_000


ACTIONS_PER_REQUEST = 1_000


TASKS_PER_PAGE = 100
"""What Encord puts on a page of tasks"""


T = TypeVar("T")


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in runs of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
