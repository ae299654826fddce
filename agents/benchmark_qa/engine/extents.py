"""The boxes about drawings that decide which of them can be alike."""

import numpy as np

from benchmark_qa.engine.pairs import Indices, Numbers


def padded_extents(points: Numbers, offsets: Indices, margin: Numbers) -> Numbers:
    """Left, top, width, height (n, 4) about the points of each drawing, `margin` (n,) wider on every side."""
    if len(offsets) < 2:
        return np.empty((0, 4))
    low = np.minimum.reduceat(points, offsets[:-1], axis=0) - margin[:, None]
    high = np.maximum.reduceat(points, offsets[:-1], axis=0) + margin[:, None]
    return np.concatenate((low, high - low), axis=1)
