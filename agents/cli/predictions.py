"""`benchmark-qa evaluate-predictions`: a model's predictions against ground truth, without Encord."""

import json as json_module
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agents.cli.failures import USAGE_ERROR

if TYPE_CHECKING:
    from agents.scoring.intervals import Interval
    from agents.scoring.predictions import Confusion, Detections, PredictionScore


class RegionChoice(StrEnum):
    """What is compared."""

    BOXES = "bbox"
    AREAS = "segm"


def evaluate_predictions(
    truth: Annotated[
        Path, typer.Argument(help="Ground truth: a COCO data set, or label row JSON (file or directory).")
    ],
    labels: Annotated[
        Path, typer.Argument(metavar="LABELS|COCO", help="Predictions: COCO results, or label rows with confidences.")
    ],
    *,
    region: Annotated[
        RegionChoice, typer.Option(help="Compare boxes, or areas (polygons, masks).")
    ] = RegionChoice.BOXES,
    iou: Annotated[
        float, typer.Option(help="From which overlap a prediction is right (F1, confusion, calibration).")
    ] = 0.5,
    confidence: Annotated[
        float, typer.Option(help="From which confidence a prediction is seen (F1, confusion).")
    ] = 0.5,
    json: Annotated[bool, typer.Option("--json", help="Everything as JSON instead of tables.")] = False,
) -> None:
    """Print mAP and mAR (COCO protocol), F1, precision and recall by class, confusion and calibration.

    Exit code 0 when the predictions are evaluated, 2 when a file cannot be used or the two have no image in common.
    """
    from agents.cli.exports import ExportError
    from agents.scoring.predictions import EvaluatorMissingError, PredictionInputError, evaluate_predictions

    try:
        detections = _load(truth, labels)
        score = evaluate_predictions(detections, region=region.value, iou=iou, confidence=confidence)
    except (ExportError, PredictionInputError, EvaluatorMissingError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(USAGE_ERROR) from None
    if detections.unmatched:
        typer.echo(f"{_some(detections.unmatched)} have predictions but no ground truth and count nowhere", err=True)
    for shape, count in score.not_compared.items():
        typer.echo(f"{count:,} objects of shape {shape} are neither boxes nor areas and count nowhere", err=True)
    if json:
        json_module.dump(score.to_dict(), sys.stdout)
        sys.stdout.write("\n")
    else:
        _print(score)


def _load(truth: Path, labels: Path) -> "Detections":
    from agents.cli.exports import ExportError, load_json, load_rows
    from agents.scoring.predictions import Detections, detections_from_label_rows

    known = load_json(truth) if truth.is_file() else None
    if not isinstance(known, dict) or "images" not in known:
        return detections_from_label_rows(load_rows(truth), load_rows(labels))
    if labels.is_dir():
        raise ExportError(f"{truth} is a COCO data set, and {labels} is a directory: COCO results are one file")
    detections = Detections.from_coco(known, load_json(labels))
    if detections.unmatched and not detections.predictions:
        raise ExportError(f"no prediction of {labels} is on an image of {truth}")
    return detections


def _some(ids: tuple[Any, ...], shown: int = 3) -> str:
    names = ", ".join(map(str, ids[:shown]))
    return f"{len(ids):,} images ({names}{', ...' if len(ids) > shown else ''})"


def _print(score: "PredictionScore") -> None:
    from rich.console import Console

    console = Console() if sys.stdout.isatty() else Console(width=WIDE)
    console.print(_class_table(score))
    console.print(_confusion_table(score.confusion))
    figures = ", ".join(f"{name} {_cell(value)}" for name, value in score.summary.items())
    console.print(figures, highlight=False)
    calibration = score.calibration
    reason = f" ({calibration.why})" if calibration.why else ""
    console.print(f"expected calibration error {_cell(calibration.error)}{reason}", highlight=False)
    console.print(str(score), highlight=False)


WIDE = 140
"""Columns of the tables where the output is no terminal."""

_HEADINGS = {
    "truths": "objects",
    "predictions": "predictions",
    "ap": "AP",
    "ap50": "AP50",
    "ap75": "AP75",
    "ar": "AR",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1 [95 %]",
    "best_f1": "best F1",
    "best_confidence": "at confidence",
}


def _class_table(score: "PredictionScore") -> Any:
    from rich.table import Table

    table = Table(
        "class", *_HEADINGS.values(), title=f"by class (F1 at confidence {score.confidence:g}, IoU {score.iou:g})"
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for figures in score.classes:
        cells = {name: _cell(getattr(figures, name)) for name in _HEADINGS}
        if figures.f1.estimate is not None:
            cells["f1"] += f" \\[{figures.f1.low:.2f}, {figures.f1.high:.2f}]"
        table.add_row(figures.name, *cells.values())
    return table


def _confusion_table(confusion: "Confusion") -> Any:
    from rich.table import Table

    from agents.scoring.predictions.result import NO_CLASS

    names = [*confusion.names, NO_CLASS]
    table = Table("truth \\ prediction", *names, title="confusion")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, row in zip(names, confusion.cells, strict=True):
        table.add_row(name, *(f"{count:,}" for count in row))
    return table


def _cell(value: "float | Interval | None") -> str:
    from agents.scoring.intervals import Interval

    if isinstance(value, Interval):
        return _cell(value.estimate)
    if value is None:
        return "n/a"
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}"
