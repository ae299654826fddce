"""Shared over covered, where nothing may be covered at all."""

from collections.abc import Callable

import numpy as np

from agents.scoring.pairs import Flags, Indices, Numbers


def ratio_or_same(shared: Numbers, union: Numbers, same: Callable[[Indices], Flags]) -> Numbers:
    """shared / union (k,); where the union is empty, 1 if `same` says that the two drawings are equal, else 0.

    Rounding may not lift a ratio above 1.
    """
    empty = union <= 0
    if not empty.any():
        return np.minimum(shared / union, 1.0)
    ratio = np.minimum(shared / np.where(empty, 1.0, union), 1.0)
    flat = np.flatnonzero(empty)
    ratio[flat] = same(flat)
    return ratio
