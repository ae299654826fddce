"""CSV that a spreadsheet shows as it is: no cell of it is taken for a formula."""

import csv
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

_FORMULA = ("=", "+", "-", "@", "\t", "\n", "＝", "＋", "－", "＠")
"""Also in full width, which spreadsheets of some languages read alike"""


def harmless(value: Any) -> Any:
    """A cell with an apostrophe before it where it is a formula for a spreadsheet; numbers are left alone."""
    if not isinstance(value, str):
        return value
    # A bare carriage return is not quoted, and would begin a new row with whatever stands behind it.
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def write_rows(file: TextIO, rows: Iterable[Iterable[Any]]) -> None:
    """Rows of cells as CSV."""
    csv.writer(file, lineterminator="\n").writerows([harmless(cell) for cell in row] for row in rows)


def write_table(file: TextIO, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """A heading of columns and a row each as CSV; a column that a row lacks is empty."""
    names = list(columns)
    write_rows(file, [names, *([row.get(name) for name in names] for row in rows)])
