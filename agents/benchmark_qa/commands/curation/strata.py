"""Strata: groups of items with the same client metadata, and how many to take of each."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

Stratum = tuple[str, ...]
"""Values of the fields that are stratified by, as text"""

MISSING = "(none)"


class TooFewItemsError(ValueError):
    """There are fewer items than are to be taken."""


def stratum_of(metadata: Mapping[str, Any], fields: Sequence[str]) -> Stratum:
    """The stratum of an item; a field that it does not have is `(none)`.

    >>> stratum_of({"weather": "rain", "hour": 7}, ["weather", "hour", "city"])
    ('rain', '7', '(none)')
    """
    return tuple(_text(metadata.get(field)) for field in fields)


def _text(value: Any) -> str:
    if value is None or value == "":
        return MISSING
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def allocate(sizes: Mapping[Stratum, int], total: int, *, minimum: int = 1) -> dict[Stratum, int]:
    """How many of `total` to take of each stratum: in proportion, but `minimum` of each, as far as it has them.

    What each stratum lacks of its proportional share is given out, whole items first, then one by one to who lacks
    most; ties go to the larger stratum, then to the first by name. Where the minima take more than the total, each
    stratum gets its minimum all the same: a stratum without an item tells nothing.

    Raises:
        TooFewItemsError

    >>> allocate({("day",): 80, ("night",): 18, ("fog",): 2}, 10)
    {('day',): 8, ('night',): 1, ('fog',): 1}
    """
    there = sum(sizes.values())
    if total > there:
        raise TooFewItemsError(f"{total:,} items are to be taken, and there are {there:,}")
    taken = {stratum: min(minimum, size) for stratum, size in sizes.items()}
    while (left := total - sum(taken.values())) > 0:
        lacking = {s: total * size / there - taken[s] for s, size in sizes.items() if taken[s] < size}
        most = min(lacking, key=lambda s: (-lacking[s], -sizes[s], s))
        taken[most] += min(max(int(lacking[most]), 1), sizes[most] - taken[most], left)
    return taken
