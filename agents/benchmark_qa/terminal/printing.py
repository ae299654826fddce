"""Print text from outside safely: no control characters, no markup; tables for any width, and progress."""

import json
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from benchmark_qa.context import Progress as Advance
from benchmark_qa.stats.intervals import Interval

if TYPE_CHECKING:
    from rich.console import Console


# Control characters except line feed and tab, and characters that change the direction of writing.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """The text with control characters as Python escapes; a name cannot move the cursor or set a title."""
    return _UNPRINTABLE.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def plain_console(**options: Any) -> "Console":
    """A Rich console for text from outside: no markup, no emoji names, no control characters.

    Args:
        options: of `rich.console.Console`.
    """
    return marked_console(markup=False, **options)


def marked_console(**options: Any) -> "Console":
    """A Rich console for our own markup; escape text from outside. Control characters become visible.

    Args:
        options: of `rich.console.Console`.
    """
    from rich.console import Console
    from rich.text import Text

    class PrintableConsole(Console):
        def render_str(self, text: str, **style: Any) -> Text:
            return super().render_str(printable(text), **style)

    return PrintableConsole(emoji=False, **options)


class PrintableStream:
    """Standard output or error of a terminal; makes text of `print` and `typer.echo` printable.

    Rich's own colours and cursor movements pass: Rich looks for `rich_proxied_file`.
    """

    def __init__(self, stream: TextIO) -> None:
        self.rich_proxied_file = stream

    def write(self, text: str) -> int:
        """Write text with control characters made visible."""
        return self.rich_proxied_file.write(printable(text))

    def writelines(self, lines: list[str]) -> None:
        """Write each line."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rich_proxied_file, name)


def guard_terminal() -> None:
    """Make text printable that goes to a terminal; files and pipes get it unchanged."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and stream.isatty() and not isinstance(stream, PrintableStream):
            setattr(sys, name, PrintableStream(stream))


WIDE = 160
"""Width in columns of tables that do not go to a terminal"""


@contextmanager
def console_of(output: Path | None) -> Iterator[Console]:
    """A console for the terminal, or for a file without a width of its own.

    Raises:
        OSError: the file cannot be written.
    """
    if output is not None:
        with output.open("w", encoding="utf-8") as file:
            yield marked_console(file=file, width=WIDE, highlight=False)
        return
    yield marked_console(highlight=False) if sys.stdout.isatty() else marked_console(width=WIDE, highlight=False)


def _with_interval(figure: Interval) -> str:
    if figure.estimate is None:
        return "n/a"
    return f"{figure.estimate:.3f} [{figure.low:.2f}, {figure.high:.2f}]"


def _cell(value: float | Interval | None) -> str:
    if isinstance(value, Interval):
        return _cell(value.estimate)
    if value is None:
        return "n/a"
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}"


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
        lines = [line for row in rows for line in (_text(_column_cell(first, row)), _line(rest, row, INDENT))]
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


def print_titled(
    console: Console,
    title: str,
    headings: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    words: Collection[str] = (),
    kept: Collection[str] = (),
    wide: bool = False,
) -> None:
    """Print a title, a table and an empty line; the first column names the rows.

    Args:
        console: where to print.
        title: a line above the table.
        headings: the columns, the more important first: a narrow terminal leaves out the last ones.
        rows: the cells of each row.
        words: columns of text, to the left; the others are figures.
        kept: columns that are never left out.
        wide: show all columns.
    """
    columns = [
        Column(
            heading,
            [row[number] for row in rows],
            rank=0 if number == 0 or heading in kept else number,
            right=number > 0 and heading not in words,
        )
        for number, heading in enumerate(headings)
    ]
    console.print(Text(printable(title)), highlight=False)
    if rows:
        print_columns(console, columns, wide=wide)
    console.print()


def width_of(headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> int:
    """Width in characters of a table with all its columns."""
    columns = [Column(heading, [row[number] for row in rows]) for number, heading in enumerate(headings)]
    return _width(columns, range(len(columns)))


def tell_done(said: str, facts: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what a command did: one line for people, or its facts as JSON."""
    print(json.dumps(facts, default=str) if as_json else printable(said))  # noqa: T201 - this is the command line


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
    cells = [_padded(_text(_column_cell(column, row)), column) for column in columns]
    line = Text(indent).append_text(Text(GAP).join(cells))
    line.rstrip()
    return line


def _column_cell(column: Column, row: int | None) -> Cell:
    return column.heading if row is None else column.cells[row]


def _padded(text: Text, column: Column) -> Text:
    room = Text(" " * (column.width - text.cell_len))
    return Text.assemble(room, text) if column.right else Text.assemble(text, room)


def _text(cell: Cell) -> Text:
    return cell if isinstance(cell, Text) else Text(printable(cell))


@contextmanager
def task_progress(verb: str) -> Iterator[Advance]:
    """Show a live count of tasks on standard error; yields the function that advances it."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f} tasks"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(verb, total=None)
        yield lambda tasks: progress.advance(bar, tasks)


@contextmanager
def item_progress(verb: str, total: int) -> Iterator[Advance]:
    """Show a progress bar of items on standard error; yields the function that advances it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task(verb, total=total)
        yield lambda items: progress.advance(bar, items)


@contextmanager
def step_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show a progress bar per step on standard error; yields the function that advances a step."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bars: dict[str, TaskID] = {}

        def advance(step: str, done: int, total: int) -> None:
            if step not in bars:
                bars[step] = progress.add_task(step, total=total)
            progress.update(bars[step], advance=done, total=total)

        yield advance
