"""Inputs and outputs of the registration commands: manifests, folders, buckets, registration files."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

import typer

from benchmark_qa.terminal.failures import refuse
from benchmark_qa.terminal.files import open_text

if TYPE_CHECKING:
    from benchmark_qa.commands.register.check import RegisteredEntry
    from benchmark_qa.commands.register.errors import LineFault
    from benchmark_qa.commands.register.manifest import Rows
    from benchmark_qa.commands.register.steps import Registered
    from benchmark_qa.commands.register.uploading import LeftOut


PART_PATTERN = "registration-*.json"


DATA_GROUPS = "data-groups.jsonl"


_FAULTS_SHOWN = 20


class OutputDirectory:
    """Registration files that get their final names only when all of them are complete."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._partial: list[Path] = []

    def part(self, number: int) -> BinaryIO:
        """Open the registration file with this number."""
        return self._begin(f"registration-{number:04d}.json")

    def data_groups(self) -> BinaryIO:
        """Open the list of data groups."""
        return self._begin(DATA_GROUPS)

    def _begin(self, name: str) -> BinaryIO:
        path = self._directory / f"{name}.partial"
        self._partial.append(path)
        return path.open("wb")

    def commit(self) -> None:
        """Give the files their final names."""
        for path in self._partial:
            path.rename(path.with_suffix(""))

    def discard(self) -> None:
        """Delete the files."""
        for path in self._partial:
            path.unlink(missing_ok=True)


@contextmanager
def output_directory(directory: Path) -> Iterator[OutputDirectory]:
    """Files that are kept if the block succeeds and deleted if it fails."""
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.glob(PART_PATTERN)):
        refuse(f"{directory} holds registration files already: name another directory, or remove them")
    files = OutputDirectory(directory)
    try:
        yield files
        files.commit()
    except BaseException:
        files.discard()
        raise


@contextmanager
def manifest_rows(source: str, url_column: str, left_out: "LeftOut") -> Iterator["Rows"]:
    """The rows of a manifest, or of a listed local folder or bucket; `left_out` collects skipped files.

    Raises:
        RulesError: the source is none of these.
    """
    from benchmark_qa.commands.register.errors import RulesError
    from benchmark_qa.commands.register.listing import LocalFolders, listed_rows
    from benchmark_qa.commands.register.manifest import csv_rows, json_rows, parquet_rows

    if "://" in source:
        file_system, root = _bucket(source)
        yield listed_rows(file_system, root, url_column, left_out)
        return
    path = Path(source)
    ending = path.suffix.lower()
    if path.is_dir():
        yield listed_rows(LocalFolders(left_out), str(path), url_column, left_out)
    elif not path.is_file():
        raise RulesError(f"{source}: there is no such file or folder")
    elif ending in (".csv", ".tsv"):
        with open_text(path) as text:
            yield csv_rows(text)
    elif ending in (".jsonl", ".ndjson", ".parquet"):
        with path.open("rb") as file:
            yield parquet_rows(file) if ending == ".parquet" else json_rows(file)
    else:
        raise RulesError(f"{source}: a manifest ends in .csv, .tsv, .jsonl, .ndjson or .parquet")


@contextmanager
def left_out_noted(file: Path | None) -> Iterator["LeftOut"]:
    """Count files that are left out; write all of them to a CSV file if one is given."""
    from benchmark_qa.commands.register.uploading import LeftOut
    from benchmark_qa.formats.separated_values import write_rows

    if file is None:
        yield LeftOut()
        return
    with file.open("w", encoding="utf-8", newline="") as text:
        write_rows(text, [("file", "reason")])
        yield LeftOut(lambda path, reason: write_rows(text, [(path, reason)]))


def is_listing(source: str) -> bool:
    """Whether a source is a folder or a bucket, whose files are listed, and not a manifest."""
    return "://" in source or Path(source).is_dir()


def tell(lines: Iterable[str]) -> None:
    """Print remarks about a source on standard error."""
    for line in lines:
        typer.echo(line, err=True)


def _bucket(url: str) -> Any:
    from benchmark_qa.commands.register.errors import RulesError

    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise RulesError(f"{url}: listing a bucket needs fsspec, install the extra 'register'") from None
    try:
        return url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise RulesError(f"{url}: {error}") from None


def registration_files(paths: list[Path]) -> list[Path]:
    """The given files, and those in the given directories."""
    found = [file for path in paths for file in (sorted(path.glob(PART_PATTERN)) if path.is_dir() else [path])]
    missing = next((file for file in found if not file.is_file()), None)
    if missing is not None:
        refuse(f"{missing}: there is no such file")
    if not found:
        refuse("there is no registration file in it")
    return found


def all_entries(directory: Path) -> Iterator["RegisteredEntry"]:
    """The entries of every registration file in a directory."""
    from benchmark_qa.commands.register.check import registered_entries

    for path in registration_files([directory]):
        with path.open(encoding="utf-8-sig") as text:
            yield from registered_entries(text)


def refuse_faults(name: str, faults: "tuple[LineFault, ...]", total: int) -> NoReturn:
    """Print the first faults of a file and the number of the others, and end the command."""
    lines = [f"{name} {fault}" for fault in faults[:_FAULTS_SHOWN]]
    more = total - len(lines)
    refuse(*lines, *([f"... and {more:,} more"] if more else []))


def report_failures(outcome: "Registered", errors: Path | None) -> None:
    """Print the first failed items; write all of them to a CSV file if one is given, a row for each of their files."""
    from benchmark_qa.formats.separated_values import write_rows

    for failure in outcome.failures[:_FAULTS_SHOWN]:
        whole = f" (none of its {len(failure.files):,} files is there)" if len(failure.files) > 1 else ""
        typer.echo(f"line {failure.line:,}: {failure.name}: {failure.reason}{whole}", err=True)
    if errors is None:
        return
    try:
        with errors.open("w", encoding="utf-8", newline="") as file:
            found = (
                (failure.line, failure.name, failure.reason, file_name)
                for failure in outcome.failures
                for file_name in failure.files or ("",)
            )
            write_rows(file, [("line", "item", "reason", "file"), *found])
    except OSError as error:
        refuse(f"{errors}: {error.strerror or error}")
