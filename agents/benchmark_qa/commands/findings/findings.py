"""All findings in one set of labels and one model's predictions, also as tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from benchmark_qa.commands.findings.by_class import (
    ENOUGH_EXAMPLES,
    ClassErrors,
    Contradiction,
    RareClass,
    errors_by_class,
    find_contradictions,
    rare_classes,
)
from benchmark_qa.commands.findings.label_errors import LabelError, find_label_errors
from benchmark_qa.commands.predictions.detections import Detections
from benchmark_qa.commands.predictions.evaluation import evaluate_predictions
from benchmark_qa.commands.predictions.outcome import Outcome
from benchmark_qa.commands.predictions.page import WORST, print_slices
from benchmark_qa.commands.predictions.slices import DataSlice, find_slices
from benchmark_qa.terminal.printing import _cell, _with_interval, print_titled


@dataclass(frozen=True)
class Findings:
    """Labels and failures to inspect; each list has the surest first. None: not searched for."""

    images: int
    data_units: int
    confidence: float
    label_errors: Sequence[LabelError] | None
    slices: Sequence[DataSlice] | None
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


def print_findings(
    findings: Findings, names: Sequence[str], console: Console, *, most: int = WORST, wide: bool = False
) -> None:
    """Print a table of each kind of finding; `names` are the titles of the images."""
    if findings.label_errors is not None:
        _print_errors(findings.label_errors, names, console, most, wide=wide)
    if findings.slices is not None:
        print_slices(findings.slices, console, wide=wide)
    if findings.classes is not None:
        _print_missed_and_spurious(findings.classes, console, wide=wide)
    if findings.contradictions is not None:
        _print_contradictions(findings.contradictions, names, console, most, wide=wide)
    if findings.rare_classes:
        _print_rare(findings, console, wide=wide)
    else:
        console.print(f"no class is in fewer than {findings.enough_examples:,} data units")


def _print_errors(
    errors: Sequence[LabelError], names: Sequence[str], console: Console, most: int, *, wide: bool
) -> None:
    title = f"the {min(most, len(errors))} likeliest of {len(errors):,} likely label errors"
    headings = ("image", "fault", "class", "strength", "confidence", "overlap")
    rows = [
        (names[one.image], one.fault, one.class_name, *map(_cell, (one.strength, one.confidence, one.iou)))
        for one in errors[:most]
    ]
    print_titled(console, title, headings, rows, words={"fault", "class"}, kept={"fault", "class"}, wide=wide)


def _print_missed_and_spurious(classes: Sequence[ClassErrors], console: Console, *, wide: bool) -> None:
    missing = [
        (one.name, _cell(one.objects), _cell(one.missed), _with_interval(one.recall), one.taken_for or "")
        for one in sorted(classes, key=lambda each: -each.missed)
    ]
    headings = ("class", "objects", "missed", "recall [95 %]", "taken for")
    print_titled(console, "missing", headings, missing, words={"taken for"}, kept={"missed"}, wide=wide)
    spurious = [
        (one.name, _cell(one.predictions), _cell(one.spurious), _with_interval(one.precision))
        for one in sorted(classes, key=lambda each: -each.spurious)
    ]
    columns = ("class", "predictions", "spurious", "precision [95 %]")
    print_titled(console, "spurious", columns, spurious, kept={"spurious"}, wide=wide)


def _print_contradictions(
    found: Sequence[Contradiction], names: Sequence[str], console: Console, most: int, *, wide: bool
) -> None:
    title = f"near-duplicates labelled differently: {len(found):,} groups"
    headings = ("image", "and", "pictures", "F1", "only in the first", "only in the second")
    words = {"and", "only in the first", "only in the second"}
    rows = [
        (
            *(names[image] for image in one.worst),
            _cell(len(one.images)),
            _cell(one.agreement),
            *(", ".join(sorted(side)) for side in (one.only_in_first, one.only_in_second)),
        )
        for one in found[:most]
    ]
    print_titled(console, title, headings, rows, words=words, kept={"and"}, wide=wide)


def _print_rare(findings: Findings, console: Console, *, wide: bool) -> None:
    title = f"classes in fewer than {findings.enough_examples:,} data units: {len(findings.rare_classes):,}"
    headings = ("class", "objects", "data units", "predicted elsewhere, images")
    rows = [
        (one.name, _cell(one.objects), _cell(one.data_units), _cell(len(one.predicted)))
        for one in findings.rare_classes
    ]
    print_titled(console, title, headings, rows, wide=wide)
