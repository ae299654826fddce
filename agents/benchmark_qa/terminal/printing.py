"""Make text from outside safe for a terminal: no control characters, no markup."""

import re
import sys
from typing import TYPE_CHECKING, Any, TextIO

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
