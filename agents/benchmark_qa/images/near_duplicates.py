"""Groups of near-duplicates among perceptual hashes of n images.

A perceptual hash has 64 bits. Two images are near-duplicates if their hashes differ in at most `distance` bits.
Comparing every pair costs n² / 2 comparisons: 5,000 million for 100,000 images. By the pigeonhole principle, two hashes
that differ in at most d bits are equal in at least one of d + 1 bands of bits (multi-index hashing: Norouzi, Punjani
and Fleet, CVPR 2012). Only hashes with a common band are compared: about n² / 2 · (d + 1) / 2^(64 / (d + 1)).
If this saves nothing, all pairs are compared. Hashes that are in one group already are not compared again.
"""

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

HASH_BITS: Final = 64


def near_duplicate_groups(hashes: NDArray[np.uint64], distance: int) -> list[NDArray[np.intp]]:
    """Groups of two or more near-duplicates: ascending indices into `hashes`, ordered by the first index.

    `hashes` has the shape (n,). Groups are transitive: a and c share a group if both are near b (frames of a video
    change slowly and form one group). So an index is in one group at most, and the groups do not depend on the
    order of the input. Memory grows with n, not with the number of pairs.

    Raises ValueError for hashes that are not a flat uint64 array and for a distance outside 0 to 64.
    """
    if hashes.dtype != np.uint64 or hashes.ndim != 1:
        raise ValueError(f"hashes must be a flat array of uint64, not {hashes.dtype} of shape {hashes.shape}")
    if not 0 <= distance <= HASH_BITS:
        raise ValueError(f"distance must be between 0 and {HASH_BITS} bits, not {distance}")
    if not len(hashes):
        return []
    # Merge exact copies first: a thousand black frames are one hash, not half a million pairs.
    distinct, group_of = np.unique(hashes, return_inverse=True)
    return groups_of(_joined(distinct, distance)[group_of])


def _joined(distinct: NDArray[np.uint64], distance: int) -> NDArray[np.intp]:
    """For each hash the smallest index of its connected component."""
    roots = np.arange(len(distinct))
    if distance == 0:
        return roots
    for keys in _cheapest(_bands(distinct, distance)):
        roots = _join_within_buckets(roots, distinct, keys, distance)
    return roots


def _bands(hashes: NDArray[np.uint64], distance: int) -> list[NDArray[np.uint64]]:
    """Keys, one array per band; near hashes share at least one key."""
    count = min(distance + 1, HASH_BITS)
    edges = [HASH_BITS * band // count for band in range(count + 1)]
    return [(hashes >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1) for low, high in pairwise(edges)]


def _cheapest(bands: list[NDArray[np.uint64]]) -> list[NDArray[np.uint64]]:
    """The bands, or a single key for all hashes (all pairs are compared) if that needs fewer comparisons."""
    sizes = [np.unique_counts(keys).counts for keys in bands]
    if sum(int(np.sum(size * (size - 1))) for size in sizes) < len(bands[0]) * (len(bands[0]) - 1):
        return bands
    return [np.zeros_like(bands[0])]


def _join_within_buckets(
    roots: NDArray[np.intp], hashes: NDArray[np.uint64], keys: NDArray[np.uint64], distance: int
) -> NDArray[np.intp]:
    """The roots after joining near hashes that share a key.

    Each hash is compared with the next one in its bucket, then with the second next, and so on.
    """
    order = np.argsort(keys, kind="stable")
    hashes, keys = hashes[order], keys[order]
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    bucket = np.cumsum(np.concatenate([[False], keys[1:] != keys[:-1]]))
    ends = np.append(starts[1:], len(keys))[bucket]
    active = np.arange(len(keys))
    step = 1
    while len(active := active[active + step < ends[active]]):
        if step.bit_count() == 1:  # at some steps: drop buckets that are one component already
            members = roots[order]
            open_ = np.minimum.reduceat(members, starts) != np.maximum.reduceat(members, starts)
            active = active[open_[bucket[active]]]
        near = active[np.bitwise_count(hashes[active] ^ hashes[active + step]) <= distance]
        if len(near):
            roots = unite(roots, order[near], order[near + step])
        step += 1
    return roots


def unite(roots: NDArray[np.intp], left: NDArray[np.intp], right: NDArray[np.intp]) -> NDArray[np.intp]:
    """The roots after joining left[i] with right[i]; the root of a component is its smallest index."""
    while True:
        apart = roots[left] != roots[right]
        if not apart.any():
            return roots
        left, right = left[apart], right[apart]
        one, other = roots[left], roots[right]
        roots = roots.copy()
        np.minimum.at(roots, np.maximum(one, other), np.minimum(one, other))
        while not np.array_equal(shorter := roots[roots], roots):
            roots = shorter


def groups_of(component: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Groups of two or more indices with the same component, ordered by the first index."""
    order = np.argsort(component, kind="stable")
    starts = np.flatnonzero(np.diff(component[order], prepend=-1))
    groups = [group for group in np.split(order, starts[1:]) if len(group) > 1]
    return sorted(groups, key=lambda group: int(group[0]))
