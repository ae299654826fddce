"""All findings in one set of labels and one model's predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.commands.findings.by_class import (
    ENOUGH_EXAMPLES,
    ClassErrors,
    RareClass,
    errors_by_class,
    rare_classes,
)
from benchmark_qa.commands.findings.contradictions import Contradiction, find_contradictions
from benchmark_qa.commands.findings.label_errors import LabelError, find_label_errors
from benchmark_qa.commands.predictions.detections import Detections
from benchmark_qa.commands.predictions.evaluation import evaluate_predictions
from benchmark_qa.commands.predictions.outcome import Outcome
from benchmark_qa.commands.predictions.slices import Slice, find_slices


@dataclass(frozen=True)
class Findings:
    """Labels and failures to inspect; each list has the surest first. None: not searched for."""

    images: int
    data_units: int
    confidence: float
    label_errors: Sequence[LabelError] | None
    slices: Sequence[Slice] | None
    classes: Sequence[ClassErrors] | None
    """Missed and spurious objects by class"""
    missed: Mapping[int, tuple[int, int]] | None
    """(objects, missed objects) by index into `Detections.images`, for images with missed objects"""
    contradictions: Sequence[Contradiction] | None
    rare_classes: Sequence[RareClass]
    enough_examples: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "images": self.images,
            "data_units": self.data_units,
            "confidence": self.confidence,
            "label_errors": _plain(self.label_errors),
            "slices": _plain(self.slices),
            "classes": _plain(self.classes),
            "images_with_missed_objects": None if self.missed is None else len(self.missed),
            "contradictions": _plain(self.contradictions),
            "rare_classes": _plain(self.rare_classes),
            "enough_examples": self.enough_examples,
        }


def find(
    detections: Detections,
    *,
    has_predictions: bool,
    near_duplicates: Sequence[NDArray[np.intp]] | None = None,
    iou: float = 0.5,
    confidence: float = 0.5,
    enough_examples: int = ENOUGH_EXAMPLES,
) -> Findings:
    """Search for all kinds of findings.

    Args:
        detections: labels as truth, and predictions if there are any.
        has_predictions: without a model there are no label errors, slices and figures by class.
        near_duplicates: groups of indices into `Detections.images`; None: the pictures were not read.
        iou, confidence: those of `evaluate_predictions`.
        enough_examples: data units with a class from which it is not rare.

    Raises:
        FindingLibraryMissingError, EvaluatorMissingError: an extra is not installed.
        PredictionInputError: for the reasons of `evaluate_predictions` and `find_label_errors`.
    """
    errors, slices, classes, missed = None, None, None, None
    if has_predictions:
        errors = find_label_errors(detections, confidence=confidence)
        slices = find_slices(detections, iou=iou, confidence=confidence)
        classes = errors_by_class(evaluate_predictions(detections, iou=iou, confidence=confidence))
        missed = missed_by_image(detections, iou=iou, confidence=confidence)
    return Findings(
        images=len(detections.images),
        data_units=len(set(detections.clusters)),
        confidence=confidence,
        label_errors=errors,
        slices=slices,
        classes=classes,
        missed=missed,
        contradictions=None if near_duplicates is None else find_contradictions(detections, near_duplicates),
        rare_classes=rare_classes(detections, enough=enough_examples, confidence=confidence),
        enough_examples=enough_examples,
    )


def missed_by_image(detections: Detections, *, iou: float, confidence: float) -> dict[int, tuple[int, int]]:
    """(objects, missed objects) of each image with missed objects."""
    outcome = Outcome.of(detections, "bbox", iou)
    objects = np.bincount(outcome.truth_image, minlength=len(detections.images))
    missed = np.bincount(outcome.truth_image[outcome.truth_score < confidence], minlength=len(detections.images))
    return {image: (int(objects[image]), int(missed[image])) for image in np.flatnonzero(missed).tolist()}


def _plain(found: Sequence[Any] | None) -> list[dict[str, Any]] | None:
    return None if found is None else [one.to_dict() for one in found]
