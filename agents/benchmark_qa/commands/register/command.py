"""`benchmark-qa register`: register a manifest, a folder or a bucket as items of an Encord folder."""

import json as json_module
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from benchmark_qa.terminal.failures import INCOMPLETE, clear_failures
from benchmark_qa.terminal.opening import open_storage
from benchmark_qa.terminal.options import JsonOption
from benchmark_qa.terminal.printing import tell_done

if TYPE_CHECKING:
    from benchmark_qa.commands.register.key_frames import MetadataSchema
    from benchmark_qa.commands.register.rows import ManifestRules
    from benchmark_qa.commands.register.steps import Registered
    from benchmark_qa.context import Progress
    from benchmark_qa.encord_api.uploads import UploadFolder


register = typer.Typer(
    name="register", help="Registration files: build, check, and register what they name.", no_args_is_help=True
)


KindOption = Annotated[
    str | None, typer.Option(help="Kind of every file that does not say its own; default: by its ending.")
]


TitleOption = Annotated[
    str | None,
    typer.Option(help="Template of titles: {name}, {stem}, {folder}, {path}, {group}, or a column of the manifest."),
]


UrlColumnOption = Annotated[str, typer.Option(help="Column of the URL or path.")]


GroupColumnOption = Annotated[str, typer.Option(help="Column that names the group, sequence or series of a file.")]


GroupPatternOption = Annotated[
    str | None, typer.Option(help="Regular expression with (?P<group>...), searched in the path, instead of a column.")
]


SchemaOption = Annotated[
    Path | None, typer.Option(help="The organisation's metadata schema, as 'register schema' prints it.")
]


FolderOption = Annotated[str, typer.Option("--folder", help="Title or UUID of the Encord folder.")]


CreateOption = Annotated[bool, typer.Option("--create-folder", help="Create the folder if there is none yet.")]


ErrorsOption = Annotated[Path | None, typer.Option(help="Write every failed item to this CSV file.")]


LeftOutOption = Annotated[
    Path | None, typer.Option("--left-out", help="Write every file of a folder that is left out to this CSV file.")
]


_STORAGE_OF_SCHEME = {"s3": "s3", "gs": "gcs", "az": "azure", "abfs": "azure"}


@register.command()
def build(
    source: Annotated[str, typer.Argument(help="Manifest (.csv, .jsonl, .parquet), folder, or s3://, gs://, az://.")],
    *,
    out: Annotated[Path, typer.Option(help="Directory for the registration files.")],
    storage: Annotated[
        str | None, typer.Option(help="s3, gcs, azure, otc or s3-multi-region; default: by SOURCE.")
    ] = None,
    base_url: Annotated[str | None, typer.Option(help="Put before what is only a path.")] = None,
    kind: KindOption = None,
    title: TitleOption = None,
    url_column: UrlColumnOption = "url",
    group_column: GroupColumnOption = "group",
    group_pattern: GroupPatternOption = None,
    schema: SchemaOption = None,
    allow_duplicates: Annotated[
        bool, typer.Option("--allow-duplicates", help="Let Encord register URLs again that its folder has already.")
    ] = False,
    left_out: LeftOutOption = None,
    json: JsonOption = False,
) -> None:
    """Write registration files, or refuse the manifest with the line and the reason of every fault.

    Exit code 0, or 2 when nothing was written.
    """
    from benchmark_qa.commands.register.build import build as build_files
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
    from benchmark_qa.terminal.files import require_place

    require_place(left_out)
    require_place(out, folder=True)
    try:
        rules = make_rules(
            storage=storage or _storage_of(source),
            base_url=base_url or _base_url_of(source),
            kind=kind,
            title=title,
            url_column=url_column,
            group_column=group_column,
            group_pattern=group_pattern,
            schema=schema,
        )
        with (
            left_out_noted(left_out) as noted,
            manifest_rows(source, url_column, noted) as rows,
            output_directory(out) as files,
        ):
            listing = noted if is_listing(source) else None
            built = build_files(rows, rules, files, skip_duplicate_urls=not allow_duplicates, left_out=listing)
    except (RulesError, MissingExtraError) as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{error.filename or source}: {error.strerror or error}")
    except ManifestRefused as refused:
        tell([*noted.lines(), *refused.notes])
        refuse_faults(source, refused.faults, refused.total)
    else:
        tell([*noted.lines(), *built.notes])
        counts = ", ".join(f"{count:,} {name}" for name, count in built.items.items())
        groups = f", {built.data_groups:,} data groups" if built.data_groups else ""
        facts = {"items": dict(built.items), "data_groups": built.data_groups, "urls": built.urls}
        facts |= {"files": built.parts, "folder": str(out)}
        tell_done(f"{counts}{groups}: {built.urls:,} URLs in {built.parts:,} files in {out}", facts, as_json=json)


@register.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Registration files, or directories of them.")],
    schema: SchemaOption = None,
    json: JsonOption = False,
) -> None:
    """Hold registration files, ours or not, against the SDK's models, Encord's limits and its form of key frames.

    Exit code 0 when all are valid, 2 when one is not: every fault is explained, with its line.
    """
    from benchmark_qa.commands.register.directory import registration_files
    from benchmark_qa.commands.register.errors import RulesError
    from benchmark_qa.terminal.failures import refuse

    try:
        types = _schema(schema) if schema is not None else None
    except RulesError as error:
        refuse(str(error))
    found = []
    for path in registration_files(files):
        items, urls = checked(path, types)
        found.append({"file": str(path), "items": items, "urls": urls})
        if not json:
            typer.echo(f"{path}: {items:,} items, {urls:,} URLs")
    tell_done(f"{len(found):,} files are valid", {"files": found}, as_json=json)


@register.command()
def schema() -> None:
    """Print the organisation's metadata schema, for 'register build --schema'."""
    with clear_failures():
        typer.echo(json_module.dumps(open_storage().metadata_schema(), indent=2))


@register.command()
def run(
    files: Annotated[list[Path], typer.Argument(help="Registration files, or directories that 'build' has written.")],
    *,
    folder: FolderOption,
    integration: Annotated[str, typer.Option(help="Title of the cloud integration that opens the bucket.")],
    create_folder: CreateOption = False,
    upsert_metadata: Annotated[
        bool, typer.Option("--upsert-metadata", help="Update the metadata of items that are there already.")
    ] = False,
    items_per_job: Annotated[int, typer.Option(min=1, max=100_000, help="Items sent at a time.")] = 1_000,
    parallel: Annotated[int, typer.Option(min=1, max=32, help="Jobs under way at a time.")] = 4,
    errors: ErrorsOption = None,
    json: JsonOption = False,
) -> None:
    """Register in a folder what registration files name, and make the data groups beside them.

    What is done is noted beside each file (FILE.progress): killed at any point and run again, it goes on, and nothing
    is registered twice. Exit code 0, 4 when some items could not be registered (each with its reason), 2 for faulty
    files or settings, 3 when Encord cannot be used.
    """
    from benchmark_qa.commands.register.directory import registration_files
    from benchmark_qa.terminal.files import require_place

    require_place(errors)
    named = registration_files(files)
    total = sum(checked(path)[0] for path in named)
    with clear_failures():
        from benchmark_qa.terminal.printing import item_progress

        storage = open_storage()
        uuid = storage.integration(integration)
        target = storage.folder_or_new(folder) if create_folder else storage.folder(folder)
        with item_progress("registering", total) as progress:
            outcome = register_in(
                target,
                named,
                integration=uuid,
                upsert_metadata=upsert_metadata,
                items_per_job=items_per_job,
                parallel=parallel,
                progress=progress,
            )
        groups = make_data_groups_in(target, files)
    said = f"{outcome.items:,} items" + (f" and {groups.items:,} data groups" if groups.items else "")
    facts = {"folder": target.title, "items": outcome.items, "data_groups": groups.items}
    outcome += groups
    tell_done(f"{said} are in {target.title!r}", facts | failed_items(outcome), as_json=json)
    finish(outcome, errors)


@register.command()
def sync(
    *,
    folder: FolderOption,
    url: Annotated[
        str | None,
        typer.Option(help="Make the folder, in step with s3://BUCKET/PREFIX/ or the like, if there is none."),
    ] = None,
    integration: Annotated[str | None, typer.Option(help="With --url: the cloud integration that opens it.")] = None,
    json: JsonOption = False,
) -> None:
    """Bring a folder that Encord keeps in step with a bucket up to date, and wait for it.

    Exit code 0, 4 when some files could not be registered, 2 for faulty options, 3 when Encord cannot be used.
    """
    from benchmark_qa.terminal.failures import refuse

    if (url is None) != (integration is None):
        refuse("--url and --integration belong together")
    with clear_failures():
        from benchmark_qa.commands.register.steps import sync as sync_folder
        from benchmark_qa.terminal.printing import item_progress

        storage = open_storage()
        if url is not None and integration is not None:
            target = storage.synced_folder(folder, integration=integration, url=url)
        else:
            target = storage.folder(folder)
        with item_progress("syncing", 0) as progress:
            outcome = sync_folder(target, progress)
    said = f"{outcome.items:,} files of {target.synced_with} have been registered in {target.title!r}"
    facts = {"folder": target.title, "items": outcome.items, "data_groups": 0}
    tell_done(said, facts | failed_items(outcome), as_json=json)
    finish(outcome, None)


def register_in(
    folder: "UploadFolder",
    files: list[Path],
    *,
    integration: str,
    upsert_metadata: bool = False,
    items_per_job: int = 1_000,
    parallel: int = 4,
    progress: "Progress",
) -> "Registered":
    """Register the items of checked files; progress is saved beside each file."""
    from benchmark_qa.commands.register.check import registered_entries
    from benchmark_qa.commands.register.steps import Registered
    from benchmark_qa.commands.register.steps import register as register_entries
    from benchmark_qa.terminal.files import Journal

    outcome = Registered()
    for path in files:
        with closing(Journal(path.with_name(f"{path.name}.progress"))) as journal, _text(path) as text:
            outcome += register_entries(
                folder,
                registered_entries(text),
                journal,
                integration=integration,
                upsert_metadata=upsert_metadata,
                items_per_job=items_per_job,
                parallel=parallel,
                progress=progress,
            )
    return outcome


def failed_items(outcome: "Registered") -> dict[str, Any]:
    """The items that failed, as JSON types."""
    return {"failures": [{"line": one.line, "name": one.name, "reason": one.reason} for one in outcome.failures]}


def finish(outcome: "Registered", errors: Path | None) -> None:
    """Report the failed items; exit with a code that says whether there are any."""
    from benchmark_qa.commands.register.directory import report_failures

    report_failures(outcome, errors)
    if outcome.failures:
        typer.echo(f"{len(outcome.failures):,} failed; run it again to try them again", err=True)
        raise typer.Exit(INCOMPLETE)


def make_rules(
    *,
    storage: str | None,
    base_url: str | None,
    kind: str | None,
    title: str | None,
    url_column: str,
    group_column: str,
    group_pattern: str | None,
    schema: Path | None,
) -> "ManifestRules":
    """Rules from the options; without `storage`, rules for local files.

    Raises:
        RulesError
    """
    from benchmark_qa.commands.register.kinds import RegisteredKind
    from benchmark_qa.commands.register.listing import Location
    from benchmark_qa.commands.register.rows import ManifestRules

    return ManifestRules(
        location=Location(_choice("--storage", storage, list(Location))) if storage is not None else None,
        kind=RegisteredKind(_choice("--kind", kind, list(RegisteredKind))) if kind is not None else None,
        base_url=base_url,
        title=title,
        url_column=url_column,
        group_column=group_column,
        group_pattern=group_pattern,
        schema=_schema(schema) if schema is not None else None,
    )


def _choice(option: str, given: str, known: list[str]) -> str:
    from benchmark_qa.commands.register.errors import RulesError

    if given not in known:
        raise RulesError(f"{option} {given!r}: is none of {', '.join(known)}")
    return given


def _schema(path: Path) -> "MetadataSchema":
    from benchmark_qa.commands.register.errors import RulesError
    from benchmark_qa.commands.register.key_frames import MetadataSchema

    try:
        read = json_module.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise RulesError(f"{path}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise RulesError(f"{path}: is not JSON ({error})") from None
    if not isinstance(read, dict):
        raise RulesError(f"{path}: is not a JSON object, key to type")
    return MetadataSchema(read)


def _storage_of(source: str) -> str:
    from benchmark_qa.commands.register.errors import RulesError

    scheme = source.partition("://")[0]
    if scheme not in _STORAGE_OF_SCHEME:
        raise RulesError("say with --storage where the objects lie")
    return _STORAGE_OF_SCHEME[scheme]


def _base_url_of(source: str) -> str | None:
    """The source if its listing consists of URLs (S3, Cloud Storage); None for Azure, without account."""
    return source if source.partition("://")[0] in ("s3", "gs") else None


def checked(path: Path, schema: "MetadataSchema | None" = None) -> tuple[int, int]:
    """Numbers of items and URLs in a registration file; a faulty file ends the command."""
    from benchmark_qa.commands.register.check import check as check_file
    from benchmark_qa.commands.register.directory import refuse_faults

    with _text(path) as text:
        found = check_file(text, schema=schema)
    if found.total_faults:
        refuse_faults(str(path), found.faults, found.total_faults)
    return found.items.total(), found.urls


def _text(path: Path) -> TextIO:
    return path.open(encoding="utf-8-sig")


def make_data_groups_in(folder: "UploadFolder", files: list[Path]) -> "Registered":
    """Make the data groups that are listed in directories beside the registration files."""
    from benchmark_qa.commands.register.directory import DATA_GROUPS
    from benchmark_qa.commands.register.steps import Registered, make_data_groups

    made = Registered()
    for path in (path / DATA_GROUPS for path in files if (path / DATA_GROUPS).is_file()):
        listed = [json_module.loads(line) for line in path.read_bytes().splitlines()]
        made += make_data_groups(folder, [(group["title"], group["urls"]) for group in listed])
    return made
