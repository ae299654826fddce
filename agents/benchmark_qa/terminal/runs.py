"""A journal of a long command, in a file beside its input: a run after a kill continues from there."""

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from benchmark_qa.terminal.failures import USAGE_ERROR


class Journal:
    """Notes by key, each on disk before the next step begins. Thread-safe; for one process at a time.

    A line that a kill has cut short is ignored: the run looks its content up again, or repeats the step.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._notes: dict[str, dict[str, Any]] = {}
        for line in path.read_bytes().split(b"\n") if path.exists() else []:
            self._take(line)
        self._file = path.open("ab")
        if self._file.tell():
            self._file.write(b"\n")  # ends a line that may have been cut short

    def note(self, key: str) -> dict[str, Any]:
        """The latest note of a key; empty if there is none."""
        return self._notes.get(key, {})

    def write(self, key: str, note: dict[str, Any]) -> None:
        """Store a note under a key; it replaces the one before."""
        with self._lock:
            self._file.write(json.dumps({"key": key, "note": note}).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
            self._notes[key] = note

    def close(self) -> None:
        """Close the file and keep it on disk."""
        self._file.close()

    def _take(self, line: bytes) -> None:
        try:
            read = json.loads(line)
            self._notes[read["key"]] = read["note"]
        except (ValueError, KeyError, TypeError):
            return


@contextmanager
def only_run_of(file: Path) -> Iterator[None]:
    """Lock a file until the block or the process ends; exit 2 if another run on this machine holds it."""
    with file.open("rb") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            typer.echo(f"{file}: another run with this file is going on", err=True)
            raise typer.Exit(USAGE_ERROR) from None
        yield
