"""`benchmark-qa evaluate-predictions`: a model's predictions against ground truth, without Encord."""

import json as json_module
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agents.cli.failures import USAGE_ERROR

if TYPE_CHECKING:
    from agents.scoring.predictions import Detections


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
    region: Annotated[RegionChoice, typer.Option(help="Compare boxes, or areas (polygons, masks).")] = (
        RegionChoice.BOXES
    ),
    iou: Annotated[
        float, typer.Option(help="From which overlap a prediction is right (F1, confusion, calibration).")
    ] = 0.5,
    confidence: Annotated[
        float, typer.Option(help="From which confidence a prediction is seen (F1, confusion).")
    ] = 0.5,
    against: Annotated[
        Path | None,
        typer.Option(metavar="LABELS|COCO", help="An earlier or another model: show the differences from it."),
    ] = None,
    slices: Annotated[bool, typer.Option("--slices", help="Show in which parts of the data the model fails.")] = False,
    metadata: Annotated[
        Path | None, typer.Option(help="For --slices: JSON of {image id or data hash: {field: value}}.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Everything as JSON instead of tables.")] = False,
) -> None:
    """Print mAP and mAR (COCO protocol), F1, precision and recall by class, confusion and calibration.

    Exit code 0 when the predictions are evaluated, 2 when a file cannot be used or the two have no image in common.
    """
    from agents.cli import prediction_tables
    from agents.cli.exports import ExportError
    from agents.scoring.predictions import EvaluatorMissingError, PredictionInputError, compare_predictions, find_slices
    from agents.scoring.predictions import evaluate_predictions as evaluate

    try:
        detections, *others = _load(truth, [labels, *([against] if against else [])])
        score = evaluate(detections, region=region.value, iou=iou, confidence=confidence)
        comparisons = [
            compare_predictions(other, detections, region=region.value, iou=iou, confidence=confidence)
            for other in others
        ]
        found = None
        if slices or metadata:
            fields = _fields(detections, metadata)
            found = find_slices(detections, fields, region=region.value, iou=iou, confidence=confidence)
    except (ExportError, PredictionInputError, EvaluatorMissingError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(USAGE_ERROR) from None
    _warn(detections)
    differences = comparisons[0].differences if comparisons else None
    if json:
        json_module.dump(prediction_tables.as_json(score, differences, found), sys.stdout)
        sys.stdout.write("\n")
    else:
        prediction_tables.print_all(score, differences, found)


def _load(truth: Path, models: list[Path]) -> "list[Detections]":
    from agents.cli.exports import ExportError, load_json, load_rows
    from agents.scoring.predictions import Detections, detections_of_models

    known = load_json(truth) if truth.is_file() else None
    if isinstance(known, dict) and "images" in known:
        for model in filter(Path.is_dir, models):
            raise ExportError(f"{truth} is a COCO data set, and {model} is a directory: COCO results are one file")
        loaded = [Detections.from_coco(known, load_json(model)) for model in models]
    else:
        loaded = detections_of_models(load_rows(truth), [load_rows(model) for model in models])
    for model, detections in zip(models, loaded, strict=True):
        if detections.unmatched and not detections.predictions:
            raise ExportError(f"no prediction of {model} is on an image of {truth}")
    return loaded


def _fields(detections: "Detections", metadata: Path | None) -> list[dict[str, Any]]:
    """What the truth knows about each image, and what the metadata file says about it or its data unit."""
    from agents.cli.exports import ExportError, load_json

    given = load_json(metadata) if metadata else {}
    if not isinstance(given, dict) or not all(isinstance(fields, dict) for fields in given.values()):
        raise ExportError(f"{metadata}: is not a JSON object of objects, {{image id or data hash: {{field: value}}}}")
    keys = [str(image[0] if isinstance(image, tuple) else image) for image in detections.images]
    if given and not given.keys() & set(keys):
        raise ExportError(f"{metadata}: names no image of the ground truth")
    return [{**known, **given.get(key, {})} for known, key in zip(detections.fields, keys, strict=True)]


def _warn(detections: "Detections") -> None:
    if detections.unmatched:
        names = ", ".join(map(str, detections.unmatched[:3])) + (", ..." if len(detections.unmatched) > 3 else "")
        typer.echo(
            f"{len(detections.unmatched):,} images ({names}) have predictions but no ground truth and count nowhere",
            err=True,
        )
    for shape, count in detections.not_compared.items():
        typer.echo(f"{count:,} objects of shape {shape} are neither boxes nor areas and count nowhere", err=True)
