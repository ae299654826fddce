"""Run jobs in threads of this process after the response, on hosts that keep the processor for it."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from benchmark_qa.tasks.jobs import DrainJob

WORKERS = 2
_log = logging.getLogger(__name__)


class BackgroundDispatcher:
    """Runs jobs in the background. A job that is waiting already is not added again.

    A job that is lost with the process does no harm: its tasks wait at their stage, and Encord notifies again after
    five minutes.

    Args:
        run: runs a job; its exceptions are logged.
    """

    def __init__(self, run: Callable[[DrainJob], object]) -> None:
        self._run = run
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="job")
        self._pending: dict[DrainJob, Future[None]] = {}
        self._lock = threading.Lock()

    def submit(self, job: DrainJob) -> None:
        """Accept the job, unless the same one is waiting or running."""
        with self._lock:
            if job not in self._pending:
                self._pending[job] = self._pool.submit(self._work, job)

    def close(self, seconds: float) -> bool:
        """Accept no more jobs, drop those that have not started, and wait for those that run.

        Returns:
            Whether all of them ended in time.
        """
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            running = list(self._pending.values())
        return not wait(running, timeout=seconds).not_done

    def _work(self, job: DrainJob) -> None:
        try:
            self._run(job)
        except Exception:
            _log.exception("a background job failed; the next notification begins it again")
        finally:
            with self._lock:
                self._pending.pop(job, None)
