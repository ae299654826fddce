"""`benchmark-qa truth import`: import finished labels of a file, export or project as ground truth."""

import json as json_module
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from benchmark_qa.terminal.failures import INCOMPLETE, clear_failures, refuse
from benchmark_qa.terminal.image_maps import MapImagesOption
from benchmark_qa.terminal.opening import open_encord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark_qa.commands.truth.importing import TruthImport
    from benchmark_qa.encord_api.client import Encord
    from benchmark_qa.formats.class_mapping import Target
    from benchmark_qa.formats.label_parts import InputFault, LabelReading
    from benchmark_qa.terminal.image_maps import ExportMap

SOURCES = (
    "A COCO, CVAT, labelme or Label Studio file, a table of boxes, a folder of YOLO, Pascal VOC or labelme, an Encord "
    "export, or the hash of a project."
)
SHOWN = 20
"""Faults that are printed; `--json` has all of them"""


class MatchBy(StrEnum):
    """How a data unit is identified."""

    ANY = "any"
    DATA_HASH = "data-hash"
    URL = "url"
    TITLE = "title"


class Unannotated(StrEnum):
    """The meaning of an image without annotations."""

    LEAVE = "leave"
    EMPTY = "empty"


def import_truth(
    source: Annotated[
        str,
        typer.Argument(help=SOURCES),
    ],
    *,
    project: Annotated[
        str | None, typer.Option(help="Hash of the benchmark project; default: the one in the configuration.")
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="car=Vehicle, car/colour=paint, car/colour/red=crimson. May be repeated."),
    ] = None,
    map_file: Annotated[Path | None, typer.Option(help="The same as a JSON object of names.")] = None,
    map_images: MapImagesOption = None,
    unannotated: Annotated[
        Unannotated,
        typer.Option(help="Images of which the file has no annotation: leave them as they are, or empty truth."),
    ] = Unannotated.LEAVE,
    by: Annotated[MatchBy, typer.Option(help="What images are known by; any: whichever matches.")] = MatchBy.ANY,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite truth that says something else.")] = False,
    skip_unmatched: Annotated[
        bool, typer.Option("--skip-unmatched", help="Go on without what has no counterpart.")
    ] = False,
    complete: Annotated[
        bool, typer.Option("--complete", help="Move the tasks on to Complete: finished truth.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Import ground truth onto the benchmark project.

    Killed at any point and run again, it goes on; what says the same already is left alone. Exit code 0, 2 when
    something has no counterpart (nothing was written), 3 when Encord cannot be used, 4 when some truth is not in place:
    other truth is there, somebody is at work on it, or Encord's SDK does not take it.
    """
    from benchmark_qa.commands.truth.importing import (
        plan_import,
        require_no_faults,
        target_of,
        without_unannotated,
        write_truth,
    )
    from benchmark_qa.terminal.printing import item_progress

    with clear_failures():
        export = export_map_of(map_images)
        stated = stated_mapping(mapping or [], map_file)
        require_source(source)
        encord = open_encord()
        wanted = _benchmark_project(project)
        target = target_of(encord.project(wanted), stated)
        reading, unfinished = read_source(encord, source, target, wanted, export)
        if unannotated is Unannotated.LEAVE:
            reading = without_unannotated(reading)
        ways = ("data-hash", "url", "title") if by is MatchBy.ANY else (by.value,)
        images = export.images if export else None
        plan = plan_import(encord, wanted, reading, by=ways, image_map=images, overwrite=replace)  # type: ignore[arg-type]
        refused = bool(plan.faults) and not skip_unmatched
        if not dry_run and not refused:
            with item_progress("importing", len(plan.write)) as progress:
                plan = write_truth(encord, plan, complete=complete, progress=progress)
        if json:
            typer.echo(json_module.dumps(_document(plan, unfinished, done=not dry_run and not refused), indent=2))
        else:
            _print(plan, unfinished, done=not dry_run and not refused, complete=complete)
        if refused:
            require_no_faults(plan)
        if plan.refused or plan.kept or _waiting(plan, complete=complete):
            raise typer.Exit(INCOMPLETE)


def _benchmark_project(given: str | None) -> str:
    """The project given, or else the only benchmark project of the configuration."""
    import os

    from benchmark_qa.config.settings import load_settings

    config = load_settings(endpoints=False).config if os.environ.get("BENCHMARK_QA_CONFIG") else None
    if given is not None:
        if config is not None and given == str(config.production_project):
            refuse(f"{given} is the production project: truth belongs on the benchmark project")
        return given
    if config is None or len(config.benchmark_projects) != 1:
        refuse("say with --project which benchmark project")
    return str(config.benchmark_projects[0])


def stated_mapping(lines: "Sequence[str]", path: Path | None) -> dict[str, str]:
    """The mapping of classes that the options state; a fault ends the command."""
    from benchmark_qa.formats.class_mapping import MappingError, mapping_of_document, parse_mapping

    try:
        return (mapping_of_document(_parsed(path)) if path is not None else {}) | parse_mapping(lines)
    except MappingError as error:
        refuse(str(error))


def require_source(source: str) -> None:
    """Check that the source is a project's hash, or a file or folder that can be read.

    Raises:
        ExportError
    """
    from benchmark_qa.terminal.files import require_file

    if _uuid(source) is None:
        require_file(Path(source), or_folder=True)


def export_map_of(path: Path | None) -> "ExportMap | None":
    """The content of `--map-images`; a fault ends the command."""
    from benchmark_qa.terminal.files import ExportError
    from benchmark_qa.terminal.image_maps import load_map

    try:
        return load_map(path)
    except ExportError as error:
        refuse(str(error))


def read_source(
    encord: "Encord", source: str, target: "Target", project: str, export: "ExportMap | None"
) -> "tuple[LabelReading, int]":
    """The labels of the source, and the number of its unfinished data units."""
    from dataclasses import replace as replace_fields

    from benchmark_qa.commands.truth.importing import read_project, with_known_sizes
    from benchmark_qa.formats.coco_labels import read_coco
    from benchmark_qa.formats.coco_reader import CocoError
    from benchmark_qa.formats.encord_reader import NotLabelRowsError, label_rows_of, read_label_rows
    from benchmark_qa.terminal.files import ExportError
    from benchmark_qa.terminal.image_maps import named_classes
    from benchmark_qa.terminal.label_files import read_foreign

    other = _uuid(source)
    if other is not None:
        return read_project(encord, other, target)
    try:
        foreign = read_foreign(Path(source), named_classes(export, target))
        if foreign is None:
            return read_label_rows(label_rows_of(_document_of(Path(source))), target), 0
        images = export.images if export else None
        reading = read_coco(with_known_sizes(foreign.document, encord, project, images), target)
        return replace_fields(reading, left_out=(*foreign.left_out, *reading.left_out)), 0
    except ExportError as error:
        refuse(str(error))
    except (CocoError, NotLabelRowsError) as error:
        refuse(f"{source}: {error}")


def _document_of(path: Path) -> Any:
    """The content of a JSON file; for a folder of our own Encord export, all of its label rows."""
    from benchmark_qa.terminal.files import row_files

    if not path.is_dir():
        return _parsed(path)
    files = row_files(path)
    if files:
        return [row for file in files for row in _rows(_parsed(file))]
    return refuse(
        f"{path}: holds no labels in a format that is known; name a COCO file, or the folder of another format"
    )


def _rows(document: Any) -> list[Any]:
    return document if isinstance(document, list) else [document]


def _parsed(path: Path) -> Any:
    import orjson

    from benchmark_qa.terminal.files import without_mark

    try:
        return orjson.loads(without_mark(path.read_bytes()))
    except (OSError, ValueError) as error:
        refuse(f"{path}: {error.strerror if isinstance(error, OSError) else f'is no JSON: {error}'}")


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None


def _waiting(plan: "TruthImport", *, complete: bool) -> list[str]:
    """Data units that would be written or moved if their tasks were not assigned to somebody."""
    same = set() if complete else set(plan.unchanged)
    return [unit for unit in plan.at_work if unit not in same]


def _document(plan: "TruthImport", unfinished: int, *, done: bool) -> dict[str, Any]:
    return {
        "project": plan.project.project_hash,
        "done": done,
        "written": list(plan.write),
        "unchanged": list(plan.unchanged),
        "other_truth": list(plan.kept),
        "at_work": list(plan.at_work),
        "completed": plan.completed if done else len(plan.to_complete),
        "unfinished_in_source": unfinished,
        "images": plan.matching.in_words(),
        "found_by": dict(plan.matching.by_rule),
        "left_out": list(plan.left_out),
        "faults": [{"subject": fault.subject, "reason": fault.reason} for fault in plan.faults],
        "refused": [{"subject": fault.subject, "reason": fault.reason} for fault in plan.refused],
    }


def _print(plan: "TruthImport", unfinished: int, *, done: bool, complete: bool) -> None:
    typer.echo(plan.matching.in_words())
    for line in plan.left_out:
        typer.echo(line)
    were, would = ("", "were") if done else ("would be ", "would be")
    typer.echo(f"{len(plan.write):,} data units {were}written, {len(plan.unchanged):,} say the same already")
    if complete:
        count = plan.completed if done else len(plan.to_complete)
        typer.echo(f"{count:,} tasks {would} moved to Complete")
    if unfinished:
        typer.echo(f"{unfinished:,} data units of the source are not at Complete: left out")
    for data_hash in plan.kept[:SHOWN]:
        typer.echo(f"{plan.slots[data_hash].title}: other truth is there (--replace overwrites it)", err=True)
    if len(plan.kept) > SHOWN:
        typer.echo(f"and {len(plan.kept) - SHOWN:,} more with other truth", err=True)
    waiting = _waiting(plan, complete=complete)
    for data_hash in waiting[:SHOWN]:
        slot = plan.slots[data_hash]
        typer.echo(f"{slot.title}: {slot.assignee} is at work on it: release the task first", err=True)
    if len(waiting) > SHOWN:
        typer.echo(f"and {len(waiting) - SHOWN:,} more that somebody is at work on", err=True)
    _print_faults((*plan.faults, *plan.refused))


def _print_faults(faults: "Sequence[InputFault]") -> None:
    for fault in faults[:SHOWN]:
        typer.echo(f"{fault.subject}: {fault.reason}", err=True)
    if len(faults) > SHOWN:
        typer.echo(f"and {len(faults) - SHOWN:,} more faults", err=True)
