"""Heavy work in a process of its own, so that the event loop of this one never waits for it.

Parsing one label row of 100,000 boxes holds Python's global lock for half a second; in a thread that would hold up
every other request.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import ParamSpec, TypeVar

NICENESS = 10
"""Answering comes first: where there are fewer cores than work, a worker gets a tenth of what the server asks for"""
P = ParamSpec("P")
T = TypeVar("T")


class WorkerProcess:
    """One process, started when first needed, started again when it was lost.

    Args:
        prepare: called once in the new process before any work; must be importable (a module's function).
    """

    def __init__(self, prepare: Callable[[], None]) -> None:
        self._prepare = prepare
        self._pool: ProcessPoolExecutor | None = None
        self._closed = False
        self._lock = threading.Lock()

    def run(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Run a module's function there and wait for its result; its exceptions are raised here.

        Raises:
            BrokenProcessPool: the process was lost twice (killed, out of memory), or this is closed.
        """
        pool, future = self._submit(work, *arguments, **named)
        try:
            return future.result()
        except BrokenProcessPool:
            self._end(pool)
            return self._submit(work, *arguments, **named)[1].result()
        except CancelledError:
            raise BrokenProcessPool("the service is shutting down") from None

    def close(self) -> None:
        """End the process for good, whatever it does: what it has not finished is found again by the next delivery."""
        with self._lock:
            self._closed = True
            pool = self._pool
        if pool is not None:
            self._end(pool)

    def _end(self, pool: ProcessPoolExecutor) -> None:
        """End this pool; of all who were waiting for it the first does, and the others find the new one."""
        with self._lock:
            if self._pool is not pool:
                return
            self._pool = None
        processes = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()

    def _submit(
        self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs
    ) -> tuple[ProcessPoolExecutor, Future[T]]:
        with self._lock:
            if self._closed:
                raise BrokenProcessPool("the service is shutting down")
            if self._pool is None:
                self._pool = self._start()
            try:
                future = self._pool.submit(work, *arguments, **named)
            except BrokenProcessPool:  # lost while it had nothing to do
                self._pool = self._start()
                future = self._pool.submit(work, *arguments, **named)
            return self._pool, future

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            max_workers=1,
            mp_context=multiprocessing.get_context("spawn"),  # threads and sockets must not be inherited
            initializer=_begin,
            initargs=(self._prepare,),
        )


def _begin(prepare: Callable[[], None]) -> None:
    os.nice(NICENESS)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare()


def _end_with_parent() -> None:
    """A killed parent tells nobody: without this the worker would wait for work forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
    os._exit(1)
