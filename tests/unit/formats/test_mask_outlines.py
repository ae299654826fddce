"""The outlines of a mask cover exactly its pixels."""

import numpy as np
import pytest

from benchmark_qa.formats.regions import outlines_of
from benchmark_qa.formats.run_lengths import pixels_of_rings


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_filled_again_the_outlines_of_random_masks_are_the_masks(share: float) -> None:
    rng = np.random.default_rng(int(share * 10))
    for _ in range(200):
        height, width = rng.integers(1, 12, 2)
        mask = rng.random((height, width)) < share
        filled = np.zeros_like(mask)
        for part in outlines_of(mask):
            pixels = pixels_of_rings(part, height, width)
            assert not (filled & pixels).any()
            filled |= pixels
        assert (filled == mask).all()


def test_a_ring_has_an_outline_and_a_hole_and_an_island_is_a_part_of_its_own() -> None:
    mask = np.zeros((7, 7), np.bool_)
    mask[0:7, 0:7] = True
    mask[1:6, 1:6] = False
    mask[3, 3] = True
    outer, island = outlines_of(mask)
    assert [len(ring) for ring in outer] == [4, 4]
    assert island[0].tolist() == [[3, 3], [4, 3], [4, 4], [3, 4]]
    assert outlines_of(np.zeros((3, 3), np.bool_)) == []
