"""Turn expected failures into one line on standard error and an exit code."""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import typer

from benchmark_qa.terminal.printing import printable

USAGE_ERROR = 2


UNAVAILABLE = 3


INCOMPLETE = 4


PENDING = 5
"""Exit code: nothing is wrong, and there is something to do"""


@contextmanager
def clear_failures() -> Iterator[None]:
    """Exit with 2 for faulty settings and files, with 3 if Encord or the database cannot be used.

    The message on standard error says which.
    """
    try:
        yield
    except KeyboardInterrupt:
        _say("interrupted: what is done is kept, run it again to go on")
        raise typer.Exit(130) from None
    except Exception as error:
        if isinstance(error, EOFError):  # the terminal would say "Aborted"
            _say("a file ends too early: it was cut short, or is of another kind than its name says")
            raise typer.Exit(USAGE_ERROR) from None
        if isinstance(error, OSError) and (said := _said_of_file(error)):
            _say(said)
            raise typer.Exit(USAGE_ERROR) from None
        code = exit_code_of(type(error))
        if code is None:
            raise
        _say(*(["the settings are not usable:"] if _is_of_settings(error) else []), str(error), *_address_asked(error))
        raise typer.Exit(code) from None


def exit_code_of(kind: type[BaseException]) -> int | None:
    """The exit code for an error of this class; None if the error is not an expected one."""
    # Imported here, not at the top: a server does not need it to start.
    from benchmark_qa.config.account import SettingsError
    from benchmark_qa.encord_api.errors import PlatformError
    from benchmark_qa.errors import MissingExtraError, RefusalError, TryAgainLater

    if issubclass(kind, (SettingsError, RefusalError, MissingExtraError)):
        return USAGE_ERROR
    return UNAVAILABLE if issubclass(kind, (PlatformError, TryAgainLater)) else None


def _address_asked(error: Exception) -> list[str]:
    """A line with the address that was asked, if no connection could be made."""
    from benchmark_qa.config.account import Account
    from benchmark_qa.encord_api.errors import NO_CONNECTION, EncordUnavailable

    if not isinstance(error, EncordUnavailable) or error.reason != NO_CONNECTION:
        return []
    default = Account.model_fields["domain"].default
    return [f"asked {os.environ.get('ENCORD_DOMAIN', default)}: is ENCORD_DOMAIN right, and is there a way to it?"]


def _is_of_settings(error: Exception) -> bool:
    from benchmark_qa.config.account import SettingsError

    return isinstance(error, SettingsError)


def _said_of_file(error: OSError) -> str | None:
    """What is wrong with a file, folder or address that the user named; None if the error names none."""
    if isinstance(error, ConnectionError | TimeoutError) or error.errno is None:
        return None
    if error.filename is not None:
        remedy = "make the folder first" if isinstance(error, FileNotFoundError) else "choose another place"
        parent = Path(os.fsdecode(error.filename)).parent
        if isinstance(error, FileNotFoundError) and parent.is_dir():
            remedy = "check its name"
        return f"{os.fsdecode(error.filename)}: {error.strerror}; {remedy}"
    if error.errno in {errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES}:
        return f"{error.strerror}: choose another --host or --port"
    return f"a file that was named cannot be used: {error.strerror}"


def write_what_the_terminal_can() -> None:
    """Write characters that the terminal's encoding lacks as escapes, instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _say(*lines: str) -> None:
    print(*map(printable, lines), sep="\n  ", file=sys.stderr)  # noqa: T201 - this is the command line


def refuse(*lines: str) -> NoReturn:
    """Print the reason on standard error and end the command."""
    for line in lines:
        typer.echo(printable(line), err=True)
    raise typer.Exit(USAGE_ERROR)
