"""Write a report to files: JSON, CSV, Parquet, Markdown digest, HTML page."""

import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from benchmark_qa.errors import MissingExtraError
from benchmark_qa.formats.csv_cells import write_table
from benchmark_qa.quality.report import Report
from benchmark_qa.report.digest import digest

TABLES = (
    "annotators",
    "ratings",
    "kappa",
    "tasks",
    "classes",
    "requirements",
    "datasets",
    "weeks",
    "conflicts",
    "drift",
    "items",
    "suspects",
)
"""Lists of the report's JSON that can be written as a table"""
_EXTRA = "the extra 'report': pip install '.[report]' in a checkout"
Cell = str | int | float | bool | None


def write_report(report: Report, format: str, output: Path | None, *, table: str = "annotators") -> None:  # noqa: A002
    """Write the report to a file, or to standard output.

    Args:
        report: the report.
        format: `json`, `html`, `csv`, `parquet` or `markdown`.
        output: the file; None for standard output.
        table: of `TABLES`, for CSV and Parquet.

    Raises:
        MissingExtraError
    """
    content = render(report, format, table=table)
    if output is not None:
        output.write_bytes(content)
        return
    stream: BinaryIO = sys.stdout.buffer
    stream.write(content)
    stream.flush()


def render(report: Report, format: str, *, table: str = "annotators") -> bytes:  # noqa: A002
    """The report as bytes in one format; see `write_report` for the formats."""
    match format:
        case "json":
            return orjson.dumps(report.to_dict()) + b"\n"
        case "csv":
            return _csv(rows_of(report, table)).encode("utf-8")
        case "parquet":
            return _parquet(rows_of(report, table))
        case "markdown":
            return digest(report).encode("utf-8")
        case "html":
            return _page(report)
    raise ValueError(f"no format {format!r}")


def rows_of(report: Report, table: str) -> list[dict[str, Cell]]:
    """The rows of one table; an interval becomes the columns `f1`, `f1_low`, `f1_high` and `f1_n`."""
    return [_flat(entry) for entry in report.to_dict()[table]]


def _flat(entry: Mapping[str, Any]) -> dict[str, Cell]:
    row: dict[str, Cell] = {}
    for name, value in entry.items():
        if isinstance(value, Mapping) and "estimate" in value:
            row |= {
                name: value["estimate"],
                f"{name}_low": value["low"],
                f"{name}_high": value["high"],
                f"{name}_n": value["n"],
            }
        elif isinstance(value, Sequence | Mapping) and not isinstance(value, str):
            row[name] = orjson.dumps(value).decode()
        else:
            row[name] = value
    return row


def _csv(rows: Sequence[Mapping[str, Cell]]) -> str:
    file = io.StringIO()
    if rows:
        write_table(file, _columns(rows), rows)
    return file.getvalue()


def _columns(rows: Sequence[Mapping[str, Cell]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _parquet(rows: Sequence[Mapping[str, Cell]]) -> bytes:
    try:
        import pyarrow as arrow  # noqa: PLC0415 - large, and only for this format
        from pyarrow import parquet  # noqa: PLC0415
    except ModuleNotFoundError:
        raise MissingExtraError("Parquet needs the extra 'report': pip install '.[report]' in a checkout") from None
    columns = _columns(rows)
    file = io.BytesIO()
    parquet.write_table(arrow.table({name: [row.get(name) for row in rows] for name in columns}), file)
    return file.getvalue()


def _page(report: Report) -> bytes:
    try:
        from benchmark_qa.report.page import render_page  # noqa: PLC0415 - needs the extra
    except ModuleNotFoundError:
        raise MissingExtraError("the page needs the extra 'report': pip install '.[report]' in a checkout") from None
    return render_page(report).encode("utf-8")
