"""Read exported label rows from disk, join them by data hash, group them by annotator, score them."""

import fcntl
import json
import os
import re
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import orjson
import typer

from benchmark_qa.context import Progress, no_progress
from benchmark_qa.errors import RefusalError
from benchmark_qa.formats.chosen_items import ChosenItems, PictureSelection
from benchmark_qa.terminal.failures import USAGE_ERROR

TableRow = Mapping[str, Any]


class ExportError(RefusalError):
    """A file cannot be used; the message names the file and the fault."""


def require_file(path: Path, *, or_folder: bool = False) -> None:
    """Check that a file can be read, before Encord is asked and before long work begins.

    Raises:
        ExportError: with the name and the fault.
    """
    try:
        if or_folder and path.is_dir():
            return
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise ExportError(f"{path}: {error.strerror or error}") from None


def require_place(output: Path | None, *, folder: bool = False) -> None:
    """Check that a file can be written there, before long work begins; for a folder, that its parent takes one.

    Raises:
        ExportError: with the name and the fault.
    """
    if output is None:
        return
    try:
        output.lstat()
        there = True
    except FileNotFoundError:
        there = False
    except OSError as error:
        raise ExportError(f"{output}: {error.strerror or error}") from None
    try:
        if folder:
            _require_folder(output)
        elif output.is_dir():
            raise ExportError(f"{output}: is a folder; name a file")
        elif there:
            os.close(os.open(output, os.O_WRONLY))  # of a pipe or a device too, such as /dev/stdout
        elif not output.parent.is_dir():
            raise ExportError(f"{output}: there is no folder {output.parent}; make it first")
        else:
            tempfile.TemporaryFile(dir=output.parent).close()
    except OSError as error:
        raise ExportError(f"{output}: nothing can be written there ({error.strerror or error})") from None


def _require_folder(output: Path) -> None:
    """Check that the folder, or the nearest one above it that exists, takes files."""
    nearest = next(folder for folder in (output, *output.absolute().parents) if os.path.lexists(folder))
    if not nearest.is_dir():
        raise ExportError(f"{output}: {nearest} is not a folder")
    tempfile.TemporaryFile(dir=nearest).close()


def load_rows(path: Path) -> list[TableRow]:
    """The label rows of a file (one or a list), of an export, or of every `.json` file below a directory."""
    if path.is_dir():
        files = row_files(path)
        if not files:
            raise ExportError(f"{path}: the directory holds no .json file")
        return [row for file in files for row in _file_rows(file)]
    return _file_rows(path)


def row_files(folder: Path) -> list[Path]:
    """The label rows in a folder: of our own export (an ontology lies beside them), else every `.json` file."""
    for rows in (folder / "encord" / "label_rows", folder / "label_rows"):
        if found := sorted(rows.glob("*.json")):
            return found
    return sorted(folder.rglob("*.json"))


def _file_rows(path: Path) -> list[TableRow]:
    content = load_json(path)
    rows = content if isinstance(content, list) else [content]
    for index, row in enumerate(rows):
        if not isinstance(row, dict) or not isinstance(row.get("data_hash"), str):
            raise ExportError(f"{path}: item {index} is not a label row (a JSON object with a data_hash)")
    return rows


def without_mark(content: bytes) -> bytes:
    """JSON in UTF-8 without the byte order mark that Windows tools write; PowerShell writes UTF-16 with one."""
    if content.startswith(_MARKS_OF_UTF16):
        return content.decode("utf-16", errors="replace").encode("utf-8", errors="replace")
    return content.removeprefix(b"\xef\xbb\xbf")


_MARKS_OF_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def open_text(path: Path) -> TextIO:
    """A text file in UTF-8 or, if its byte order mark says so, UTF-16; the mark is left out."""
    with path.open("rb") as file:
        marked = file.read(2) in _MARKS_OF_UTF16
    return path.open(encoding="utf-16" if marked else "utf-8-sig", newline="")


def load_json(path: Path) -> Any:
    """The parsed content of a JSON file."""
    try:
        return orjson.loads(without_mark(path.read_bytes()))
    except OSError as error:
        raise ExportError(f"{path}: {error.strerror or error}") from None
    except orjson.JSONDecodeError as error:
        raise ExportError(f"{path}: is not JSON ({error})") from None


LARGE = 32 * 2**20
"""Bytes from which a JSON list is read piece by piece: parsed at once it takes ten times its size."""
_BETWEEN = re.compile(rb"\}\s*,\s*(?=\{)")


def json_list_of(path: Path, progress: Progress = no_progress) -> Iterator[Any] | None:
    """The items of a large JSON list of objects, read piece by piece; None if the file is small or no list of them.

    Args:
        path: of the file.
        progress: called with numbers of bytes.

    Raises:
        ExportError: while it is read, the file turns out to be no JSON.
    """
    try:
        with path.open("rb") as file:
            head = without_mark(file.read(4096)).lstrip()
    except OSError:
        return None
    is_list = head[:1] == b"[" and head[1:].lstrip()[:1] == b"{"
    return _pieces(path, progress) if is_list and path.stat().st_size >= LARGE else None


def _pieces(path: Path, progress: Progress) -> Iterator[Any]:
    """Blocks of whole objects, parsed one after the other."""
    with path.open("rb") as file:
        rest = without_mark(file.read(BLOCK)).lstrip()[1:]
        while block := file.read(BLOCK):
            rest += block
            progress(len(block))
            for cut in reversed([found.start() + 1 for found in _BETWEEN.finditer(rest)]):
                # A cut inside of an object leaves a piece that is no JSON: try the one before.
                try:
                    yield from orjson.loads(b"[%b]" % rest[:cut])
                except orjson.JSONDecodeError:
                    continue
                rest = rest[cut:].lstrip()[1:]
                break
        try:
            yield from orjson.loads(b"[%b" % rest)
        except orjson.JSONDecodeError as error:
            raise ExportError(f"{path}: is not JSON ({error})") from None


BLOCK = 4 * 2**20
"""Bytes of one piece."""


def read_selection(path: Path) -> PictureSelection:
    """The selected pictures in a file; if the file holds none, exit 2 with the place of each fault."""
    from pydantic import ValidationError

    from benchmark_qa.config.explain import explain

    try:
        return PictureSelection.model_validate_json(without_mark(path.read_bytes()))
    except OSError as error:
        typer.echo(f"{path}: {error.strerror or error}", err=True)
    except ValidationError as error:
        faults = "; ".join(explain(error, PictureSelection).splitlines()[:5])
        typer.echo(f"{path} is not a selection of pictures: {faults}", err=True)
    raise typer.Exit(USAGE_ERROR)


def read_choice(path: Path) -> "ChosenItems":
    """The chosen items in a file; if the file holds none, exit 2.

    The message gives the place of each fault, never its content.
    """
    from pydantic import ValidationError

    from benchmark_qa.config.explain import explain

    try:
        return ChosenItems.model_validate_json(without_mark(path.read_bytes()))
    except OSError as error:
        typer.echo(f"{path}: {error.strerror or error}", err=True)
    except ValidationError as error:
        faults = "; ".join(explain(error, ChosenItems).splitlines()[:5])
        typer.echo(f"{path} is not a choice: {faults}", err=True)
    raise typer.Exit(USAGE_ERROR)


class Journal:
    """Notes by key, each on disk before the next step begins. Thread-safe; for one process at a time.

    A line that a kill has cut short is ignored: the run looks its content up again, or repeats the step.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._notes: dict[str, dict[str, Any]] = {}
        for line in path.read_bytes().split(b"\n") if path.exists() else []:
            self._take(line)
        self._file = path.open("ab")
        if self._file.tell():
            self._file.write(b"\n")  # ends a line that may have been cut short

    def note(self, key: str) -> dict[str, Any]:
        """The latest note of a key; empty if there is none."""
        return self._notes.get(key, {})

    def write(self, key: str, note: dict[str, Any]) -> None:
        """Store a note under a key; it replaces the one before."""
        with self._lock:
            self._file.write(json.dumps({"key": key, "note": note}).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
            self._notes[key] = note

    def close(self) -> None:
        """Close the file and keep it on disk."""
        self._file.close()

    def _take(self, line: bytes) -> None:
        try:
            read = json.loads(line)
            self._notes[read["key"]] = read["note"]
        except (ValueError, KeyError, TypeError):
            return


@contextmanager
def only_run_of(file: Path) -> Iterator[None]:
    """Lock a file until the block or the process ends; exit 2 if another run on this machine holds it."""
    with file.open("rb") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            typer.echo(f"{file}: another run with this file is going on", err=True)
            raise typer.Exit(USAGE_ERROR) from None
        yield
