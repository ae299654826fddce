"""A small matcher to measure the crowd with: not the service's engine, so that each checks the other."""

from collections.abc import Sequence

from demo.labels import Box

MATCH_IOU = 0.5
ROUNDING = 1e-9
"""A pair exactly on the threshold matches: rounding must not decide about it."""


def intersection_over_union(one: Box, other: Box) -> float:
    """IoU of two `(x, y, width, height)` boxes, in [0, 1]."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    overlap = width * height
    return overlap / (one[2] * one[3] + other[2] * other[3] - overlap)


def match(truth: Sequence[Box], drawn: Sequence[Box]) -> list[tuple[int, int]]:
    """As many one-to-one pairs `(truth index, drawn index)` with IoU >= 0.5 as can be (augmenting paths)."""
    candidates: list[list[int]] = []
    for box in truth:
        overlaps = [intersection_over_union(box, other) for other in drawn]
        close = [index for index, overlap in enumerate(overlaps) if overlap >= MATCH_IOU - ROUNDING]
        candidates.append(sorted(close, key=overlaps.__getitem__, reverse=True))

    partner: dict[int, int] = {}

    def find_partner(true_index: int, tried: set[int]) -> bool:
        for index in candidates[true_index]:
            if index in tried:
                continue
            tried.add(index)
            if index not in partner or find_partner(partner[index], tried):
                partner[index] = true_index
                return True
        return False

    for true_index in range(len(truth)):
        find_partner(true_index, set())
    return sorted((true_index, index) for index, true_index in partner.items())
