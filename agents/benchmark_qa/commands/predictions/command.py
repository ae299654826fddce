"""`benchmark-qa evaluate-predictions`: compare predictions with ground truth or production labels."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, assert_never

import orjson
import typer

from benchmark_qa.commands.predictions.inputs import (
    USUAL_UNMATCHED,
    MaxUnmatchedOption,
    MetadataOption,
    TruthArgument,
    UnfinishedOption,
)
from benchmark_qa.terminal.failures import USAGE_ERROR
from benchmark_qa.terminal.files import ExportError, require_place
from benchmark_qa.terminal.image_maps import MapImagesOption
from benchmark_qa.terminal.options import WideOption

if TYPE_CHECKING:
    from benchmark_qa.commands.predictions.page import Evaluation


class RegionChoice(StrEnum):
    """What is compared: boxes or areas."""

    BOXES = "bbox"
    AREAS = "segm"


class EvaluationFormat(StrEnum):
    """Output format of the evaluation."""

    TABLE = "table"
    JSON = "json"
    HTML = "html"


PredictionsArgument = Annotated[
    str,
    typer.Argument(
        metavar="PREDICTIONS",
        help="COCO results, a table (CSV, JSON lines, Parquet), YOLO's label files, label rows with confidences, or "
        "PROJECT:BRANCH.",
    ),
]


IouOption = Annotated[
    float, typer.Option(min=0, max=1, help="From which overlap a prediction is right (F1, confusion, slices).")
]


ConfidenceOption = Annotated[
    float, typer.Option(min=0, max=1, help="From which confidence a prediction is seen (F1, confusion).")
]


ImagesOption = Annotated[
    Path | None,
    typer.Option(help="Folder with the images, named as their titles: brightness and sharpness become fields."),
]


StoredOption = Annotated[
    bool, typer.Option("--pictures", help="The same with the pictures as Encord has stored them, of a project.")
]


def evaluate_predictions(
    truth: TruthArgument,
    predictions: PredictionsArgument,
    *,
    region: Annotated[RegionChoice, typer.Option(help="Compare boxes, or areas (polygons, masks).")] = (
        RegionChoice.BOXES
    ),
    iou: IouOption = 0.5,
    confidence: ConfidenceOption = 0.5,
    against: Annotated[
        str | None,
        typer.Option(metavar="PREDICTIONS", help="An earlier or another model: show the differences from it."),
    ] = None,
    slices: Annotated[bool, typer.Option("--slices", help="Show in which parts of the data the model fails.")] = False,
    metadata: MetadataOption = None,
    images: ImagesOption = None,
    stored: StoredOption = False,
    unfinished: UnfinishedOption = False,
    max_unmatched: MaxUnmatchedOption = USUAL_UNMATCHED,
    map_images: MapImagesOption = None,
    wide: WideOption = False,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    format: Annotated[  # noqa: A002 - the option's name
        EvaluationFormat, typer.Option(help="table: on the terminal; html: one page without network.")
    ] = EvaluationFormat.TABLE,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; else standard output.")] = None,
) -> None:
    """Print mAP and mAR (COCO protocol), F1, precision and recall by class, confusion and calibration.

    Exit code 0 when the predictions are evaluated, 2 when a file cannot be used, the two have no image in common or
    too many predictions are on images without labels, 3 when Encord cannot be used.
    """
    from benchmark_qa.commands.predictions.detections import PredictionInputError
    from benchmark_qa.commands.predictions.evaluation import compare_predictions, steps_of
    from benchmark_qa.commands.predictions.evaluation import evaluate_predictions as evaluate
    from benchmark_qa.commands.predictions.inputs import load_inputs
    from benchmark_qa.commands.predictions.outcome import EvaluatorMissingError
    from benchmark_qa.commands.predictions.page import Evaluation
    from benchmark_qa.commands.predictions.pictures import read_pictures, with_pictures
    from benchmark_qa.commands.predictions.slices import find_slices
    from benchmark_qa.errors import MissingExtraError
    from benchmark_qa.terminal.printing import item_progress

    try:
        require_place(output)
        models = [predictions, *([against] if against else [])]
        given = load_inputs(
            truth, models, metadata=metadata, unfinished=unfinished, max_unmatched=max_unmatched, map_images=map_images
        )
        pictures = read_pictures(given, given.detections[0], images, stored=stored)
        detections, *others = with_pictures(given.detections, pictures)
        comparisons = [
            compare_predictions(other, detections, region=region.value, iou=iou, confidence=confidence)
            for other in others
        ]
        with item_progress("evaluating", steps_of(detections)) as progress:
            score = (
                comparisons[0].second
                if comparisons
                else evaluate(detections, region=region.value, iou=iou, confidence=confidence, progress=progress)
            )
        chosen = EvaluationFormat.JSON if json else format
        found = None
        if slices or metadata or pictures or chosen is EvaluationFormat.HTML:
            found = find_slices(detections, region=region.value, iou=iou, confidence=confidence)
        evaluation = Evaluation(
            score=score,
            differences=comparisons[0].differences if comparisons else None,
            slices=found,
            truth=truth,
            predictions=predictions,
            against=against,
            asked_at=datetime.now(UTC),
        )
        for note in score.notes:
            typer.echo(note, err=True)
        write_evaluation(evaluation, chosen, output, wide=wide)
    except (ExportError, PredictionInputError, EvaluatorMissingError, MissingExtraError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(USAGE_ERROR) from None


def write_evaluation(
    evaluation: "Evaluation",
    format: "EvaluationFormat",  # noqa: A002 - the option's name
    output: Path | None,
    *,
    wide: bool = False,
) -> None:
    """Write tables, JSON or a page, into the file or to standard output.

    Raises:
        ExportError: the file cannot be written.
        MissingExtraError: the page needs the extra `report`.
    """
    from benchmark_qa.commands.predictions.page import evaluation_page, print_evaluation
    from benchmark_qa.terminal.printing import console_of

    match format:
        case EvaluationFormat.TABLE:
            with _writing(output), console_of(output) as console:
                print_evaluation(evaluation, console, wide=wide)
        case EvaluationFormat.JSON:
            write_json(evaluation.to_dict(), output)
        case EvaluationFormat.HTML:
            write(evaluation_page(evaluation), output)
        case _:
            assert_never(format)


def write_json(content: dict[str, Any], output: Path | None) -> None:
    """Write JSON on one line."""
    write(orjson.dumps(content) + b"\n", output)


def write(content: bytes, output: Path | None) -> None:
    """Write into the file, or to standard output.

    Raises:
        ExportError: the file cannot be written.
    """
    if output is not None:
        with _writing(output):
            output.write_bytes(content)
        return
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


@contextmanager
def _writing(output: Path | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if output is None:
            raise
        raise ExportError(f"{output}: {error.strerror or error}") from None
