"""What a unit test may not do, held while it runs: open a socket, start a process, sleep, take its time.

What needs one of these belongs elsewhere: sockets and processes in `tests/integration`; simulations, fuzz, comparisons
with a library and whatever takes over a second in `tests/reference`. `make test` runs all of them.
"""

import gc
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3.util.connection  # noqa: F401 - binds a socket when it is loaded, to see whether there is IPv6

from benchmarks._limits import limit

HERE = Path(__file__).parent
FORBIDDEN = {
    "socket.connect": "connects a socket",
    "socket.bind": "binds a socket",
    "subprocess.Popen": "starts a process",
    "os.fork": "starts a process",
    "os.posix_spawn": "starts a process",
    "os.system": "starts a process",
}
"""Python's audit events that end a unit test, and what the test does then. Sleeping raises one only since 3.13."""

SECONDS_OF_A_MODULE = 0.05
"""Allowed for each module that a test is the first to load: a library may have to be compiled."""

_done: list[str] | None = None
"""What the running unit test has done of this; None while none runs."""


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event in FORBIDDEN and _done is not None:
        _done.append(FORBIDDEN[event])


def _sleep(seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
    if seconds and _done is not None:
        _done.append("sleeps")
    sleep(seconds)


sys.addaudithook(_note)
time.sleep = _sleep


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a unit test that breaks a rule, also one that passes."""
    global _done  # an audit hook cannot be taken away, so it is told when to listen
    if HERE not in item.path.parents:
        return (yield)
    _done, loaded, began = [], len(sys.modules), time.process_time()
    try:
        outcome = yield
    finally:
        done, _done = _done, None
    taken = time.process_time() - began
    if done:
        pytest.fail(f"a unit test {' and '.join(sorted(set(done)))}: see {__name__}", pytrace=False)
    loading = SECONDS_OF_A_MODULE * (len(sys.modules) - loaded)
    if taken > limit("unit.test_seconds") * limit("unit.slow_machine") + loading:
        pytest.fail(f"a unit test takes {taken:.1f} s of processor time: see {__name__}", pytrace=False)
    return outcome


def pytest_collection_finish() -> None:
    """Let the collector pass over everything imported: it is large, and lives as long as the tests do."""
    gc.collect()
    gc.freeze()
