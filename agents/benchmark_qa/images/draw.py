"""Draw a benchmark: stratified, reproducible by a seed, without near-duplicates."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark_qa.images.picture_groups import near_duplicate_groups
from benchmark_qa.stats.item_order import place_in_draw

Stratum = tuple[str, ...]
"""Values of the stratification fields, as text"""


MISSING = "(none)"


class TooFewItemsError(ValueError):
    """More items were asked for than there are."""


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
    """How many of `total` to take from each stratum: proportional, with at least `minimum` of each.

    A stratum smaller than the minimum gives all that it has. The rest of the total goes to the strata that lack most of
    their proportional share, whole items first, then one by one; ties go to the larger stratum, then to the first by
    name. If the minima exceed the total, each stratum still gets its minimum: a stratum without items tells nothing.

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


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that may become part of a benchmark."""

    uuid: str
    title: str
    stratum: Stratum
    fingerprint: int | None = None
    """Perceptual hash of 64 bits; None: no picture, so it has no duplicates"""


@dataclass(frozen=True)
class BenchmarkDraw:
    """The items of a benchmark, in an order without meaning."""

    kept: tuple[Candidate, ...]
    """Items that were in the benchmark before"""
    added: tuple[Candidate, ...]
    near_duplicates: tuple[Candidate, ...]
    """Items left out because another item that can be chosen, or is in the benchmark, is nearly the same"""
    strata: Mapping[Stratum, tuple[int, int]]
    """By stratum: items chosen, and items available"""


def distinct(
    candidates: Sequence[Candidate], *, seed: int, distance: int, already: Collection[str] = ()
) -> tuple[list[Candidate], list[Candidate]]:
    """The candidates without near-duplicates, and those that were left out.

    Each group keeps its members that are in the benchmark already, or else the one that the seed puts first.
    """
    pictures = [candidate for candidate in candidates if candidate.fingerprint is not None]
    fingerprints = np.array([candidate.fingerprint for candidate in pictures], dtype=np.uint64)
    left_out: set[str] = set()
    for group in near_duplicate_groups(fingerprints, distance):
        members = [pictures[place] for place in group]
        chosen = {member.uuid for member in members if member.uuid in already}
        chosen = chosen or {min(members, key=lambda member: place_in_draw(member.uuid, seed)).uuid}
        left_out |= {member.uuid for member in members} - chosen
    return (
        [candidate for candidate in candidates if candidate.uuid not in left_out],
        [candidate for candidate in candidates if candidate.uuid in left_out],
    )


def draw_benchmark(
    candidates: Sequence[Candidate],
    count: int,
    *,
    seed: int,
    distance: int,
    minimum: int = 1,
    already: Collection[str] = (),
) -> BenchmarkDraw:
    """Draw a benchmark, or the items that it lacks.

    Items in it already count towards their stratum and are never removed. The same candidates, count and seed give the
    same benchmark in any order of input; one more candidate changes little.

    Args:
        candidates: to choose from, including those that are in the benchmark already.
        count: items of the whole benchmark.
        seed: another seed gives another benchmark.
        distance: bits in which the fingerprints of near-duplicates differ at most.
        minimum: items of every stratum, as far as it has them.
        already: uuids of the items in the benchmark.

    Raises:
        TooFewItemsError: there are fewer distinct items than `count`.
    """
    there, left_out = distinct(candidates, seed=seed, distance=distance, already=already)
    if count > len(there):
        raise TooFewItemsError(
            f"{count:,} items are wanted, and there are {len(there):,} to choose from "
            f"({len(left_out):,} near-duplicates left out)"
        )
    by_stratum: dict[Stratum, list[Candidate]] = defaultdict(list)
    for candidate in sorted(there, key=lambda candidate: place_in_draw(candidate.uuid, seed)):
        by_stratum[candidate.stratum].append(candidate)
    wanted = allocate({stratum: len(items) for stratum, items in by_stratum.items()}, count, minimum=minimum)
    kept, added, strata = [], [], {}
    for stratum, items in sorted(by_stratum.items()):
        old = [item for item in items if item.uuid in already]
        new = [item for item in items if item.uuid not in already][: max(wanted[stratum] - len(old), 0)]
        kept += old
        added += new
        strata[stratum] = (len(old) + len(new), len(items))
    added.sort(key=lambda candidate: place_in_draw(candidate.uuid, seed))
    return BenchmarkDraw(tuple(kept), tuple(added), tuple(left_out), strata)
