"""`benchmark-qa` as processes that are forked off one that has imported everything: they start at once.

For tests that start dozens of processes, where imports would be most of the time.
"""

import io
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

from benchmark_qa.cli import app

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "pytest",  # every child imports its parent's main module
        "tests.forked",
        "psycopg",
        "sqlalchemy.dialects.postgresql.psycopg",
        "benchmark_qa.commands.serve.command",
        "benchmark_qa.commands.operations.by_hand",
        "benchmark_qa.commands.report.command",
        "benchmark_qa.quality.report",
        "benchmark_qa.service.app",
        "benchmark_qa.service.service",
        "benchmark_qa.tasks.recovery",
    ]
)
START_SECONDS = 120


class Forked:
    """A running command, with those members of `subprocess.Popen` that tests use."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        assert process.pid is not None
        self.pid = process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("benchmark-qa", timeout)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(*arguments: str, environment: Mapping[str, str], output: Path, errors: Path | None = None) -> Forked:
    """`benchmark-qa ARGUMENTS` started; what it writes is added to files, its errors to the same one unless named."""
    process = _CONTEXT.Process(target=_run, args=(arguments, dict(environment), output, errors or output))
    process.start()
    return Forked(process)


def run(*arguments: str, environment: Mapping[str, str], timeout: float) -> "subprocess.CompletedProcess[str]":
    """`benchmark-qa ARGUMENTS`, run to its end."""
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder) / "output", Path(folder) / "errors"
        process = start(*arguments, environment=environment, output=output, errors=errors)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        return subprocess.CompletedProcess(arguments, code, output.read_text(), errors.read_text())


def benchmark_qa(*arguments: str, environment: Mapping[str, str]) -> BaseProcess:
    """A process that runs the command; its output goes to the file TEST_LOG of its environment."""
    log = Path(environment["TEST_LOG"])
    process = _CONTEXT.Process(target=_run, args=(arguments, dict(environment), log, log))
    process.start()
    return process


def _run(arguments: tuple[str, ...], environment: dict[str, str], output: Path, errors: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    for number, name, path in ((1, "stdout", output), (2, "stderr", errors)):
        opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(opened, number)
        os.close(opened)
        # As an interpreter opens them: the server's own were made for another place.
        setattr(sys, name, io.TextIOWrapper(io.FileIO(number, "w", closefd=False), line_buffering=number == 2))
    # Without a file of its own: what this process starts shall not import pytest, its parent's main module.
    sys.modules["__main__"] = sys.modules["__mp_main__"] = ModuleType("__main__")
    sys.argv = ["benchmark-qa", *arguments]
    app()


@contextmanager
def serving(environment: Mapping[str, str], address: str) -> Iterator[BaseProcess]:
    """The service at an address, ready to answer; it ends with the block."""
    port = int(address.rsplit(":", 1)[1])
    process = benchmark_qa("serve", "--port", str(port), environment=environment)
    try:
        _wait_for(port, process, Path(environment["TEST_LOG"]))
        yield process
    finally:
        process.terminate()
        process.join(30)
        if process.is_alive():
            process.kill()


def _wait_for(port: int, process: BaseProcess, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.is_alive():
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"the service did not start:\n{log.read_text()[-3000:]}")
