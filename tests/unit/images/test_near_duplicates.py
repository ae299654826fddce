"""Near-duplicates by bands against the comparison of every pair with every other."""

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark_qa.images.picture_groups import near_duplicate_groups


def found(hashes: list[int], distance: int) -> list[list[int]]:
    return [group.tolist() for group in near_duplicate_groups(np.array(hashes, dtype=np.uint64), distance)]


def drifting(count: int, seed: int) -> NDArray[np.uint64]:
    """Hashes of which half are another one with one to ten bits flipped."""
    random = np.random.default_rng(seed)
    hashes = random.integers(0, 2**64, size=count, dtype=np.uint64)
    for index in range(count // 2, count):
        flips = random.choice(64, size=random.integers(1, 11), replace=False).astype(np.uint64)
        hashes[index] = hashes[random.integers(0, index)] ^ np.bitwise_or.reduce(np.uint64(1) << flips)
    return hashes


def test_being_near_is_handed_on_and_stops_where_the_chain_breaks() -> None:
    base = 0xAAAAAAAAAAAAAAAA
    assert found([base, base ^ 0b11, base ^ 0b1111, base ^ 0b111111 << 20], 2) == [[0, 1, 2]]


@pytest.mark.parametrize("background", [0, 2**64 - 1])
def test_pages_with_one_stamp_at_different_places_are_no_duplicates(background: int) -> None:
    left, right = background ^ 0b11 << 8, background ^ 0b11 << 40
    assert found([left, right], 4) == []
    assert found([left, right, left], 4) == [[0, 2]]


def test_exact_copies_are_found_at_distance_nought() -> None:
    assert found([7, 9, 7, 7, 9, 1], 0) == [[0, 2, 3], [1, 4]]


def test_nothing_and_one_image_have_no_duplicates() -> None:
    assert found([], 4) == []
    assert found([5], 4) == []


def test_the_order_of_input_changes_only_the_indices() -> None:
    hashes = drifting(500, seed=3)
    shuffled = np.random.default_rng(0).permutation(len(hashes))
    there = {frozenset(group.tolist()) for group in near_duplicate_groups(hashes, 6)}
    back = {frozenset(shuffled[group].tolist()) for group in near_duplicate_groups(hashes[shuffled], 6)}
    assert there == back


def test_hashes_of_another_type_and_impossible_distances_are_refused() -> None:
    with pytest.raises(ValueError, match="uint64, not int64"):
        near_duplicate_groups(np.array([1, 2], dtype=np.int64), 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="0 and 64 bits, not 65"):
        near_duplicate_groups(np.array([1], dtype=np.uint64), 65)
