"""Duplicates, neighbours, clusters, the flat map and the diverse choice, against plain reference code."""

from itertools import combinations

import numpy as np
import pytest

from benchmark_qa.images import picture_groups
from benchmark_qa.images.encoder import unit_vectors
from benchmark_qa.images.picture_groups import (
    NO_CLUSTER,
    DuplicateGroup,
    Vectors,
    clusters,
    duplicate_groups,
    farthest_first,
    laid_flat,
    leaks,
    near_pairs,
    nearest,
    nearest_distances,
    reduced,
    typical,
)


def cloud(centres: int, each: int, spread: float = 0.15, size: int = 16, seed: int = 0) -> Vectors:
    random = np.random.default_rng(seed)
    rows = np.repeat(random.normal(size=(centres, size)), each, axis=0)
    return unit_vectors(rows + spread * random.normal(size=rows.shape))


@pytest.fixture(params=[1, 7, 512])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Sizes of a block that end inside and at the end of the rows."""
    monkeypatch.setattr(picture_groups, "BLOCK", request.param)
    return int(request.param)


def test_near_pairs_are_those_of_every_pair(block: int) -> None:
    vectors = cloud(5, 4)
    found = {(int(a), int(b)) for left, right in near_pairs(vectors, 0.1) for a, b in zip(left, right, strict=True)}
    assert found == {(a, b) for a, b in combinations(range(20), 2) if 1 - vectors[a] @ vectors[b] <= 0.1}
    assert found


def test_nearest_are_sorted_and_distances_agree(block: int) -> None:
    vectors = cloud(5, 4)
    places, distances = nearest(vectors, vectors[:3], 6)
    for row in range(3):
        every = 1 - vectors @ vectors[row]
        assert np.allclose(distances[row], sorted(every)[:6], atol=1e-6)
        assert places[row][0] == row
    far = 1 - vectors @ vectors.T
    np.fill_diagonal(far, 9)
    assert np.allclose(nearest_distances(vectors), far.min(axis=1), atol=1e-6)


def brute(digests: list[str], hashes: list[int | None], vectors: Vectors | None, flat: set[int]) -> set[frozenset[int]]:
    """Connected components over every pair."""
    groups = [{at} for at in range(len(digests))]
    for a, b in combinations(range(len(digests)), 2):
        near = digests[a] == digests[b]
        if a not in flat and b not in flat:
            alike = vectors is None or 1 - vectors[a] @ vectors[b] <= picture_groups.FAR
            one, other = hashes[a], hashes[b]
            near |= one is not None and other is not None and (one ^ other).bit_count() <= 4 and bool(alike)
            near |= vectors is not None and 1 - vectors[a] @ vectors[b] <= 0.1
        if near:
            first, second = (next(group for group in groups if at in group) for at in (a, b))
            if first is not second:
                groups.remove(second)
                first |= second
    return {frozenset(group) for group in groups if len(group) > 1}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("with_vectors", [True, False])
def test_groups_are_those_of_every_pair(seed: int, with_vectors: bool, block: int) -> None:
    random = np.random.default_rng(seed)
    vectors = cloud(6, 5, spread=0.25, seed=seed) if with_vectors else None
    base = random.integers(0, 2**63, size=8)
    hashes: list[int | None] = [
        None if random.random() < 0.1 else int(base[random.integers(8)]) ^ (1 << int(random.integers(63)))
        for _ in range(30)
    ]
    digests = [str(random.integers(25)) for _ in range(30)]
    flat = {at for at in range(30) if random.random() < 0.1}
    found = duplicate_groups(digests, hashes, vectors, flat=flat)
    assert {frozenset(group.members) for group in found} == brute(digests, hashes, vectors, flat)
    assert all(group.exact == (len({digests[at] for at in group.members}) == 1) for group in found)


def test_the_one_to_keep_has_the_highest_rank() -> None:
    (group,) = duplicate_groups(["a", "a", "a"], [None] * 3, None, rank=[(1,), (3,), (2,)])
    assert group.keep == 1
    assert group.members == (1, 2, 0)


def test_pictures_without_structure_are_no_duplicates_of_each_other() -> None:
    """A lens cap and a white wall have alike hashes and vectors."""
    vectors = unit_vectors(np.ones((3, 4)))
    assert duplicate_groups(["a", "b", "c"], [0, 0, 0], vectors, flat={0, 1, 2}) == []
    assert [g.members for g in duplicate_groups(["a", "b", "a"], [0, 0, 0], vectors, flat={0, 1, 2})] == [(0, 2)]


def test_leaks_are_groups_and_single_pictures_in_two_parts() -> None:
    groups = [DuplicateGroup((0, 1), True), DuplicateGroup((2, 3), False)]
    parts = [
        ("benchmark",),
        ("benchmark",),
        ("benchmark",),
        ("production",),
        ("benchmark", "production"),
        ("production",),
    ]
    assert [group.members for group in leaks(groups, parts)] == [(2, 3), (4,)]


def test_clusters_are_found_and_the_largest_is_the_first() -> None:
    vectors = np.concatenate([cloud(1, 30, seed=1), cloud(1, 60, seed=2), cloud(1, 20, seed=3)])
    numbers = clusters(vectors)
    assert numbers[:30].tolist() == [1] * 30
    assert numbers[30:90].tolist() == [0] * 60
    assert numbers[90:].tolist() == [2] * 20
    assert clusters(vectors[:5]).tolist() == [NO_CLUSTER] * 5


def test_reduced_vectors_keep_distances_and_repeat() -> None:
    vectors = cloud(4, 10)
    small = reduced(vectors, 16)
    assert np.allclose(np.linalg.norm(small[0] - small[1]), np.linalg.norm(vectors[0] - vectors[1]), atol=1e-4)
    assert np.array_equal(small, reduced(vectors, 16))
    assert reduced(vectors[:1], 16).shape == (1, 16)


@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_a_map_of_few_pictures_is_within_its_frame(count: int) -> None:
    places = laid_flat(cloud(3, 3)[:count], "pca")
    assert places.shape == (count, 2)
    assert np.abs(places).max(initial=0) <= 1


def test_farthest_first_takes_one_of_each_scene_before_a_second() -> None:
    vectors = cloud(6, 5, spread=0.05)
    chosen = farthest_first(vectors, 6)
    assert sorted(at // 5 for at in chosen) == [0, 1, 2, 3, 4, 5]
    more = farthest_first(vectors, 3, already=[0, 5, 10])
    assert sorted(at // 5 for at in more) == [3, 4, 5]
    assert len(farthest_first(vectors, 99)) == 30
    assert farthest_first(vectors[:0], 3) == []


def test_typical_pictures_are_nearest_to_the_middle() -> None:
    vectors = unit_vectors(np.array([[1, 0], [1, 0.1], [1, 0.05], [0, 1]]))
    assert typical(vectors, [0, 1, 2], 1) == [2]
    assert typical(vectors, [], 2) == []
