"""CSV that a spreadsheet shows as it is: no cell of it is taken for a formula."""

import csv
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Also in full width, which spreadsheets of some languages read alike"""


def harmless(value: Any) -> Any:
    """A cell with an apostrophe before it where it is a formula for a spreadsheet; numbers are left alone."""
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA) else value


def write_rows(file: TextIO, rows: Iterable[Iterable[Any]]) -> None:
    """Rows of cells as CSV."""
    csv.writer(file, lineterminator="\n").writerows([harmless(cell) for cell in row] for row in rows)


def write_table(file: TextIO, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """A heading of columns and a row each as CSV; a column that a row lacks is empty."""
    names = list(columns)
    write_rows(file, [names, *([row.get(name) for name in names] for row in rows)])
