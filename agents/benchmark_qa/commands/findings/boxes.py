"""Labels and predictions as arrays of boxes, and the matching between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.commands.predictions.detections import Detections
from benchmark_qa.commands.predictions.library import with_boxes
from benchmark_qa.engine.assignment import assign
from benchmark_qa.engine.pairs import Flags, Indices, Numbers, Pairs, box_iou, touching


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """The boxes of one side, n of them."""

    box: Numbers
    """Left, top, width and height in pixels, (n, 4)"""
    image: Indices
    """Image number from 0, (n,)"""
    kind: Indices
    """Class number from 0, (n,)"""
    at: Indices
    """Position in `truth["annotations"]` or in `predictions`, (n,)"""
    score: Numbers
    """Confidence, (n,); 1 for labels"""

    def __len__(self) -> int:
        return len(self.at)

    def where(self, kept: Flags) -> "Boxes":
        """The boxes for which `kept` (n,) is true."""
        return Boxes(self.box[kept], self.image[kept], self.kind[kept], self.at[kept], self.score[kept])


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """Labels and predictions, without crowd regions and predictions that lie in one."""

    labels: Boxes
    predictions: Boxes

    @classmethod
    def of(cls, detections: Detections) -> Self:
        """The boxes of both sides; an area is replaced by its bounding box."""
        annotations = detections.truth["annotations"]
        crowd = np.array([item["iscrowd"] for item in annotations], dtype=np.bool_)
        labels = _boxes(annotations)
        predictions = _boxes(with_boxes(detections.predictions))
        return cls(labels.where(~crowd), predictions.where(~_inside(predictions, labels.where(crowd))))


@dataclass(frozen=True, slots=True, eq=False)
class Overlaps:
    """Overlapping pairs of a label (`truth`) and a prediction (`label`), with their IoU."""

    pairs: Pairs
    iou: Numbers

    @classmethod
    def of(cls, first: Boxes, second: Boxes) -> Self:
        """All overlapping pairs on one image."""
        pairs = touching(first.box, first.image, second.box, second.image)
        return cls(pairs, box_iou(first.box[pairs.truth], second.box[pairs.label]))

    def where(self, chosen: Flags) -> "Overlaps":
        """The pairs for which `chosen` is true."""
        return Overlaps(self.pairs.where(chosen), self.iou[chosen])

    def one_to_one(self) -> "Overlaps":
        """A one-to-one matching: as many pairs as possible, with the greatest total overlap."""
        return self.where(assign(self.pairs, self.iou, _numbered(self.pairs.truth), _numbered(self.pairs.label)))

    def without(self, labels: Flags, predictions: Flags) -> "Overlaps":
        """The pairs in which neither side is marked."""
        return self.where(~labels[self.pairs.truth] & ~predictions[self.pairs.label])


def _numbered(used: Indices) -> Indices:
    return np.arange(int(used.max(initial=-1)) + 1)


def _boxes(listed: Sequence[Mapping[str, Any]]) -> Boxes:
    return Boxes(
        box=np.array([item["bbox"] for item in listed], dtype=np.float64).reshape(-1, 4),
        image=np.array([item["image_id"] - 1 for item in listed], dtype=np.int64),
        kind=np.array([item["category_id"] - 1 for item in listed], dtype=np.int64),
        at=np.arange(len(listed)),
        score=np.array([item.get("score", 1.0) for item in listed], dtype=np.float64),
    )


def _inside(boxes: Boxes, regions: Boxes) -> NDArray[np.bool_]:
    """Which boxes lie by half or more in a region of their class; the COCO protocol ignores these."""
    pairs = touching(regions.box, regions.image, boxes.box, boxes.image)
    region, box = regions.box[pairs.truth], boxes.box[pairs.label]
    iou = box_iou(region, box)
    areas = region[:, 2] * region[:, 3], box[:, 2] * box[:, 3]
    shared = iou * (areas[0] + areas[1]) / (1 + iou)
    within = (shared >= 0.5 * areas[1]) & (regions.kind[pairs.truth] == boxes.kind[pairs.label])
    inside = np.zeros(len(boxes), dtype=np.bool_)
    inside[pairs.label[within]] = True
    return inside
