"""`benchmark-qa find`: find suspect labels and a model's failures; write the chosen items to a file."""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark_qa.commands.predictions.command import ConfidenceOption, IouOption, StoredOption
from benchmark_qa.commands.predictions.inputs import (
    USUAL_UNMATCHED,
    MaxUnmatchedOption,
    MetadataOption,
    TruthArgument,
    UnfinishedOption,
)
from benchmark_qa.terminal.failures import USAGE_ERROR
from benchmark_qa.terminal.image_maps import MapImagesOption
from benchmark_qa.terminal.options import WideOption

if TYPE_CHECKING:
    from benchmark_qa.commands.findings.findings import Findings
    from benchmark_qa.commands.predictions.detections import Detections
    from benchmark_qa.formats.chosen_items import ChosenItems, ReasonKind


class FindingKind(StrEnum):
    """Reasons for choosing a data unit."""

    LABEL_ERROR = "likely_label_error"
    SLICE = "failure_slice"
    DUPLICATES = "contradicting_duplicates"
    RARE = "rare_class"
    MISSED = "missed_by_model"


def find(
    labels: TruthArgument,
    predictions: Annotated[
        str | None,
        typer.Argument(
            metavar="[PREDICTIONS]",
            help="Of a model that was not trained on these labels: as for 'evaluate-predictions'. Without them only "
            "contradicting near-duplicates and rare classes are found.",
        ),
    ] = None,
    *,
    iou: IouOption = 0.5,
    confidence: ConfidenceOption = 0.5,
    metadata: MetadataOption = None,
    images: Annotated[
        Path | None,
        typer.Option(
            help="Folder with the images, named as their titles: near-duplicates are found, and brightness and "
            "sharpness become fields."
        ),
    ] = None,
    stored: StoredOption = False,
    enough: Annotated[int, typer.Option(min=1, help="Data units with a class from which it is not rare.")] = 50,
    unfinished: UnfinishedOption = False,
    max_unmatched: MaxUnmatchedOption = USUAL_UNMATCHED,
    map_images: MapImagesOption = None,
    wide: WideOption = False,
    json: Annotated[bool, typer.Option("--json", help="Everything as JSON instead of tables.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the choice of data units to this file.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the choice; else of the file.")] = None,
    project: Annotated[
        str | None, typer.Option(help="For --output: the project whose labels these are, where they are files.")
    ] = None,
    kinds: Annotated[
        list[FindingKind] | None,
        typer.Option("--kind", help="For --output: a reason that counts (again for more); else probable label errors."),
    ] = None,
    least_strength: Annotated[
        float, typer.Option(min=0, max=1, help="For --output: weaker label errors and contradictions are left out.")
    ] = 0.5,
    most: Annotated[int | None, typer.Option(min=1, help="For --output: data units at most.")] = None,
) -> None:
    """Find likely label errors, failure slices, what is missing and spurious, contradictions and rare classes.

    With --output the data units that were found are written as a choice, which 'send-back' takes. Exit code 0, 2 when
    a file cannot be used, 3 when Encord cannot be used.
    """
    from benchmark_qa.commands.findings.findings import find as look
    from benchmark_qa.commands.findings.findings import print_findings
    from benchmark_qa.commands.predictions.command import write, write_json
    from benchmark_qa.commands.predictions.detections import PredictionInputError
    from benchmark_qa.commands.predictions.inputs import is_file, load_inputs
    from benchmark_qa.commands.predictions.outcome import EvaluatorMissingError
    from benchmark_qa.commands.predictions.pictures import read_pictures, with_pictures
    from benchmark_qa.errors import MissingExtraError
    from benchmark_qa.terminal.files import ExportError, require_place
    from benchmark_qa.terminal.printing import console_of

    try:
        require_place(output)
        if output and project is None and is_file(labels):
            raise ExportError(
                f"{labels}: is no project on Encord; --output needs --project with the hash of its project"
            )
        given = load_inputs(
            labels,
            [predictions] if predictions else [],
            metadata=metadata,
            unfinished=unfinished,
            max_unmatched=max_unmatched,
            map_images=map_images,
        )
        detections = given.detections[0] if predictions else given.truth.alone()
        pictures = read_pictures(given, detections, images, stored=stored)
        (detections,) = with_pictures([detections], pictures)
        for note in detections.notes:
            typer.echo(note, err=True)
        findings = look(
            detections,
            has_predictions=predictions is not None,
            near_duplicates=None if pictures is None else pictures.groups(),
            iou=iou,
            confidence=confidence,
            enough_examples=enough,
        )
        if output:
            choice = _choice(
                detections,
                findings,
                project=given.project_hash or project or "",
                name=name or output.stem,
                kinds=kinds,
                least_strength=least_strength,
                most=most,
            )
            write(choice.model_dump_json(indent=2).encode() + b"\n", output)
            typer.echo(f"{len(choice.items):,} data units chosen: {output}", err=True)
    except (ExportError, PredictionInputError, EvaluatorMissingError, MissingExtraError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(USAGE_ERROR) from None
    if json:
        write_json(_as_json(detections, findings), None)
    else:
        with console_of(None) as console:
            print_findings(findings, _names(detections), console, wide=wide)


def _choice(
    detections: "Detections",
    findings: "Findings",
    *,
    project: str,
    name: str,
    kinds: list[FindingKind] | None,
    least_strength: float,
    most: int | None,
) -> "ChosenItems":
    from benchmark_qa.commands.findings.choose_command import USUAL, choose_data_units

    wanted: tuple[ReasonKind, ...] = tuple(kind.value for kind in kinds) if kinds else USUAL
    return choose_data_units(
        detections,
        findings,
        project_hash=project,
        name=name,
        made_at=datetime.now(UTC),
        kinds=wanted,
        least_strength=least_strength,
        most=most,
    )


def _names(detections: "Detections") -> list[str]:
    """Names of the images for people."""
    return [
        (source.title or source.data_hash or str(image)) + (f", frame {source.frame}" if source.frame else "")
        for image, source in zip(detections.images, detections.sources, strict=True)
    ]


def _as_json(detections: "Detections", findings: "Findings") -> dict[str, object]:
    """The findings as JSON; indices of images become data hashes, titles and frames."""
    images = [
        {"data_hash": source.data_hash, "title": name, "frame": source.frame}
        for source, name in zip(detections.sources, _names(detections), strict=True)
    ]
    return findings.to_dict() | {"image_list": images}
