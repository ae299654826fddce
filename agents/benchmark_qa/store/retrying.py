"""Retry while the database restarts, fails over or is full, within the deadline of the current work."""

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from benchmark_qa.context import remaining_seconds
from benchmark_qa.store.errors import StoreAway

T = TypeVar("T")
READ_SECONDS = 5.0
"""Seconds to retry a read. Little work is lost after that: the next delivery starts it again."""
WRITE_SECONDS = 15.0
"""Seconds to retry a write. The labels are already read and scored, so it pays to wait for a restart."""
RESERVE_SECONDS = 3.0
"""Seconds kept back before the deadline, to answer."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
_log = logging.getLogger(__name__)


def persistently(work: Callable[[], T], seconds: float) -> T:
    """Return the result of `work`; retry while the store is away, for `seconds` or until the deadline.

    Args:
        work: must be safe to repeat.
        seconds: after which the last error is raised.

    Raises:
        StoreError
    """
    until = time.monotonic() + min(seconds, remaining_seconds(seconds + RESERVE_SECONDS) - RESERVE_SECONDS)
    pause = FIRST_PAUSE
    while True:
        try:
            return work()
        except StoreAway as error:
            wait = pause * random.uniform(0.5, 1.0)  # noqa: S311 - only spreads the callers
            if time.monotonic() + wait > until:
                raise
            _log.info("the score store is tried again: %s", error)
            time.sleep(wait)
            pause = min(LONGEST_PAUSE, pause * 2)
