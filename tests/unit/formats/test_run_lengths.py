"""Masks in COCO's encoding, against pycocotools; polygons to pixels, against shapely."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as masks

from benchmark_qa.formats.run_lengths import coco_mask, pixels_of_rings, pixels_of_runs, runs_by_row
from benchmark_qa.labels.runs import decode_runs

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40))


@given(SHAPES, st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_masks_are_encoded_as_pycocotools_encodes_them(shape: tuple[int, int], share: float, seed: int) -> None:
    pixels = np.random.default_rng(seed).random(shape) < share
    ours, theirs = coco_mask(pixels), masks.encode(np.asfortranarray(pixels.astype(np.uint8)))
    assert ours["counts"] == theirs["counts"].decode()
    assert ours["size"] == theirs["size"]


def test_a_large_mask_is_read_back_by_our_own_reader() -> None:
    pixels = np.zeros((2000, 3000), bool)
    pixels[100:1900, 5:2990] = True
    pixels[500:600, 500:600] = False
    counts, _ = decode_runs([coco_mask(pixels)["counts"]])
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    assert (pixels == flat.reshape(3000, 2000).T).all()


@given(SHAPES, st.integers(0, 2**32 - 1))
def test_runs_row_by_row_are_the_pixels_they_say(shape: tuple[int, int], seed: int) -> None:
    pixels = np.random.default_rng(seed).random(shape) < 0.5
    flat = np.concatenate(([False], pixels.ravel(), [False])).astype(int)
    starts, ends = np.flatnonzero(np.diff(flat) == 1), np.flatnonzero(np.diff(flat) == -1)
    assert (pixels_of_runs(starts, ends, *shape) == pixels).all()
    again = np.zeros(shape, bool)
    for row, left, right in zip(*runs_by_row(starts, ends, shape[1]), strict=True):
        assert left < right
        again[row, left:right] = True
    assert (again == pixels).all()


def test_a_hole_is_not_covered() -> None:
    outer, hole = np.array([[0, 0], [10, 0], [10, 10], [0, 10]]), np.array([[3, 3], [6, 3], [6, 6], [3, 6]])
    covered = pixels_of_rings([outer, hole], 12, 12)
    assert covered.sum() == 100 - 9
    assert not covered[4, 4]


@pytest.mark.parametrize("full", [True, False])
def test_a_mask_of_one_value_is_encoded(full: bool) -> None:
    pixels = np.full((3, 4), full)
    assert (masks.decode({**coco_mask(pixels), "size": [3, 4]}).astype(bool) == pixels).all()
