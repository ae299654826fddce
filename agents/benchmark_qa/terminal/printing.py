"""Print text from outside safely, without control characters and markup, and tables of figures."""

import re
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table

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
