"""`benchmark-qa upload`: upload local files as items of an Encord folder."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark_qa.commands.register.command import (
    CreateOption,
    ErrorsOption,
    FolderOption,
    GroupColumnOption,
    GroupPatternOption,
    KindOption,
    LeftOutOption,
    SchemaOption,
    TitleOption,
    UrlColumnOption,
    failed_items,
    finish,
    make_rules,
)
from benchmark_qa.terminal.failures import clear_failures
from benchmark_qa.terminal.opening import open_storage
from benchmark_qa.terminal.options import JsonOption
from benchmark_qa.terminal.printing import tell_done

if TYPE_CHECKING:
    from benchmark_qa.commands.register.manifest import ManifestRow, Rows, Unreadable
    from benchmark_qa.commands.register.rows import ManifestRules


def upload(
    source: Annotated[str, typer.Argument(help="A folder, or a manifest (.csv, .jsonl, .parquet) of paths.")],
    *,
    folder: FolderOption,
    root: Annotated[
        Path | None, typer.Option(help="What a manifest's paths are below; default: where the manifest lies.")
    ] = None,
    kind: KindOption = None,
    title: TitleOption = None,
    url_column: UrlColumnOption = "url",
    group_column: GroupColumnOption = "group",
    group_pattern: GroupPatternOption = None,
    schema: SchemaOption = None,
    create_folder: CreateOption = False,
    journal: Annotated[
        Path | None, typer.Option(help="Where to note what is done; default: SOURCE.progress beside it.")
    ] = None,
    parallel: Annotated[int, typer.Option(min=1, max=32, help="Files under way at a time.")] = 4,
    errors: ErrorsOption = None,
    left_out: LeftOutOption = None,
    json: JsonOption = False,
) -> None:
    """Upload local files to Encord's own storage.

    Killed at any point and run again, it goes on, and no file is there twice. Exit code 0, 4 when some items could not
    be uploaded (each with its reason), 2 for a faulty manifest or settings, 3 when Encord cannot be used.
    """
    from benchmark_qa.commands.register.directory import all_entries
    from benchmark_qa.commands.register.errors import RulesError
    from benchmark_qa.terminal.failures import refuse
    from benchmark_qa.terminal.files import require_place

    for written in (errors, left_out, journal):
        require_place(written)
    place = Path(os.path.realpath(source))
    if root is not None and not root.is_dir():
        refuse(f"{root}: there is no such folder")
    root = root or (place if place.is_dir() else place.parent)
    try:
        rules = make_rules(
            storage=None,
            base_url=None,
            kind=kind,
            title=title,
            url_column=url_column,
            group_column=group_column,
            group_pattern=group_pattern,
            schema=schema,
        )
    except RulesError as error:
        refuse(str(error))
    with TemporaryDirectory(prefix="benchmark-qa-") as scratch:
        total = describe_local_files(source, root, rules, Path(scratch), left_out)
        with clear_failures():
            from benchmark_qa.commands.register.uploading import upload as upload_files
            from benchmark_qa.terminal.files import Journal
            from benchmark_qa.terminal.printing import item_progress

            storage = open_storage()
            target = storage.folder_or_new(folder) if create_folder else storage.folder(folder)
            notes = journal or place.with_name(f"{place.name}.progress")
            with closing(Journal(notes)) as done, item_progress("uploading", total) as progress:
                entries = all_entries(Path(scratch))
                outcome = upload_files(storage, target, root, entries, done, parallel=parallel, progress=progress)
    facts = {"folder": target.title, "items": outcome.items, "data_groups": 0}
    tell_done(f"{outcome.items:,} items are in {target.title!r}", facts | failed_items(outcome), as_json=json)
    finish(outcome, errors)


def describe_local_files(
    source: str, root: Path, rules: "ManifestRules", directory: Path, left_out: Path | None = None
) -> int:
    """Write registration files of local files into a directory; a faulty manifest ends the command.

    Files left out of a folder are reported, and all of them written to a CSV file if one is given.

    Returns:
        The number of items.
    """
    from benchmark_qa.commands.register.build import build
    from benchmark_qa.commands.register.directory import (
        is_listing,
        left_out_noted,
        manifest_rows,
        output_directory,
        refuse_faults,
        tell,
    )
    from benchmark_qa.commands.register.errors import ManifestRefused, RulesError
    from benchmark_qa.errors import MissingExtraError
    from benchmark_qa.terminal.failures import refuse

    try:
        with (
            left_out_noted(left_out) as noted,
            manifest_rows(source, rules.url_column, noted) as rows,
            output_directory(directory) as files,
        ):
            listing = noted if is_listing(source) else None
            of_files = rows if listing is not None else _of_files(rows, root, rules.url_column)
            built = build(of_files, rules, files, left_out=listing)
    except (RulesError, MissingExtraError) as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{error.filename or source}: {error.strerror or error}")
    except ManifestRefused as refused:
        tell([*noted.lines(), *refused.notes])
        refuse_faults(source, refused.faults, refused.total)
    tell([*noted.lines(), *built.notes])
    if built.data_groups:
        refuse("data groups are made of what is registered from a bucket, not of uploads")
    return built.items.total()


def _of_files(rows: "Rows", root: Path, url_column: str) -> Iterator["ManifestRow | Unreadable"]:
    """The rows with their local files, and a fault for every file that is missing or outside the root."""
    from benchmark_qa.commands.register.manifest import ManifestRow, Unreadable

    inside = os.path.realpath(root)
    for row in rows:
        named = row.fields.get(url_column) if isinstance(row, ManifestRow) else None
        if not isinstance(row, ManifestRow) or named in (None, ""):
            yield row
            continue
        path = str(named)
        if "\\" in path and not (root / path).is_file():
            path = path.replace("\\", "/")  # Windows separator
        file = root / path
        if not file.is_file():
            yield Unreadable(row.line, f"there is no file {named!r}")
        elif not Path(os.path.realpath(file)).is_relative_to(inside):
            yield Unreadable(row.line, f"{named!r} leads out of {root}: name with --root what the files are below")
        else:
            yield ManifestRow(row.line, {**row.fields, url_column: path}, file)
