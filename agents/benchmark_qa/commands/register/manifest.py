"""Manifests, row by row: CSV with a header, JSON Lines, Parquet. None of them is ever in memory as a whole."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple, Protocol, TextIO

from benchmark_qa.commands.register.errors import RulesError
from benchmark_qa.commands.register.kinds import kind_by_name

ROWS_AT_A_TIME = 10_000


class Row(NamedTuple):
    """One file of the manifest; `line` counts from 1 (Parquet, which has no lines: rows from 1)."""

    line: int
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is no row."""

    line: int
    reason: str


Rows = Iterator[Row | Unreadable]


def csv_rows(text: TextIO) -> Rows:
    """Rows of a CSV file, whose first line names the columns."""
    reader = csv.reader(text, strict=True)
    try:
        header = next(reader, [])
    except (csv.Error, UnicodeDecodeError) as error:
        yield Unreadable(1, f"the header cannot be read: {error}")
        return
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        yield Unreadable(1, f"the column {twice!r} is there twice")
        return
    width = len(header)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Unreadable(line, f"is not CSV: {error}")
            continue
        except UnicodeDecodeError:
            yield Unreadable(line, "is not UTF-8, here or shortly after")
            return
        if cells is None:
            return
        if len(cells) == width:
            yield Row(line, dict(zip(header, cells, strict=True)))
        elif cells:
            yield Unreadable(line, f"has {len(cells)} columns, the header has {width}")


def json_rows(lines: BinaryIO) -> Rows:
    """Rows of a JSON Lines file: an object a line."""
    for line, text in enumerate(lines, start=1):
        if text.isspace():
            continue
        try:
            fields = json.loads(text)
        except ValueError as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "not UTF-8"
            yield Unreadable(line, f"is not JSON: {reason}")
            continue
        yield Row(line, fields) if isinstance(fields, dict) else Unreadable(line, "is not a JSON object")


def parquet_rows(file: BinaryIO) -> Rows:
    """Rows of a Parquet file.

    Raises:
        RulesError: pyarrow is not installed, or the file is none.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise RulesError("Parquet needs pyarrow: install the extra 'register'") from None
    try:
        batches = parquet.ParquetFile(file).iter_batches(batch_size=ROWS_AT_A_TIME)
    except (pyarrow.ArrowException, OSError) as error:
        raise RulesError(f"is not a Parquet file: {error}") from None
    line = 0
    for batch in batches:
        for fields in batch.to_pylist():
            line += 1
            yield Row(line, fields)


class FileSystem(Protocol):
    """As much of fsspec's `AbstractFileSystem` as a listing needs."""

    def walk(self, path: str, *, detail: bool) -> Iterator[tuple[str, Any, Any]]:
        """Folders below a path with the names of what is in each."""


def listed_rows(file_system: FileSystem, root: str, url_column: str) -> Rows:
    """A row per object below `root` whose ending tells what it is, the URL being its path below `root`.

    Folders are read one at a time, and the names of each are sorted: the same bucket gives the same rows.
    """
    root = root.rstrip("/")
    line = 0
    for folder, _, names in file_system.walk(root, detail=False):
        below = folder.rstrip("/").removeprefix(root).strip("/")
        for name in sorted(names):
            if kind_by_name(name) is not None:
                line += 1
                yield Row(line, {url_column: f"{below}/{name}" if below else name})
