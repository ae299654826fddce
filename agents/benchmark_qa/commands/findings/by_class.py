"""Class by class: what the model misses and invents, and of what there are too few examples."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmark_qa.commands.findings.boxes import Sides
from benchmark_qa.commands.predictions.detections import Detections
from benchmark_qa.commands.predictions.result import NO_CLASS, PredictionScore
from benchmark_qa.stats.intervals import Interval

ENOUGH_EXAMPLES = 50
"""Data units with an object of a class from which there are enough, unless said otherwise"""


@dataclass(frozen=True, slots=True)
class ClassErrors:
    """One class at the confidence and the IoU of the evaluation."""

    name: str
    objects: int
    missed: int
    """Objects that no prediction of the class matches"""
    recall: Interval
    predictions: int
    """From the confidence on"""
    spurious: int
    """Predictions that match no object of the class"""
    precision: Interval
    taken_for: str | None
    """Of the missed ones: the class that the model most often sees there; None: it sees nothing more often"""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RareClass:
    """A class with too few examples to learn it, or to judge it."""

    name: str
    objects: int
    data_units: int
    images: tuple[int, ...]
    """Places in `Detections.images` where it is labelled"""
    predicted: tuple[int, ...]
    """Where it is predicted and not labelled: where more of it may be"""

    @property
    def strength(self) -> float:
        """1 where there is no example, less the more there are."""
        return 1.0 / (1.0 + self.data_units)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def errors_by_class(score: PredictionScore) -> list[ClassErrors]:
    """Missing and spurious by class, the class with the most of both first."""
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

    A class that is neither labelled nor predicted is there, too: with nothing at all.
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
