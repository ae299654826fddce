"""Tables for the terminal: the evaluation of predictions, and findings."""

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmark_qa.stats.intervals import Interval
from benchmark_qa.terminal.printing import marked_console

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


def _table(title: str, *headings: str, words: Collection[str] = ()) -> Table:
    """A table whose figures are right-aligned and never cut; the first column and `words` may wrap."""
    table = Table(*headings, title=title)
    for column in table.columns:
        is_text = column is table.columns[0] or column.header in words
        column.justify = "left" if is_text else "right"
        column.overflow = "fold"
        column.no_wrap = not is_text
    return table


def _with_interval(figure: Interval) -> str:
    if figure.estimate is None:
        return "n/a"
    return escape(f"{figure.estimate:.3f} [{figure.low:.2f}, {figure.high:.2f}]")


def _cell(value: float | Interval | None) -> str:
    if isinstance(value, Interval):
        return _cell(value.estimate)
    if value is None:
        return "n/a"
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}"
