"""Run heavy work in a separate process, so that the event loop of this process never waits for it.

Parsing one label row of 100,000 boxes holds Python's global lock for half a second; in a thread it would delay every
other request. Inside the worker several jobs run in threads, because most of them wait for Encord.
"""

import itertools
import multiprocessing
import os
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, ParamSpec, TypeVar

NICENESS = 10
"""Nice value of a worker.

Answering has priority: on a busy host a worker gets a tenth of the server's share.
"""
LOST_FOR_SECONDS = 600
"""Seconds until work that was running when its process was lost may be tried again."""
P = ParamSpec("P")
T = TypeVar("T")


class WorkLost(BrokenProcessPool):
    """The process was lost, or ended because the time was up, while this work was running."""

    retry_after = LOST_FOR_SECONDS


class WorkerProcess:
    """One process, started on first use and started again if it was lost.

    Args:
        prepare: called once in the new process before any work; must be importable (a module's function).
        at_once: most calls that run at the same time; further calls wait.
        longest_seconds: a call that runs longer ends the process; None: no limit.
    """

    def __init__(self, prepare: Callable[[], None], *, at_once: int = 1, longest_seconds: float | None = None) -> None:
        self._prepare = prepare
        self._at_once = at_once
        self._longest_seconds = longest_seconds
        self._running: _Running | None = None
        self._closed = False
        self._lock = threading.Lock()

    def run(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Run a module's function in the worker and return its result; its exceptions are raised here.

        Work that waited while the process was lost is submitted again; work that was running is not, because it may
        be the cause.

        Raises:
            WorkLost: the process was lost (killed, out of memory, out of time) while it ran this.
            BrokenProcessPool: the process was lost twice while this waited, or this object is closed.
        """
        try:
            return self._submit(work, arguments, named)
        except WorkLost:
            raise
        except BrokenProcessPool:
            return self._submit(work, arguments, named)

    def close(self) -> None:
        """End the process for good, also in the middle of work; the next delivery repeats unfinished work."""
        with self._lock:
            self._closed = True
            running = self._running
        if running is not None:
            running.end()

    def _submit(self, work: Callable[..., T], arguments: tuple[Any, ...], named: dict[str, Any]) -> T:
        with self._lock:
            if self._closed:
                raise BrokenProcessPool("the service is shutting down")
            if self._running is None or self._running.lost:
                self._running = _Running(self._prepare, self._at_once, self._longest_seconds)
            running = self._running
        result: T = running.submit(work, arguments, named).result()
        return result


class _Running:
    """A started worker process and its pending work."""

    def __init__(self, prepare: Callable[[], None], at_once: int, longest_seconds: float | None) -> None:
        context = multiprocessing.get_context("spawn")  # threads and sockets must not be inherited
        self._connection, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(target=_work, args=(theirs, prepare, at_once), daemon=True)
        self._process.start()
        theirs.close()
        self._numbers = itertools.count()
        self._futures: dict[int, Future[Any]] = {}
        self._longest_seconds = longest_seconds
        self._begun: dict[int, threading.Timer | None] = {}
        """The numbers of the calls that run, each with the timer that ends the process."""
        self._lock = threading.Lock()
        self.lost = False
        threading.Thread(target=self._receive, daemon=True).start()

    def submit(self, work: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> "Future[Any]":
        """Submit work; returns a future of its result."""
        order = pickle.dumps((work, arguments, named))
        future: Future[Any] = Future()
        with self._lock:
            if self.lost:
                raise BrokenProcessPool("the worker process was lost")
            number = next(self._numbers)
            self._futures[number] = future
            try:
                self._connection.send((number, order))
            except OSError:
                del self._futures[number]
                raise BrokenProcessPool("the worker process was lost") from None
        return future

    def end(self) -> None:
        """End the process, also in the middle of work."""
        self._process.terminate()

    def _receive(self) -> None:
        with suppress(EOFError, OSError):
            while True:
                number, failed, outcome = pickle.loads(self._connection.recv_bytes())  # noqa: S301 - our own process
                if failed is None:
                    self._begin(number)
                    continue
                self._end(number)
                future = self._futures.pop(number)
                if failed:
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)
        with self._lock:
            self.lost = True
            left, self._futures = self._futures, {}
        begun = set(self._begun)
        for number in begun:
            self._end(number)
        for number, future in left.items():
            lost = WorkLost("it ended in the middle of this work") if number in begun else None
            future.set_exception(lost or BrokenProcessPool("the worker process was lost"))
        self._process.join()

    def _begin(self, number: int) -> None:
        timer = None
        if self._longest_seconds is not None:
            timer = threading.Timer(self._longest_seconds, self._process.kill)
            timer.daemon = True
            timer.start()
        self._begun[number] = timer

    def _end(self, number: int) -> None:
        timer = self._begun.pop(number, None)
        if timer is not None:
            timer.cancel()


def _work(connection: Connection, prepare: Callable[[], None], at_once: int) -> None:
    """The worker's main loop: receive work, run it in a thread, send back the result."""
    os.nice(NICENESS)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare()
    sending = threading.Lock()

    def do(number: int, order: bytes) -> None:
        with sending:
            connection.send_bytes(pickle.dumps((number, None, None)))
        try:
            work, arguments, named = pickle.loads(order)  # noqa: S301 - from our own parent
            answer = pickle.dumps((number, False, work(*arguments, **named)))
        except BaseException as error:
            answer = _failure(number, error)
        with sending:
            connection.send_bytes(answer)

    with ThreadPoolExecutor(at_once) as threads:
        while True:
            try:
                number, order = connection.recv()
            except (EOFError, OSError):
                return
            threads.submit(do, number, order)


def _failure(number: int, error: BaseException) -> bytes:
    """Serialise an exception for the parent; if it cannot be pickled, its type and message are sent."""
    try:
        answer = pickle.dumps((number, True, error))
        pickle.loads(answer)  # noqa: S301 - some exceptions are written and cannot be read
    except Exception:
        answer = pickle.dumps((number, True, RuntimeError(f"{type(error).__name__}: {error}")))
    return answer


def _end_with_parent() -> None:
    """End with the parent: a killed parent sends nothing, and the worker would wait forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
    os._exit(1)
