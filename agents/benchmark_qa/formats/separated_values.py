"""Tables of text as spreadsheets write them: comma, semicolon, tab or bar between the cells; decimal commas."""

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

_SEPARATORS = ",;\t|"
_SAID = re.compile(r"\ufeff?sep=(.)\r?\n?", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+(?:[eE][+-]?\d+)?\s*")


class Table(NamedTuple):
    """The lines of a table from its header on, how they are read, and how many lines stand before the header."""

    lines: Iterator[str]
    separator: str
    skips_space: bool
    """A space follows each separator, before quotes as well"""
    before: int


def opened_table(lines: Iterable[str]) -> Table:
    """A table whose separator is found from its header: the one that parts it into most cells; of equals the comma.

    A first line `sep=;`, which Excel understands, is believed and left out. Nothing but these lines is read.

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
    return Table(chain([header] if header else [], rest), separator, skips_space, 1 if said else 0)


def with_decimal_point(cell: str, separator: str) -> str:
    """A number's cell as Python reads it: in tables without commas between cells `0,9` is 0.9.

    >>> with_decimal_point("0,9", ";"), with_decimal_point("0,9", ","), with_decimal_point("a,9", ";")
    ('0.9', '0,9', 'a,9')
    """
    return cell.replace(",", ".") if separator != "," and _DECIMAL_COMMA.fullmatch(cell) else cell


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []
