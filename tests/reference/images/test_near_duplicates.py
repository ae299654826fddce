"""Groups of many hashes beside comparing every pair."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark_qa.images.picture_groups import laid_flat
from tests.unit.images.test_near_duplicates import drifting, found
from tests.unit.images.test_picture_groups import cloud


def alike(one: int, other: int, distance: int) -> bool:
    """The rule of `near_duplicate_groups` in whole numbers: fewer bits where hashes have few ones or few zeros."""
    said = min((one | other).bit_count(), 64 - (one & other).bit_count(), 16)
    return (one ^ other).bit_count() <= distance * said / 16


def by_comparing_all(hashes: list[int], distance: int) -> list[list[int]]:
    groups: list[set[int]] = []
    for index, value in enumerate(hashes):
        near = [group for group in groups if any(alike(value, hashes[other], distance) for other in group)]
        groups = [group for group in groups if group not in near] + [{index}.union(*near)]
    return sorted(sorted(group) for group in groups if len(group) > 1)


@pytest.mark.parametrize("distance", [0, 1, 2, 3, 5, 8, 10, 13, 20, 64])
def test_the_groups_are_those_of_comparing_every_pair(distance: int) -> None:
    hashes = [int(value) for value in drifting(600, seed=distance)]
    assert found(hashes, distance) == by_comparing_all(hashes, distance)


words = st.integers(0, 2**64 - 1) | st.integers(0, 255) | st.integers(0, 63).map(lambda bit: 1 << bit)


@given(st.lists(words, max_size=40), st.integers(0, 64))
def test_any_hashes_at_any_distance_are_grouped_as_by_comparing_every_pair(hashes: list[int], distance: int) -> None:
    assert found(hashes, distance) == by_comparing_all(hashes, distance)


def test_neighbours_on_the_map_are_of_the_same_scene_and_the_map_repeats() -> None:
    vectors = cloud(3, 12)
    places = laid_flat(vectors)
    away = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(away, 9)
    assert (away.argmin(axis=1) // 12).tolist() == (np.arange(36) // 12).tolist()
    assert np.array_equal(places, laid_flat(vectors))
