"""Near-duplicate pictures with different labels: one of the two must be wrong."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.commands.findings.boxes import Boxes, Overlaps, Sides
from benchmark_qa.commands.predictions.detections import Detections

SAME_OBJECT = 0.5
"""IoU from which labels of two pictures are of the same object; each side of a picture counts as 1"""
MOST_COMPARED = 20
"""Pictures of one group that are compared: more frames of one film add nothing"""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Near-duplicates with different labels."""

    images: tuple[int, ...]
    """Indices into `Detections.images`: the group's pictures that were compared"""
    worst: tuple[int, int]
    """The two pictures that differ most"""
    agreement: float
    """F1 of these two against each other, by class and place"""
    only_in_first: tuple[str, ...]
    """Classes of the objects that only the first picture has, one entry per object"""
    only_in_second: tuple[str, ...]

    @property
    def strength(self) -> float:
        """How much they differ, in [0, 1]."""
        return 1.0 - self.agreement

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def find_contradictions(detections: Detections, groups: Sequence[NDArray[np.intp]]) -> list[Contradiction]:
    """Groups of near-duplicates with different labels, those that differ most first.

    Args:
        detections: labels as truth; predictions are not used.
        groups: near-duplicates as indices into `Detections.images` (`near_duplicate_groups`).
    """
    labels = _to_unit_square(Sides.of(detections).labels, detections)
    found = (_worst_pair(labels, group[:MOST_COMPARED].tolist(), detections.classes) for group in groups)
    return sorted((one for one in found if one is not None), key=lambda one: (one.agreement, one.images))


def _to_unit_square(labels: Boxes, detections: Detections) -> Boxes:
    """The boxes scaled to a unit square: near-duplicates may differ in pixel size."""
    sides = [(image.get("width") or 1, image.get("height") or 1) for image in detections.truth["images"]]
    scale = np.array(sides, dtype=np.float64).reshape(-1, 2)[labels.image]
    return replace(labels, box=labels.box / np.concatenate((scale, scale), axis=1))


def _worst_pair(labels: Boxes, group: list[int], names: Sequence[str]) -> Contradiction | None:
    by_image = {image: labels.where(labels.image == image) for image in group}
    pairs = [_compared(by_image[one], by_image[other], (one, other), names) for one, other in combinations(group, 2)]
    worst = min(pairs, key=lambda one: one.agreement)
    return None if worst.agreement == 1.0 else replace(worst, images=tuple(group))


def _compared(one: Boxes, other: Boxes, images: tuple[int, int], names: Sequence[str]) -> Contradiction:
    here = replace(other, image=np.full(len(other), images[0]))
    overlaps = Overlaps.of(one, here)
    same = one.kind[overlaps.pairs.truth] == here.kind[overlaps.pairs.label]
    agreed = overlaps.where(same & (overlaps.iou >= SAME_OBJECT)).one_to_one()
    objects = len(one) + len(other)
    return Contradiction(
        images=images,
        worst=images,
        agreement=2 * len(agreed.pairs) / objects if objects else 1.0,
        only_in_first=tuple(_left(one, agreed.pairs.truth, names)),
        only_in_second=tuple(_left(here, agreed.pairs.label, names)),
    )


def _left(boxes: Boxes, used: NDArray[np.int64], names: Sequence[str]) -> Iterator[str]:
    left = np.ones(len(boxes), dtype=np.bool_)
    left[used] = False
    return (names[kind] for kind in boxes.kind[left].tolist())
