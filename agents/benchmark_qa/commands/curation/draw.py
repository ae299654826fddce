"""Which items make a benchmark: a stratified draw that a seed settles, near-duplicates left out."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from benchmark_qa.commands.curation.strata import Stratum, TooFewItemsError, allocate
from benchmark_qa.images.near_duplicates import near_duplicate_groups


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that may become part of a benchmark."""

    uuid: str
    title: str
    stratum: Stratum
    fingerprint: int | None = None
    """Perceptual hash of 64 bits; None: no picture, it is nobody's duplicate"""


@dataclass(frozen=True)
class Choice:
    """The items of a benchmark, in no telling order."""

    kept: tuple[Candidate, ...]
    """That were in it before"""
    added: tuple[Candidate, ...]
    near_duplicates: tuple[Candidate, ...]
    """Left out, as another item that may be chosen, or is, is nearly the same"""
    strata: Mapping[Stratum, tuple[int, int]]
    """Of each stratum: chosen, and there to choose from"""


def distinct(
    candidates: Sequence[Candidate], *, seed: int, distance: int, already: Collection[str] = ()
) -> tuple[list[Candidate], list[Candidate]]:
    """The candidates without near-duplicates, and what was left out.

    Of each group stay those that are in the benchmark already, or else the one that the seed puts first.
    """
    pictures = [candidate for candidate in candidates if candidate.fingerprint is not None]
    fingerprints = np.array([candidate.fingerprint for candidate in pictures], dtype=np.uint64)
    left_out: set[str] = set()
    for group in near_duplicate_groups(fingerprints, distance):
        members = [pictures[place] for place in group]
        chosen = {member.uuid for member in members if member.uuid in already}
        chosen = chosen or {min(members, key=lambda member: _rank(seed, member.uuid)).uuid}
        left_out |= {member.uuid for member in members} - chosen
    return (
        [candidate for candidate in candidates if candidate.uuid not in left_out],
        [candidate for candidate in candidates if candidate.uuid in left_out],
    )


def choose(
    candidates: Sequence[Candidate],
    count: int,
    *,
    seed: int,
    distance: int,
    minimum: int = 1,
    already: Collection[str] = (),
) -> Choice:
    """Draw a benchmark, or what it lacks of its size.

    What is in it already counts towards its stratum and is never taken out. The same candidates, count and seed give
    the same benchmark, in whatever order they come; a candidate more changes little.

    Args:
        candidates: to choose from, with those that are in the benchmark already.
        count: items of the whole benchmark.
        seed: another one gives another benchmark.
        distance: bits in which the fingerprints of near-duplicates differ at most.
        minimum: items of every stratum, as far as it has them.
        already: uuids of what is in the benchmark.

    Raises:
        TooFewItemsError: there are not so many distinct items.
    """
    there, left_out = distinct(candidates, seed=seed, distance=distance, already=already)
    if count > len(there):
        raise TooFewItemsError(
            f"{count:,} items are wanted, and there are {len(there):,} to choose from "
            f"({len(left_out):,} near-duplicates left out)"
        )
    by_stratum: dict[Stratum, list[Candidate]] = defaultdict(list)
    for candidate in sorted(there, key=lambda candidate: _rank(seed, candidate.uuid)):
        by_stratum[candidate.stratum].append(candidate)
    wanted = allocate({stratum: len(items) for stratum, items in by_stratum.items()}, count, minimum=minimum)
    kept, added, strata = [], [], {}
    for stratum, items in sorted(by_stratum.items()):
        old = [item for item in items if item.uuid in already]
        new = [item for item in items if item.uuid not in already][: max(wanted[stratum] - len(old), 0)]
        kept += old
        added += new
        strata[stratum] = (len(old) + len(new), len(items))
    added.sort(key=lambda candidate: _rank(seed, candidate.uuid))
    return Choice(tuple(kept), tuple(added), tuple(left_out), strata)


def _rank(seed: int, uuid: str) -> bytes:
    """A place in line that depends on the item and the seed alone."""
    return blake2b(f"{seed}/{uuid}".encode(), digest_size=8).digest()
