"""Read manifests row by row, never whole: CSV with a header, JSON Lines, Parquet."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TextIO

from benchmark_qa.commands.register.errors import RulesError
from benchmark_qa.commands.register.key_frames import read_json
from benchmark_qa.commands.register.kinds import COLUMNS
from benchmark_qa.formats.separated_values import opened_table, with_decimal_point

ROWS_AT_A_TIME = 10_000
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class ManifestRow(NamedTuple):
    """One file of the manifest; `line` counts from 1 (in Parquet, rows from 1).

    `local` is the path on this machine, if there is one, so that the content can be read.
    """

    line: int
    fields: dict[str, Any]
    local: Path | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is not a row."""

    line: int
    reason: str


Rows = Iterator[ManifestRow | Unreadable]


def csv_rows(text: TextIO) -> Rows:
    """Rows of a CSV file; its first line names the columns and shows the separator. Skips empty rows."""
    try:
        table = opened_table(text)
        reader = csv.reader(table.lines, strict=True, delimiter=table.separator, skipinitialspace=table.skips_space)
        header = [name.strip("\ufeff \t") for name in next(reader, [])]
    except (csv.Error, UnicodeDecodeError) as error:
        yield Unreadable(1, f"the header cannot be read: {_why(error)}")
        return
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None:
        yield Unreadable(1, f"the column {twice!r} is there twice")
        return
    width = len(header)
    while True:
        line = reader.line_num + 1 + table.before
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Unreadable(line, f"is not CSV: {error}")
            continue
        except UnicodeDecodeError as error:
            yield Unreadable(line, f"{_why(error)}, here or shortly after")
            return
        if cells is None:
            return
        if not any(cells):
            continue
        if len(cells) == width:
            yield ManifestRow(line, _fields(header, cells, table.separator))
        else:
            yield Unreadable(line, f"has {len(cells)} columns, the header has {width}")


def _fields(header: list[str], cells: list[str], separator: str) -> dict[str, Any]:
    fields = dict(zip(header, cells, strict=True))
    if separator != ",":
        for name in COLUMNS & fields.keys():
            fields[name] = with_decimal_point(fields[name], separator)
    if fields.get("") == "":
        del fields[""]  # from a header that ends with a separator
    return fields


def _why(error: Exception) -> str:
    return "is not UTF-8 (save it as 'CSV UTF-8')" if isinstance(error, UnicodeDecodeError) else str(error)


def json_rows(lines: BinaryIO) -> Rows:
    """Rows of a JSON Lines file: one object per line."""
    for line, text in enumerate(lines, start=1):
        if text.isspace():
            continue
        try:
            fields = read_json(text.removeprefix(_BYTE_ORDER_MARK) if line == 1 else text)
        except ValueError as error:
            reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else getattr(error, "msg", str(error))
            yield Unreadable(line, f"is not JSON: {reason}")
            continue
        yield ManifestRow(line, fields) if isinstance(fields, dict) else Unreadable(line, "is not a JSON object")


def parquet_rows(file: BinaryIO) -> Rows:
    """Rows of a Parquet file.

    Raises:
        RulesError: pyarrow is not installed, or the file is not Parquet.
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
            yield ManifestRow(line, fields)
