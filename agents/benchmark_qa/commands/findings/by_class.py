"""Boxes of labels and predictions: what a model misses by class, and near-duplicates with different labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.commands.predictions.detections import Detections
from benchmark_qa.commands.predictions.outcome import with_boxes
from benchmark_qa.commands.predictions.result import NO_CLASS, PredictionScore
from benchmark_qa.engine.pairs import Flags, Pairs, best_pairs, box_iou, touching
from benchmark_qa.labels.annotations import Indices, Numbers
from benchmark_qa.stats.intervals import Interval


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
class BoxSides:
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
        return self.where(best_pairs(self.pairs, self.iou, _numbered(self.pairs.truth), _numbered(self.pairs.label)))

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


ENOUGH_EXAMPLES = 50
"""Default number of data units with an object of a class from which the class is not rare"""


@dataclass(frozen=True, slots=True)
class ClassErrors:
    """One class at the confidence and the IoU of the evaluation."""

    name: str
    objects: int
    missed: int
    """Objects without a matching prediction of the class"""
    recall: Interval
    predictions: int
    """Predictions at or above the confidence"""
    spurious: int
    """Predictions without a matching object of the class"""
    precision: Interval
    taken_for: str | None
    """Class that the model sees most often in missed objects; None: most often it sees nothing"""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RareClass:
    """A class with too few examples to train or to judge it."""

    name: str
    objects: int
    data_units: int
    images: tuple[int, ...]
    """Indices into `Detections.images` where it is labelled"""
    predicted: tuple[int, ...]
    """Indices where it is predicted and not labelled: more examples may be there"""

    @property
    def strength(self) -> float:
        """1 without examples; the more examples, the lower."""
        return 1.0 / (1.0 + self.data_units)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def errors_by_class(score: PredictionScore) -> list[ClassErrors]:
    """Missed and spurious objects by class, the class with the largest sum first."""
    confusion = np.array(score.confusion.cells)
    names = [*score.confusion.names, NO_CLASS]
    found = [
        ClassErrors(
            name=figures.name,
            objects=figures.truths,
            missed=figures.false_negatives,
            recall=figures.recall,
            predictions=figures.true_positives + figures.false_positives,
            spurious=figures.false_positives,
            precision=figures.precision,
            taken_for=_taken_for(confusion[number], number, names),
        )
        for number, figures in enumerate(score.classes)
    ]
    return sorted(found, key=lambda one: (-(one.missed + one.spurious), one.name))


def rare_classes(detections: Detections, *, enough: int = ENOUGH_EXAMPLES, confidence: float = 0.5) -> list[RareClass]:
    """Classes that are labelled in fewer than `enough` data units, the rarest first.

    Includes classes that are neither labelled nor predicted.
    """
    sides = BoxSides.of(detections)
    units = np.array(detections.clusters, dtype=np.int64)
    seen = sides.predictions.score >= confidence
    found = []
    for number, name in enumerate(detections.classes):
        images = np.unique(sides.labels.image[sides.labels.kind == number])
        data_units = int(np.unique(units[images]).size)
        if data_units < enough:
            predicted = np.unique(sides.predictions.image[seen & (sides.predictions.kind == number)])
            objects = int((sides.labels.kind == number).sum())
            elsewhere = np.setdiff1d(predicted, images)
            found.append(RareClass(name, objects, data_units, tuple(images.tolist()), tuple(elsewhere.tolist())))
    return sorted(found, key=lambda one: (one.data_units, one.name))


def _taken_for(row: "np.ndarray[Any, Any]", number: int, names: list[str]) -> str | None:
    mistaken = row.copy()
    mistaken[number] = 0
    at = int(np.argmax(mistaken))
    return None if not mistaken[at] or names[at] == NO_CLASS else names[at]


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
    labels = _to_unit_square(BoxSides.of(detections).labels, detections)
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
