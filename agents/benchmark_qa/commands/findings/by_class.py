"""By class: what the model misses and invents, and which classes have too few examples."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmark_qa.commands.findings.boxes import Sides
from benchmark_qa.commands.predictions.detections import Detections
from benchmark_qa.commands.predictions.result import NO_CLASS, PredictionScore
from benchmark_qa.stats.intervals import Interval

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
    sides = Sides.of(detections)
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
