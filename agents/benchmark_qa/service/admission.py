"""How many requests are worked on at once: as many as the event loop bears.

Requests are worked on in threads, which share Python's global lock with the event loop. Threads that wait for Encord
cost nothing, and many may wait at once; threads that compute keep the loop, and with it every other request, from
its turn. Which of the two it is nobody can know beforehand, so the number of threads is found by looking: it grows
while the loop wakes on time, and shrinks when it wakes late. The other requests wait in line.

What may take minutes must not keep the quick ones waiting: of those threads no more than some are for scoring, and
drains have threads of their own.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import CapacityLimiter

from benchmark_qa.errors import TryAgainLater

FEWEST, MOST = 6, 64
LATE_SECONDS = 0.006
GROWTH, SHRINKAGE = 0.05, 0.8
"""Threads more for each time the loop was on time; share that is left when it was late"""
LOOK_EVERY_SECONDS, SELDOM_SECONDS = 0.005, 0.05
"""While threads are in demand, and while hardly any is: looking costs a twentieth of a core"""
SCORINGS_AT_ONCE, EVENTS_AT_ONCE = 16, 8
"""Of the threads; a large task's waits in its thread for a worker process"""
DRAINS_AT_ONCE = 4
"""Beside the threads: a drain spends its time waiting for Encord or for a worker process"""
MAY_WAIT = 256
"""Requests of one kind that wait for their turn; the next one is refused at once: its turn would come too late"""
SWITCH_SECONDS = 0.001
"""Until a computing thread is asked to hand on the lock; Python's own default is five times as long"""


class ServiceFull(TryAgainLater):
    """So many requests wait already that this one had better come again later."""

    retry_after = 5


class Line:
    """Requests of one kind: so many are worked on at once, so many may wait, the others are sent away at once."""

    def __init__(self, at_once: int, *, may_wait: int = MAY_WAIT) -> None:
        self.limiter = CapacityLimiter(at_once)
        self._may_wait = may_wait

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and have it until the block ends.

        Raises:
            ServiceFull: too many wait already.
        """
        if self.limiter.available_tokens <= 0 and self.limiter.statistics().tasks_waiting >= self._may_wait:
            raise ServiceFull("the service is busy; try again")
        async with self.limiter:
            yield


def next_limit(limit: float, lag: float) -> float:
    """How many requests may be worked on from now on.

    Args:
        limit: how many it were until now.
        lag: seconds by which the event loop woke late.
    """
    if lag > LATE_SECONDS:
        return max(FEWEST, limit * SHRINKAGE)
    return min(MOST, limit + GROWTH)


def pause(busy: int) -> float:
    """Seconds until the next look, while so many threads are at work."""
    return LOOK_EVERY_SECONDS if busy >= FEWEST else SELDOM_SECONDS


async def adapt(limiter: CapacityLimiter) -> None:
    """Keep the limiter at what the event loop bears, until cancelled."""
    sys.setswitchinterval(SWITCH_SECONDS)
    limit = float(FEWEST)
    while True:
        limiter.total_tokens = round(limit)
        seconds = pause(limiter.borrowed_tokens)
        wanted = time.perf_counter() + seconds
        await asyncio.sleep(seconds)
        limit = next_limit(limit, time.perf_counter() - wanted)
