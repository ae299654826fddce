"""`benchmark-qa` as processes that are forked off one that has imported everything: they start at once.

For tests that start dozens of processes, where imports would be most of the time.
"""

import multiprocessing
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

from benchmark_qa.cli import app

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "tests.forked",
        "psycopg",
        "sqlalchemy.dialects.postgresql.psycopg",
        "benchmark_qa.commands.serve.command",
        "benchmark_qa.commands.operations.by_hand",
        "benchmark_qa.service.app",
        "benchmark_qa.service.service",
        "benchmark_qa.tasks.recovery",
    ]
)
START_SECONDS = 120


def benchmark_qa(*arguments: str, environment: Mapping[str, str]) -> BaseProcess:
    """A process that runs the command; its output goes to the file TEST_LOG of its environment."""
    process = _CONTEXT.Process(target=_run, args=(arguments, dict(environment)))
    process.start()
    return process


def _run(arguments: tuple[str, ...], environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    log = os.open(environment["TEST_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for output in (1, 2):
        os.dup2(log, output)
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
