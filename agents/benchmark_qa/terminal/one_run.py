"""One run at a time of commands that would make things twice."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from benchmark_qa.terminal.failures import USAGE_ERROR


@contextmanager
def only_run_of(file: Path) -> Iterator[None]:
    """Hold a file until the block ends, or the process does; exit 2 where another run on this machine holds it."""
    with file.open("rb") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            typer.echo(f"{file}: another run with this file is going on", err=True)
            raise typer.Exit(USAGE_ERROR) from None
        yield
