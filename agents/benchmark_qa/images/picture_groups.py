"""Groups of pictures: near-duplicates by hash and by vector, neighbours, clusters, a map, a diverse choice.

A perceptual hash has 64 bits. Two images are near-duplicates if their hashes differ in at most `distance` bits.
Comparing every pair costs n² / 2 comparisons: 5,000 million for 100,000 images. By the pigeonhole principle, two hashes
that differ in at most d bits are equal in at least one of d + 1 bands of bits (multi-index hashing: Norouzi, Punjani
and Fleet, CVPR 2012). Only hashes with a common band are compared: about n² / 2 · (d + 1) / 2^(64 / (d + 1)).
If this saves nothing, all pairs are compared. Hashes that are in one group already are not compared again.

Vectors have unit length, shape (n, d); their distance is the cosine distance, 0 to 2. A row of zeros has no neighbours.
Products are made in blocks, so memory grows with n and not with n².
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
PicturePairs = Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]

HASH_BITS: Final = 64
BLOCK: Final = 512
"""Rows whose products with all others are in memory at a time"""
NEAR: Final = 0.1
"""Default cosine distance of near-duplicates"""
FAR: Final = 0.3
"""Cosine distance above which near hashes are taken for chance: smooth pictures have few different hashes"""
NEAR_BITS: Final = 4
"""Default bits of 64 in which the hashes of near-duplicates differ"""
REDUCED: Final = 50
"""Principal components in which clusters and the map are sought"""
LEAST_CLUSTER: Final = 10
"""Default size of the smallest cluster"""
NO_CLUSTER: Final = -1


# --- by hash -------------------------------------------------------------------------------------------------------


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
    return _with_company(_joined(distinct, distance)[group_of])


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
        near = active[_near(hashes[active], hashes[active + step], distance)]
        if len(near):
            roots = _unite(roots, order[near], order[near + step])
        step += 1
    return roots


def _near(left: NDArray[np.uint64], right: NDArray[np.uint64], distance: int) -> NDArray[np.bool_]:
    """Whether hashes differ in at most `distance` bits, and in fewer where they say little.

    A hash of few ones or few zeros is of a sparse picture: a white page with one stamp, a black sky with one lamp. The
    distance is for 16 ones and 16 zeros or more, and less in proportion.
    """
    differ = np.bitwise_count(left ^ right).astype(np.int16)
    said = np.minimum(np.bitwise_count(left | right), np.bitwise_count(~(left & right)))
    near: NDArray[np.bool_] = 16 * differ <= distance * np.minimum(said, 16).astype(np.int16)
    return near


def _unite(roots: NDArray[np.intp], left: NDArray[np.intp], right: NDArray[np.intp]) -> NDArray[np.intp]:
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


def _with_company(component: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Groups of two or more indices with the same component, ordered by the first index."""
    order = np.argsort(component, kind="stable")
    starts = np.flatnonzero(np.diff(component[order], prepend=-1))
    groups = [group for group in np.split(order, starts[1:]) if len(group) > 1]
    return sorted(groups, key=lambda group: int(group[0]))


# --- by vector -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Pictures that are the same or nearly the same."""

    members: tuple[int, ...]
    """Indices, the one to keep first"""
    exact: bool
    """Whether the bytes of all are equal"""

    @property
    def keep(self) -> int:
        """The member to keep; the others are duplicates of it."""
        return self.members[0]


def duplicate_groups(
    digests: Sequence[str],
    fingerprints: Sequence[int | None],
    vectors: Vectors | None,
    *,
    flat: Collection[int] = (),
    bits: int = NEAR_BITS,
    distance: float = NEAR,
    rank: Sequence[tuple[Any, ...]] | None = None,
) -> list[DuplicateGroup]:
    """Groups of pictures with equal bytes, near hashes or near vectors; groups are transitive.

    Args:
        digests: of the bytes of each picture.
        fingerprints: perceptual hash of each picture; None: it has no structure.
        vectors: of each picture; None: hashes alone.
        flat: pictures without structure. They look alike, so only equal bytes make them duplicates.
        bits, distance: near is at most this far.
        rank: sort key of each picture; the largest is kept. Default: the first.
    """
    count = len(digests)
    same = np.unique(np.array(digests, dtype=np.str_), return_inverse=True)[1] if count else np.zeros(0, dtype=np.intp)
    roots = _of_groups(np.arange(count), _with_company(same))
    structured = np.array([at for at in range(count) if fingerprints[at] is not None and at not in flat], dtype=np.intp)
    hashes = np.array([fingerprints[at] for at in structured], dtype=np.uint64)
    alike = [structured[group] for group in near_duplicate_groups(hashes, bits)]
    if vectors is None or not count:
        roots = _of_groups(roots, alike)
    else:
        known = np.array([at not in flat for at in range(count)]) & vectors.any(axis=1)
        roots = _linked(roots, np.flatnonzero(known), near_pairs(vectors[known], distance))
        for group in alike:
            roots = _linked(roots, group, _of_near_hash(group, fingerprints, vectors, bits))
    found = []
    for group in _with_company(roots):
        members = group.tolist()
        if rank is not None:
            members.sort(key=lambda at: rank[at], reverse=True)
        found.append(DuplicateGroup(tuple(members), len({digests[at] for at in members}) == 1))
    return found


def _of_groups(roots: NDArray[np.intp], groups: Sequence[NDArray[np.intp]]) -> NDArray[np.intp]:
    for group in groups:
        roots = _unite(roots, np.full(len(group) - 1, group[0]), group[1:])
    return roots


def _linked(roots: NDArray[np.intp], places: NDArray[np.intp], pairs: PicturePairs) -> NDArray[np.intp]:
    for left, right in pairs:
        apart = roots[places[left]] != roots[places[right]]
        roots = _unite(roots, places[left[apart]], places[right[apart]])
    return roots


def _of_near_hash(
    group: NDArray[np.intp], fingerprints: Sequence[int | None], vectors: Vectors, bits: int
) -> PicturePairs:
    """Pairs of a group with near hashes whose vectors do not contradict; without a vector the hash decides."""
    hashes = np.array([fingerprints[at] for at in group], dtype=np.uint64)
    rows = vectors[group]
    without: NDArray[np.bool_] = ~np.any(rows, axis=1)
    for start in range(0, len(group), BLOCK):
        block = slice(start, start + BLOCK)
        near = rows[block] @ rows.T >= 1 - FAR
        near |= without[block][:, None] | without[None]
        near &= _near(hashes[block, None], hashes[None], bits)
        left, right = np.nonzero(np.triu(near, start + 1))
        if len(left):
            yield left + start, right


def near_pairs(vectors: Vectors, distance: float) -> PicturePairs:
    """Pairs of rows that are at most `distance` apart, in blocks; the first of a pair has the smaller index."""
    for start in range(0, len(vectors), BLOCK):
        near = vectors[start : start + BLOCK] @ vectors[start:].T >= 1 - distance
        left, right = np.nonzero(np.triu(near, 1))
        if len(left):
            yield left + start, right + start


def nearest(vectors: Vectors, asked: Vectors, count: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For each asked row the nearest rows and their distances, (m, count) each, the nearest first."""
    count = min(count, len(vectors))
    indices, distances = [], []
    for start in range(0, len(asked), BLOCK):
        away = 1 - asked[start : start + BLOCK] @ vectors.T
        found = np.argpartition(away, count - 1, axis=1)[:, :count] if count else np.zeros((len(away), 0), np.intp)
        near = np.take_along_axis(away, found, axis=1)
        order = np.argsort(near, axis=1, kind="stable")
        indices.append(np.take_along_axis(found, order, axis=1))
        distances.append(np.take_along_axis(near, order, axis=1))
    if not indices:
        return np.zeros((0, count), np.intp), np.zeros((0, count), np.float32)
    return np.concatenate(indices), np.concatenate(distances)


def nearest_distances(vectors: Vectors) -> NDArray[np.float32]:
    """Distance of each row to its nearest other row, (n,). The histogram by which to choose a threshold."""
    found = np.full(len(vectors), 2, dtype=np.float32)
    for start in range(0, len(vectors), BLOCK):
        similar = vectors[start : start + BLOCK] @ vectors.T
        rows = np.arange(len(similar))
        similar[rows, rows + start] = -1
        found[start : start + BLOCK] = np.clip(1 - similar.max(axis=1, initial=-1), 0, 2)
    return found


def leaks(groups: Sequence[DuplicateGroup], parts: Sequence[Collection[str]]) -> list[DuplicateGroup]:
    """Groups, and single pictures, that are in more than one part: benchmark and production, or two splits."""
    grouped = {at for group in groups for at in group.members}
    alone = [DuplicateGroup((at,), True) for at in range(len(parts)) if at not in grouped]
    return [group for group in (*groups, *alone) if len({part for at in group.members for part in parts[at]}) > 1]


# --- clusters and the map ------------------------------------------------------------------------------------------


def reduced(vectors: Vectors, size: int = REDUCED) -> Vectors:
    """The first principal components, (n, at most size); signs are fixed, so the same vectors give the same numbers."""
    if len(vectors) < 2:
        return np.zeros((len(vectors), min(size, vectors.shape[1])), dtype=np.float32)
    centred = vectors - vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    values, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    axes = axes[:, np.argsort(-values, kind="stable")[: min(size, len(vectors))]]
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.sign(axes[largest, np.arange(axes.shape[1])])
    found: Vectors = centred @ axes.astype(np.float32)
    return found


def clusters(vectors: Vectors, *, least: int = LEAST_CLUSTER) -> NDArray[np.intp]:
    """Cluster number of each row by HDBSCAN, the largest cluster 0; `NO_CLUSTER` for rows in none.

    Raises:
        ModuleNotFoundError: scikit-learn, of the extra `embeddings`, is not installed.
    """
    from sklearn.cluster import HDBSCAN  # noqa: PLC0415 - an extra

    if len(vectors) < max(2 * least, 4):
        return np.full(len(vectors), NO_CLUSTER, dtype=np.intp)
    found = HDBSCAN(min_cluster_size=max(least, 2), min_samples=min(max(least, 2), 10), copy=True).fit_predict(
        reduced(vectors)
    )
    return _by_size(found)


def _by_size(found: NDArray[Any]) -> NDArray[np.intp]:
    numbers, first, counts = np.unique(found[found >= 0], return_index=True, return_counts=True)
    new = np.full(int(numbers.max(initial=-1)) + 2, NO_CLUSTER, dtype=np.intp)
    new[numbers[np.lexsort((first, -counts))]] = np.arange(len(numbers))
    ordered: NDArray[np.intp] = new[found]  # -1 takes the last entry, which is NO_CLUSTER
    return ordered


def laid_flat(vectors: Vectors, how: Literal["tsne", "pca"] = "tsne", *, seed: int = 0) -> Vectors:
    """A place in two dimensions for each row, (n, 2), within -1 to 1.

    Raises:
        ModuleNotFoundError: openTSNE, of the extra `embeddings`, is not installed.
    """
    places = reduced(vectors, REDUCED if how == "tsne" else 2)
    if how == "tsne" and len(vectors) >= 10:
        from openTSNE import TSNE  # noqa: PLC0415 - an extra

        perplexity = min(30, (len(vectors) - 1) / 3)
        steps = {"early_exaggeration_iter": 150, "n_iter": 300}
        made = TSNE(perplexity=perplexity, initialization="pca", random_state=seed, n_jobs=1, **steps)
        places = np.asarray(made.fit(places), dtype=np.float32)
    flat = np.zeros((len(vectors), 2), dtype=np.float32)
    flat[:, : min(places.shape[1], 2)] = places[:, :2]
    flat -= (flat.max(axis=0, initial=0) + flat.min(axis=0, initial=0)) / 2
    flat /= max(float(np.abs(flat).max(initial=0)), 1e-9)
    return flat


def farthest_first(vectors: Vectors, count: int, *, already: Sequence[int] = ()) -> list[int]:
    """Up to `count` rows, each the farthest from all chosen before and from `already`. A diverse choice.

    Without `already`, the first is the row nearest to the mean: a typical picture.
    """
    if not len(vectors) or count < 1:
        return []
    near = np.full(len(vectors), -np.inf, dtype=np.float32)
    for at in already:
        near = np.maximum(near, vectors @ vectors[at])
    taken = np.zeros(len(vectors), dtype=bool)
    taken[list(already)] = True
    chosen: list[int] = []
    while len(chosen) < count and not taken.all():
        first = not chosen and not len(already)
        score = -(vectors @ vectors.mean(axis=0)) if first else near
        at = int(np.argmin(np.where(taken, np.inf, score)))
        chosen.append(at)
        taken[at] = True
        near = np.maximum(near, vectors @ vectors[at])
    return chosen


def typical(vectors: Vectors, members: Sequence[int], count: int) -> list[int]:
    """The members nearest to their mean."""
    rows = vectors[list(members)]
    if not len(rows):
        return []
    return [members[int(at)] for at in np.argsort(-(rows @ rows.mean(axis=0)), kind="stable")[:count]]
