"""Trying again while the database restarts, fails over or is full: within the deadline of the work in hand."""

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from benchmark_qa.context import remaining_seconds
from benchmark_qa.store.errors import StoreAway

T = TypeVar("T")
READ_SECONDS = 5.0
"""A look-up that fails so long has cost nothing yet: the work is given up, and begun again by the next delivery"""
WRITE_SECONDS = 15.0
"""What is to be written has been read and scored: it is worth waiting for a restart"""
RESERVE_SECONDS = 3.0
"""Kept back of the deadline, to answer"""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
_log = logging.getLogger(__name__)


def persistently(work: Callable[[], T], seconds: float) -> T:
    """What `work` returns, tried again while the store is away, for so many seconds or until the deadline is near.

    Args:
        work: does the same however often it is done.
        seconds: after which the last failure is raised.

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
