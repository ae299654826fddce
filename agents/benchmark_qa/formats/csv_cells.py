"""CSV that spreadsheets show unchanged: no cell is interpreted as a formula."""

import csv
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

_FORMULA = ("=", "+", "-", "@", "\t", "\n", "＝", "＋", "－", "＠")
"""First characters of formulas; spreadsheets of some languages also accept the full-width ones."""


def harmless(value: Any) -> Any:
    """The cell, with an apostrophe in front if it is a formula for a spreadsheet; numbers are unchanged."""
    if not isinstance(value, str):
        return value
    # A bare carriage return is not quoted, and would start a new row with the text behind it.
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def write_rows(file: TextIO, rows: Iterable[Iterable[Any]]) -> None:
    """Write rows of cells as CSV."""
    csv.writer(file, lineterminator="\n").writerows([harmless(cell) for cell in row] for row in rows)


def write_table(file: TextIO, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a header and rows as CSV; a column that a row lacks is empty."""
    names = list(columns)
    write_rows(file, [names, *([row.get(name) for name in names] for row in rows)])
