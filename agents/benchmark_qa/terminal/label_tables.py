"""Read tables of labels or predictions: CSV, JSON lines, Parquet."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from benchmark_qa.formats.separated_values import opened_table, with_decimal_point
from benchmark_qa.formats.table_reader import NUMBERS
from benchmark_qa.terminal.files import ExportError

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


def table_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of a table, each a dict by column name.

    Raises:
        ExportError: the file cannot be used.
    """
    try:
        if path.suffix.lower() == ".parquet":
            yield from _parquet(path)
            return
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix.lower() in (".csv", ".tsv"):
                yield from _csv(path, file)
                return
            yield from _json_lines(path, file)
    except OSError as error:
        raise ExportError(f"{path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ExportError(f"{path}: is not a readable table ({error})") from None


def _json_lines(path: Path, lines: Iterator[str] | Any) -> Iterator[Mapping[str, Any]]:
    import orjson

    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise ExportError(f"{path}, line {number}: is not JSON ({error})") from None
            if not isinstance(row, dict):
                raise ExportError(f"{path}, line {number}: is not a JSON object")
            yield row


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        from pyarrow import ArrowInvalid, parquet
    except ModuleNotFoundError:
        raise ExportError(f"{path}: Parquet needs pyarrow: pip install '.[report]' in a checkout") from None
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except ArrowInvalid as error:
        raise ExportError(f"{path}: is not a Parquet file ({error})") from None


def _csv(path: Path, file: TextIO) -> Iterator[Mapping[str, Any]]:
    """Rows of a CSV file with any separator; if that is not a comma, numbers may have a decimal comma."""
    table = opened_table(file)
    rows = csv.DictReader(table.lines, delimiter=table.separator, skipinitialspace=table.skips_space)
    if rows.fieldnames is None:
        raise ExportError(f"{path}: is empty; a table begins with the names of its columns")
    rows.fieldnames = [name.strip() for name in rows.fieldnames]
    for row in rows:
        for name in NUMBERS & row.keys():
            row[name] = with_decimal_point(row[name] or "", table.separator)
        yield row
