"""Areas as one ring, which is all that a line of YOLO's segmentation labels can hold.

Parts and holes are joined by bridges of no width between their nearest corners. Filled by the even-odd rule, the ring
covers what the parts cover without their holes.
"""

from collections.abc import Sequence

import numpy as np
import shapely

from benchmark_qa.formats.regions import Mask, Region
from benchmark_qa.formats.run_lengths import runs_by_row
from benchmark_qa.labels.labels_geometry import Numbers


def one_ring(region: Region) -> Numbers:
    """The outline or mask of a region as a single ring (m, 2), in pixels."""
    polygons = rings_of_mask(region.mask) if region.mask is not None else region.polygons
    return joined([ring for rings in polygons for ring in rings])


def rings_of_mask(mask: Mask) -> list[tuple[Numbers, ...]]:
    """The outlines of a mask's pixels, exactly along their edges: outer ring first, then its holes."""
    row, left, right = runs_by_row(mask.starts, mask.ends, mask.width)
    covered = shapely.union_all(shapely.box(left, row, right, row + 1))
    parts = shapely.get_parts(shapely.simplify(covered, 0))
    return [
        (
            shapely.get_coordinates(shapely.get_exterior_ring(part))[:-1],
            *(shapely.get_coordinates(ring)[:-1] for ring in part.interiors),
        )
        for part in parts
    ]


def joined(rings: Sequence[Numbers]) -> Numbers:
    """Rings (m, 2) as one: each goes in where it is nearest to what is joined so far, and back again.

    >>> corner = np.array([[0, 0], [2, 0], [0, 2]])
    >>> joined([corner, corner / 2 + [3, 0]]).astype(int).tolist()
    [[0, 0], [2, 0], [3, 0], [4, 0], [3, 1], [3, 0], [2, 0], [0, 2]]
    """
    whole = np.asarray(rings[0], np.float64)
    waiting = [np.asarray(ring, np.float64) for ring in rings[1:]]
    while waiting:
        gaps = [((whole[:, None] - ring[None]) ** 2).sum(axis=2) for ring in waiting]
        nearest = int(np.argmin([gap.min() for gap in gaps]))
        ring, gap = waiting.pop(nearest), gaps[nearest]
        at, entry = np.unravel_index(int(gap.argmin()), gap.shape)
        around = np.concatenate((ring[entry:], ring[: entry + 1]))
        whole = np.concatenate((whole[: at + 1], around, whole[at:]))
    return whole
