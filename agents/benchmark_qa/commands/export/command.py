"""`benchmark-qa export`: export a project's labels as files for training."""

import json as json_module
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmark_qa.terminal.failures import INCOMPLETE, USAGE_ERROR, clear_failures

if TYPE_CHECKING:
    from datetime import datetime

    from benchmark_qa.commands.export.exporter import Exported
    from benchmark_qa.commands.export.selection import ExportRequest, RowSelection


class ExportFormat(StrEnum):
    """Formats to write."""

    ENCORD = "encord"
    COCO = "coco"
    YOLO = "yolo"
    PARQUET = "parquet"


class YoloTaskOption(StrEnum):
    """The task that a YOLO model is trained for."""

    DETECT = "detect"
    SEGMENT = "segment"
    POSE = "pose"
    OBB = "obb"


def export(
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder; formats come below it, beside manifest.json.")],
    format: Annotated[  # noqa: A002 - the option's name
        list[ExportFormat], typer.Option(help="May be given several times.")
    ],
    project: Annotated[str | None, typer.Option(help="Hash; default: the production project.")] = None,
    snapshot: Annotated[
        str | None, typer.Option(metavar="NAME", help="Export from this frozen label branch; made if it is not there.")
    ] = None,
    stage: Annotated[
        list[str] | None, typer.Option(help="Title or uuid; default: final stages except the archive.")
    ] = None,
    dataset: Annotated[list[str] | None, typer.Option(help="Title or hash; default: all.")] = None,
    title: Annotated[list[str] | None, typer.Option(metavar="GLOB", help="Titles like 'night/*.jpg'.")] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Client metadata; all of several must hold.")
    ] = None,
    data_hashes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON list of data hashes, or a file of chosen items.")
    ] = None,
    collection: Annotated[
        str | None, typer.Option(metavar="NAME", help="Data units of a frame collection of the project.")
    ] = None,
    edited_since: Annotated[str | None, typer.Option(metavar="MOMENT", help="By UTC, e.g. 2026-03-01T12:00.")] = None,
    edited_until: Annotated[str | None, typer.Option(metavar="MOMENT", help="By UTC; itself not included.")] = None,
    with_benchmark: Annotated[
        bool,
        typer.Option(
            "--with-benchmark/--without-benchmark",
            help="Benchmark items of the production project; by default models do not train on what judges them.",
        ),
    ] = False,
    leave_out_below_bar: Annotated[
        bool, typer.Option("--leave-out-below-bar", help="No data unit on which an annotator below the bar has worked.")
    ] = False,
    weigh: Annotated[
        bool, typer.Option("--weigh", help="A weight per label, by its annotator's score (COCO, Parquet).")
    ] = False,
    split: Annotated[
        str | None, typer.Option(metavar="NAME=SHARE,...", help="E.g. train=0.8,val=0.2, which is YOLO's default.")
    ] = None,
    yolo_task: Annotated[YoloTaskOption, typer.Option(help="YOLO data sets are of one task.")] = YoloTaskOption.DETECT,
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Export labels to Encord JSON, COCO, YOLO and Parquet, with a manifest.

    Can be killed at any point and run again: rows that have been read are in OUT.rows, and only rows edited since are
    read again. Exit code 0, 4 when some rows could not be read (the reasons are printed, the rest is exported), 2 for
    faulty options or settings, 3 when Encord or the database cannot be used.
    """
    choice = _choice(
        stages=stage,
        datasets=dataset,
        titles=title,
        metadata=metadata,
        data_hashes=data_hashes,
        since=edited_since,
        until=edited_until,
        with_benchmark=with_benchmark,
    )
    if weigh and not {ExportFormat.COCO, ExportFormat.PARQUET} >= set(format):
        raise typer.BadParameter("only COCO and Parquet have a place for weights", param_hint="--weigh")
    with clear_failures():
        import os

        from benchmark_qa.commands.export.selection import ExportRequest
        from benchmark_qa.config.settings import load_settings
        from benchmark_qa.terminal.files import require_place

        require_place(out, folder=True)
        # A project given by hash needs only the key: no service has to be configured.
        alone = project is not None and not os.environ.get("BENCHMARK_QA_CONFIG")
        settings = None if alone else load_settings(endpoints=False)
        request = ExportRequest(
            project_hash=project or (str(settings.config.production_project) if settings else ""),
            formats=tuple(dict.fromkeys(chosen.value for chosen in format)),
            choice=choice,
            collection=collection,
            snapshot=snapshot,
            splits=_splits(split, yolo=ExportFormat.YOLO in format),
            yolo_task=yolo_task.value,
            leave_out_below_bar=leave_out_below_bar,
            weigh=weigh,
        )
        outcome = _export(settings, request, out)
    _print(outcome, out, as_json=json)
    if outcome.edited_since_frozen:
        typer.echo(f"{outcome.edited_since_frozen:,} rows of the snapshot were edited after it was made", err=True)
    if outcome.unreadable:
        raise typer.Exit(INCOMPLETE)


def _export(settings: Any, request: "ExportRequest", out: Path) -> "Exported":
    import sqlite3

    from benchmark_qa.commands.export.exporter import Exporter
    from benchmark_qa.formats.table_writer import TablesMissingError
    from benchmark_qa.tasks.connections import Connections
    from benchmark_qa.terminal.opening import open_encord
    from benchmark_qa.terminal.printing import step_progress

    if settings is None:
        exporter = Exporter(open_encord(), None, None)
    else:
        connections = Connections(settings)
        exporter = Exporter(connections.encord, connections.store, settings.config)
    try:
        with step_progress() as progress:
            return exporter.export(request, out, progress)
    except TablesMissingError as error:
        typer.echo(str(error), err=True)
    except sqlite3.Error as error:
        typer.echo(f"{out}.rows cannot be used: {error}", err=True)
    except OSError as error:
        typer.echo(f"{error.filename or out} cannot be written: {error.strerror or error}", err=True)
    raise typer.Exit(USAGE_ERROR)


def _choice(
    *,
    stages: list[str] | None,
    datasets: list[str] | None,
    titles: list[str] | None,
    metadata: list[str] | None,
    data_hashes: Path | None,
    since: str | None,
    until: str | None,
    with_benchmark: bool,
) -> "RowSelection":
    from benchmark_qa.commands.export.selection import RowSelection

    pairs = []
    for text in metadata or ():
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"{text!r} is not KEY=VALUE", param_hint="--metadata")
        pairs.append((key, value))
    return RowSelection(
        stages=tuple(stages or ()),
        datasets=tuple(datasets or ()),
        titles=tuple(titles or ()),
        metadata=tuple(pairs),
        data_hashes=_listed(data_hashes) if data_hashes else None,
        edited_since=_moment(since, "--edited-since"),
        edited_until=_moment(until, "--edited-until"),
        with_benchmark=with_benchmark,
    )


def _moment(text: str | None, option: str) -> "datetime | None":
    from benchmark_qa.terminal.options import moment_of

    try:
        return moment_of(text) if text is not None else None
    except typer.BadParameter as error:
        raise typer.BadParameter(error.message, param_hint=option) from None


def _listed(path: Path) -> frozenset[str]:
    """The data hashes in a JSON list, or in a file of chosen items."""
    from benchmark_qa.terminal.files import ExportError, load_json

    try:
        content = load_json(path)
    except ExportError as error:
        raise typer.BadParameter(str(error), param_hint="--data-hashes") from None
    if isinstance(content, dict) and isinstance(content.get("items"), list):
        content = [item.get("data_hash") if isinstance(item, dict) else None for item in content["items"]]
    if not isinstance(content, list) or not all(isinstance(item, str) for item in content):
        raise typer.BadParameter(f"{path}: is not a JSON list of data hashes", param_hint="--data-hashes")
    return frozenset(content)


def _splits(text: str | None, *, yolo: bool) -> Any:
    from benchmark_qa.commands.export.manifest import SplitError, Splits
    from benchmark_qa.formats.yolo_writer import NOT_PARTS

    if text is None:
        return None
    try:
        splits = Splits.parse(text)
    except SplitError as error:
        raise typer.BadParameter(str(error), param_hint="--split") from None
    if yolo and not {"train", "val"} <= set(splits.names):
        raise typer.BadParameter("YOLO needs a part 'train' and a part 'val'", param_hint="--split")
    if yolo and (taken := NOT_PARTS & set(splits.names)):
        raise typer.BadParameter(f"YOLO has another use for the names {sorted(taken)}", param_hint="--split")
    return splits


def _print(outcome: "Exported", out: Path, *, as_json: bool) -> None:
    if as_json:
        said = {
            "out": str(out),
            "rows": outcome.rows,
            "rows_read": outcome.read,
            "files": outcome.files,
            "not_chosen": outcome.not_chosen,
            "edited_since_frozen": outcome.edited_since_frozen,
            "unreadable": [{"data_hash": data_hash, "reason": reason} for data_hash, reason in outcome.unreadable],
            **{key: outcome.manifest[key] for key in ("snapshot", "counts", "left_out", "formats")},
        }
        typer.echo(json_module.dumps(said, ensure_ascii=False))
        return
    counts = outcome.manifest["counts"]
    typer.echo(
        f"{outcome.rows:,} label rows, {sum(counts['objects'].values()):,} objects on {counts['images']:,} images, "
        f"{sum(counts['classifications'].values()):,} classifications in {out} ({outcome.read:,} rows read)"
    )
    for name in [part for part in (outcome.manifest["splits"] or {}) if part not in counts["splits"]]:
        typer.echo(f"part {name!r} of the split is empty: too few data units")
    for reason, count in outcome.not_chosen.items():
        typer.echo(f"{count:,} data units not exported: {reason}")
    if below := outcome.manifest["left_out"]["annotator_below_the_bar"]:
        typer.echo(f"{below:,} data units left out: an annotator below the bar has worked on them")
    for line in _shortfalls(outcome.manifest["formats"]):
        typer.echo(line)
    for data_hash, reason in outcome.unreadable:
        typer.echo(f"{data_hash} not exported: {reason}", err=True)


def _shortfalls(formats: dict[str, Any]) -> list[str]:
    """One line for each kind of content that a format cannot hold; the manifest has all of it."""
    lines = []
    for name, said in formats.items():
        several = {name: said["written"]} if "images" in said["written"] else said["written"]
        if not several:
            lines.append(f"{name}: no class of the ontology has a place in it, nothing is written")
        of_task = {task: _missing_from(tally) for task, tally in several.items()}
        for what in dict.fromkeys(line for missing in of_task.values() for line in missing):
            tasks = [task for task, missing in of_task.items() if what in missing]
            everywhere = len(tasks) == len(of_task)
            lines.append(f"{name}: {what}" if everywhere else f"{name} {', '.join(tasks)}: {what}")
    return lines


def _missing_from(tally: dict[str, Any]) -> list[str]:
    lines = [f"{count:,} of shape {shape} have no place in it" for shape, count in tally["not_representable"].items()]
    for field, why in (
        ("without_region", "no area on the image"),
        ("on_images_without_size", "the image's size is not known"),
    ):
        lines += [f"{count:,} of shape {shape} left out: {why}" for shape, count in tally[field].items()]
    lines += [f"{count:,} {change}" for change, count in tally["altered"].items()]
    if tally["classifications_left_out"]:
        lines.append(f"{tally['classifications_left_out']:,} classifications have no place in it")
    return lines
