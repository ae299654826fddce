"""CSV in and out: any spreadsheet's separator and decimals; no cell is interpreted as a formula."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple, TextIO

_SEPARATORS = ",;\t|"


_SAID = re.compile(r"\ufeff?sep=(.)\r?\n?", re.IGNORECASE)


_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+(?:[eE][+-]?\d+)?\s*")


class TextTable(NamedTuple):
    """A table's lines from its header on, its separator, and the number of lines before the header."""

    lines: Iterator[str]
    separator: str
    skips_space: bool
    """Whether a space follows each separator, also before quotes."""
    before: int


def opened_table(lines: Iterable[str]) -> TextTable:
    """The table's header and separator; the separator splits the header into the most cells.

    A tie gives the comma. A first line `sep=;`, as Excel writes it, states the separator and is left out. Only these
    lines are read.

    >>> opened_table(["a;b", "1;2,5"]).separator
    ';'
    >>> opened_table(["url"]).separator
    ','
    """
    rest = iter(lines)
    header = next(rest, "")
    said = _SAID.fullmatch(header)
    if said:
        header = next(rest, "")
    separator = said[1] if said else max(_SEPARATORS, key=lambda each: len(_cells(header, each)))
    cells = _cells(header, separator)
    skips_space = len(cells) > 1 and all(cell.startswith(" ") for cell in cells[1:])
    return TextTable(chain([header] if header else [], rest), separator, skips_space, 1 if said else 0)


def with_decimal_point(cell: str, separator: str) -> str:
    """A number's cell as Python reads it; if the separator is no comma, `0,9` becomes 0.9.

    >>> with_decimal_point("0,9", ";"), with_decimal_point("0,9", ","), with_decimal_point("a,9", ";")
    ('0.9', '0,9', 'a,9')
    """
    return cell.replace(",", ".") if separator != "," and _DECIMAL_COMMA.fullmatch(cell) else cell


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []


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
