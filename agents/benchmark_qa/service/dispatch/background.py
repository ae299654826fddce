"""Jobs in threads of this process, after the response: for hosts that keep the processor after it."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from benchmark_qa.tasks.jobs import DrainJob

WORKERS = 2
_log = logging.getLogger(__name__)


class BackgroundDispatcher:
    """Runs jobs in the background; a job that waits already is not taken twice. Lost work is found again.

    A job lost with the process is no harm: its tasks wait at their stage, and Encord notifies again in five minutes.

    Args:
        run: what runs a job; its exceptions are logged.
    """

    def __init__(self, run: Callable[[DrainJob], object]) -> None:
        self._run = run
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="job")
        self._pending: dict[DrainJob, Future[None]] = {}
        self._lock = threading.Lock()

    def submit(self, job: DrainJob) -> None:
        """Take the job, unless the same one is waiting or under way."""
        with self._lock:
            if job not in self._pending:
                self._pending[job] = self._pool.submit(self._work, job)

    def close(self, seconds: float) -> bool:
        """Take no more work, drop what has not begun, and wait for what runs.

        Returns:
            Whether everything has ended in time.
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
