"""Shared over covered, where nothing may be covered at all."""

from collections.abc import Callable

import numpy as np

from benchmark_qa.engine.pairs import Flags, Indices, Numbers


def ratio_or_same(shared: Numbers, union: Numbers, same: Callable[[Indices], Flags]) -> Numbers:
    """shared / union (k,); where the union is empty, 1 if `same` says that the two drawings are equal, else 0.

    Rounding decides nothing about equal drawings: whatever is within 1e-12 of 1 is 1.
    """
    empty = union <= 0
    if not empty.any():
        return _snapped(shared / union)
    ratio = _snapped(shared / np.where(empty, 1.0, union))
    flat = np.flatnonzero(empty)
    ratio[flat] = same(flat)
    return ratio


def _snapped(ratio: Numbers) -> Numbers:
    return np.where(ratio > 1 - 1e-12, 1.0, ratio)
