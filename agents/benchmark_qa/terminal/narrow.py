"""Print tables that fit the terminal: the most important columns, long names on their own line."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from benchmark_qa.terminal.printing import printable

GAP = "  "
INDENT = "  "
Cell = str | Text
LIKED = 5
"""Columns that a table should show before its names get lines of their own"""


@dataclass(frozen=True)
class Column:
    """One column of a table; a cell with a style is a Text.

    Columns of a lower rank are kept longer; rank 0 is always shown.
    """

    heading: str
    cells: Sequence[Cell]
    rank: int = 1
    right: bool = True

    @property
    def width(self) -> int:
        """Width of the widest cell in characters, including the heading."""
        return max(_text(cell).cell_len for cell in (self.heading, *self.cells))


@dataclass(frozen=True)
class Layout:
    """The columns that fit, and whether the first column has a line of its own above the others."""

    shown: tuple[int, ...]
    name_above: bool
    left_out: tuple[str, ...]
    """Headings of the columns left out"""


def layout(columns: Sequence[Column], width: int) -> Layout:
    """The layout for `width` characters: one line per row if enough columns fit, else two lines per row.

    Enough are all columns, or `LIKED` of them.
    """
    beside = _kept(columns, width)
    if len(beside) >= min(LIKED, len(columns)) and _width(columns, beside) <= width:
        return _layout(columns, beside, name_above=False)
    below = _kept(columns[1:], width - len(INDENT))
    return _layout(columns, (0, *(number + 1 for number in below)), name_above=True)


def lines_of(columns: Sequence[Column], wanted: Layout, rule: str = "─") -> list[Text]:
    """The heading, the rule and the rows.

    A row of two lines has the first column's cell above and the others, indented, below.
    """
    first, rest = columns[0], [columns[number] for number in wanted.shown if number != 0]
    rows: list[int | None] = [None, *range(len(first.cells))]
    if wanted.name_above:
        lines = [line for row in rows for line in (_text(_cell(first, row)), _line(rest, row, INDENT))]
        ruled, width = 2, len(INDENT) + _width(rest, range(len(rest)))
    else:
        lines = [_line([first, *rest], row) for row in rows]
        ruled, width = 1, _width([first, *rest], range(len(rest) + 1))
    return [*lines[:ruled], Text(rule * width), *lines[ruled:]]


def print_columns(console: Console, columns: Sequence[Column], *, wide: bool = False) -> None:
    """Print the table, and below it the headings of the columns left out.

    Shows all columns if `wide` is set or the output is not a terminal: other outputs have no width.
    """
    whole = Layout(tuple(range(len(columns))), name_above=False, left_out=())
    fitting = layout(columns, console.width) if console.is_terminal and not wide else whole
    for line in lines_of(columns, fitting, rule="-" if console.options.ascii_only else "─"):
        console.print(line, soft_wrap=True, highlight=False)
    if fitting.left_out:
        said = f"not shown for lack of room: {', '.join(fitting.left_out)}; --wide or --json shows all"
        console.print(Text(said), highlight=False)


def _layout(columns: Sequence[Column], shown: Sequence[int], *, name_above: bool) -> Layout:
    left_out = tuple(column.heading for number, column in enumerate(columns) if number not in shown)
    return Layout(tuple(shown), name_above, left_out)


def _kept(columns: Sequence[Column], width: int) -> tuple[int, ...]:
    """Numbers of the columns that fit, in table order; a column that does not fit ends the selection."""
    kept: list[int] = []
    for number in sorted(range(len(columns)), key=lambda number: (columns[number].rank, number)):
        if columns[number].rank > 0 and _width(columns, [*kept, number]) > width:
            break
        kept.append(number)
    return tuple(sorted(kept))


def _width(columns: Sequence[Column], numbers: Sequence[int]) -> int:
    return sum(columns[number].width for number in numbers) + len(GAP) * max(len(numbers) - 1, 0)


def _line(columns: Sequence[Column], row: int | None, indent: str = "") -> Text:
    """One line with the cells of a row, or with the headings if `row` is None."""
    cells = [_padded(_text(_cell(column, row)), column) for column in columns]
    line = Text(indent).append_text(Text(GAP).join(cells))
    line.rstrip()
    return line


def _cell(column: Column, row: int | None) -> Cell:
    return column.heading if row is None else column.cells[row]


def _padded(text: Text, column: Column) -> Text:
    room = Text(" " * (column.width - text.cell_len))
    return Text.assemble(room, text) if column.right else Text.assemble(text, room)


def _text(cell: Cell) -> Text:
    return cell if isinstance(cell, Text) else Text(printable(cell))
