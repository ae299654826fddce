"""`benchmark-qa setup`: set up the two projects that one file declares."""

import json as json_module
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from benchmark_qa.terminal.failures import INCOMPLETE, PENDING, clear_failures
from benchmark_qa.terminal.options import JsonOption
from benchmark_qa.terminal.printing import marked_console, tell_done

if TYPE_CHECKING:
    from benchmark_qa.commands.setup.changes import Change, ChangeKind, Endpoint
    from benchmark_qa.commands.setup.declaration import Declaration
    from benchmark_qa.commands.setup.observe import Site
    from benchmark_qa.commands.setup.observed import Observed


setup = typer.Typer(
    name="setup", help="Folders, datasets, ontology and both projects from one file.", no_args_is_help=True
)


FileArgument = Annotated[Path, typer.Argument(help="The set-up file (TOML); 'setup init' writes an example.")]


OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="The service's configuration document; default: benchmark-qa.json beside FILE."),
]


@setup.command()
def init(
    file: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("setup.toml"),
    json: JsonOption = False,
) -> None:
    """Write an example of a set-up file, to be edited."""
    from importlib.resources import files

    from benchmark_qa.terminal.failures import refuse

    if file.exists():
        refuse(f"{file} exists already")
    file.write_text(
        files("benchmark_qa.commands.setup").joinpath("example.toml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    tell_done(f"{file}: edit it, then 'benchmark-qa setup plan {file}'", {"file": str(file)}, as_json=json)


@setup.command()
def schema() -> None:
    """Print the JSON Schema of the set-up file."""
    from benchmark_qa.commands.setup.declaration import Declaration

    typer.echo(json_module.dumps(Declaration.model_json_schema(), indent=2))


@setup.command()
def plan(file: FileArgument, out: OutOption = None, json: JsonOption = False) -> None:
    """Show what 'apply' would do, and what people have made different. Changes nothing.

    Exit code 0 when all is as the file says, 5 when there is something to apply, 4 when there is nothing to apply but
    something that only a person can put right, 2 for a faulty file, 3 when Encord cannot be used.
    """
    from benchmark_qa.commands.setup.sources import read_setup, sources_of
    from benchmark_qa.terminal.files import require_place

    declared, document = read_setup(file), _document_at(file, out)
    require_place(document)
    with clear_failures(), ExitStack() as scratch:
        from benchmark_qa.commands.setup.observe import observe

        observed = observe(declared, _site(), sources_of(declared, file.parent, scratch))
        changes = _changes(declared, observed, document)
    if json:
        typer.echo(json_module.dumps({"changes": [change.to_dict() for change in changes]}, indent=2))
    else:
        print_changes(changes)
    kinds = {change.kind for change in changes}
    if kinds & {"create", "change"}:
        raise typer.Exit(PENDING)
    if kinds & {"drift", "fault"}:
        raise typer.Exit(INCOMPLETE)


@setup.command()
def apply(
    file: FileArgument,
    *,
    host: Annotated[str, typer.Option(help="Public address of the service, for the URLs.")] = "https://YOUR-HOST",
    out: OutOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a configuration document that differs.")] = False,
    errors: Annotated[Path | None, typer.Option(help="Write every failed item to this CSV file.")] = None,
    json: JsonOption = False,
) -> None:
    """Make Encord what the file says, write the service's configuration, and print the URLs to paste into Encord.

    Nothing is ever deleted, detached or renamed. Killed at any point and run again, it does what is left. Exit code 0,
    4 when something is left for a person (drift, faults, items that could not be registered), 2 for a faulty file, 3
    when Encord cannot be used.
    """
    from benchmark_qa.commands.register.directory import report_failures
    from benchmark_qa.commands.setup.sources import read_setup, sources_of
    from benchmark_qa.terminal.files import only_run_of, require_place
    from benchmark_qa.terminal.printing import item_progress

    declared, document = read_setup(file), _document_at(file, out)
    for place in (document, errors):
        require_place(place)
    with clear_failures(), ExitStack() as scratch:
        scratch.enter_context(only_run_of(file))
        from benchmark_qa.commands.setup.apply import set_up
        from benchmark_qa.commands.setup.changes import endpoints, service_document
        from benchmark_qa.commands.setup.observe import observe

        site, sources = _site(), sources_of(declared, file.parent, scratch)
        observed = observe(declared, site, sources)
        changes = _changes(declared, observed, document)
        print_changes(changes, to_stderr=json)
        to_do = [change for change in changes if change.step is not None]
        if to_do and not yes:
            typer.confirm(f"Apply {len(to_do)} changes?", abort=True, err=True)
        outcome = set_up(declared, site, sources, observed, to_do, bar=item_progress, told=step_done(len(to_do)))
        report_failures(outcome, errors)
        if to_do:
            observed = observe(declared, site, sources)
    left = [change for change in _changes(declared, observed, None) if change.kind not in ("notice", "unchanged")]
    fits = not any(change.kind == "fault" for change in left)
    wanted = service_document(declared, observed) if fits else None
    written = _write_document(document, wanted, ask=not yes, replace=replace)
    urls = list(endpoints(declared, host.rstrip("/")))
    if json:
        answer = {
            "applied": [change.to_dict() for change in to_do],
            "left": [change.to_dict() for change in left],
            "document": str(document) if written else None,
            "endpoints": [endpoint.to_dict() for endpoint in urls],
        }
        typer.echo(json_module.dumps(answer, indent=2))
    else:
        if to_do and left:
            print_changes(left)
        print_endpoints(urls)
        typer.echo(f"{len(to_do):,} changes applied, {len(left):,} left for a person")
    if left or not written:
        raise typer.Exit(INCOMPLETE)


def _site() -> "Site":
    from benchmark_qa.commands.setup.observe import Site
    from benchmark_qa.terminal.opening import open_encord

    return Site.of(open_encord())


def _document_at(file: Path, out: Path | None) -> Path:
    return out or file.parent / "benchmark-qa.json"


def _changes(declared: "Declaration", observed: "Observed", document: Path | None) -> "list[Change]":
    """The plan, followed by the change of the service's document if one is named."""
    from benchmark_qa.commands.setup.changes import Change, service_document
    from benchmark_qa.commands.setup.plan import plan

    changes = plan(declared, observed)
    if document is None:
        return changes
    subject, there = f"configuration document '{document}'", _read(document)
    wanted = service_document(declared, observed)
    if any(change.kind == "fault" for change in changes):
        remedy = "mend the other faults, then apply again"
        return [*changes, Change("fault", subject, "is not written while something does not fit", remedy)]
    if there is None:
        return [*changes, Change("create", subject, "write it")]
    if wanted is None or there != wanted:
        keys = sorted(key for key in {*there, *(wanted or {})} if there.get(key) != (wanted or {}).get(key))
        return [*changes, Change("change", subject, f"replace it; different: {', '.join(keys)}")]
    return [*changes, Change("unchanged", subject, "as it is to be")]


def _read(document: Path) -> dict[str, Any] | None:
    """The document on disk; None if it does not exist. A file without a JSON object counts as empty."""
    if not document.exists():
        return None
    try:
        read = json_module.loads(document.read_bytes())
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _write_document(document: Path, wanted: dict[str, Any] | None, *, ask: bool, replace: bool) -> bool:
    """Write the document; returns whether it is up to date on disk.

    A different document on disk is replaced only if the user agrees.
    """
    if wanted is None:
        typer.echo(f"{document} is not written: mend the faults first, then apply again", err=True)
        return False
    there = _read(document)
    if there == wanted:
        return True
    if there is not None and not replace:
        question = f"{document} is another document. Replace it?"
        if not ask or not typer.confirm(question, err=True):
            typer.echo(f"{document} stays as it is: '--replace' replaces it, '--out' writes another one", err=True)
            return False
    partial = document.with_name(f"{document.name}.partial")
    partial.write_text(json_module.dumps(wanted, indent=2) + "\n", encoding="utf-8")
    partial.replace(document)
    typer.echo(f"{document}: what BENCHMARK_QA_CONFIG names", err=True)
    return True


_MARKS = {
    "create": "[green]+[/]",
    "change": "[yellow]~[/]",
    "drift": "[magenta]![/]",
    "fault": "[red]x[/]",
    "notice": "[cyan]?[/]",
    "unchanged": "[dim]=[/]",
}


_NEXT_PLACE = "\n" + " " * len("    where   ")


_WORDS: "dict[ChangeKind, str]" = {
    "create": "to create",
    "change": "to change",
    "drift": "different by hand",
    "fault": "not fit",
    "notice": "worth a thought",
    "unchanged": "as declared",
}


def print_changes(changes: "Sequence[Change]", *, to_stderr: bool = False) -> None:
    """Print a line per change, with what a person has to do below it, and the counts."""
    console = _console(to_stderr=to_stderr)
    for change in changes:
        console.print(f"{_MARKS[change.kind]} {escape(change.subject)}: {escape(change.message)}")
        if change.remedy:
            console.print(f"    -> {escape(change.remedy)}")
    counts = Counter(change.kind for change in changes)
    console.print(", ".join(f"{counts[kind]} {word}" for kind, word in _WORDS.items() if counts[kind]))


def step_done(total: int) -> "Callable[[Change], None]":
    """Print each finished step on standard error."""
    console, done = _console(to_stderr=True), iter(range(1, total + 1))

    def tell(change: "Change") -> None:
        console.print(f"[{next(done)}/{total}] {change.subject}: {change.message}", markup=False)

    return tell


def print_endpoints(endpoints: "Sequence[Endpoint]") -> None:
    """Print for each URL where it goes, and the variable of the service for its secret."""
    console = _console(to_stderr=False)
    for needed, heading in ((True, "Paste into Encord:"), (False, "If you like:")):
        console.print(heading)
        for endpoint in endpoints:
            if endpoint.needed == needed:
                console.print(f"  {endpoint.purpose}", markup=False)
                console.print(f"    URL     {endpoint.url}", markup=False)
                console.print(f"    where   {endpoint.where.replace('; ', _NEXT_PLACE)}", markup=False)
                console.print(f"    secret  {endpoint.secret}", markup=False)


def _console(*, to_stderr: bool) -> Console:
    return marked_console(highlight=False, stderr=to_stderr, soft_wrap=True)
