"""Who is admitted: how many requests at once, and which browsers (only Encord's label editor).

Requests run in threads that share Python's global lock with the event loop. Many threads can wait for Encord at no
cost, but threads that compute delay the loop, and with it every other request. Nobody can know beforehand which of the
two a thread will do, so the number of threads is found by measurement: it grows while the loop wakes on time, and
shrinks when it wakes late. Other requests wait in a queue.

Work that may take minutes must not delay quick requests: only some of the threads are for scoring, and drains have
threads of their own.
"""

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from anyio import CapacityLimiter
from encord_agents.core.constants import ENCORD_DOMAIN_REGEX
from fastapi import FastAPI, HTTPException, Request
from starlette.middleware.cors import CORSMiddleware

from benchmark_qa.errors import TryAgainLater

FEWEST, MOST = 6, 64


LATE_SECONDS = 0.006


GROWTH, SHRINKAGE = 0.05, 0.8
"""Threads added each time the loop is on time; factor for the number of threads when it is late."""


LOOK_EVERY_SECONDS, SELDOM_SECONDS = 0.005, 0.05
"""Seconds between measurements while threads are busy, and while hardly any is.

Measuring takes 5 % of a core.
"""


SCORINGS_AT_ONCE, EVENTS_AT_ONCE = 16, 8
"""Threads of the total for these kinds. A large task waits in its thread for a worker process."""


DRAINS_AT_ONCE = 4
"""Threads beside the total, because a drain mostly waits for Encord or for a worker process."""


MAY_WAIT = 256
"""Requests of one kind that may wait.

The next one is refused at once, because its turn would come too late.
"""


SWITCH_SECONDS = 0.001
"""Seconds until a computing thread must release the lock; Python's default is five times as long."""


class ServiceFull(TryAgainLater):
    """Too many requests wait already; this one should be sent again later."""

    retry_after = 5


class WaitingLine:
    """Requests of one kind: at most `at_once` run, `may_wait` wait, the others are refused at once."""

    def __init__(self, at_once: int, *, may_wait: int = MAY_WAIT) -> None:
        self.limiter = CapacityLimiter(at_once)
        self._may_wait = may_wait

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn and hold it until the block ends.

        Raises:
            ServiceFull: too many wait already.
        """
        if self.limiter.available_tokens <= 0 and self.limiter.statistics().tasks_waiting >= self._may_wait:
            raise ServiceFull("the service is busy; try again")
        async with self.limiter:
            yield


def next_limit(limit: float, lag: float) -> float:
    """The new number of requests that may run at the same time.

    Args:
        limit: the present number.
        lag: seconds by which the event loop woke late.
    """
    if lag > LATE_SECONDS:
        return max(FEWEST, limit * SHRINKAGE)
    return min(MOST, limit + GROWTH)


def pause(busy: int) -> float:
    """Seconds until the next measurement, for this number of busy threads."""
    return LOOK_EVERY_SECONDS if busy >= FEWEST else SELDOM_SECONDS


async def adapt(limiter: CapacityLimiter) -> None:
    """Keep the limiter at what the event loop can take, until cancelled."""
    sys.setswitchinterval(SWITCH_SECONDS)
    limit = float(FEWEST)
    while True:
        limiter.total_tokens = round(limit)
        seconds = pause(limiter.borrowed_tokens)
        wanted = time.perf_counter() + seconds
        await asyncio.sleep(seconds)
        limit = next_limit(limit, time.perf_counter() - wanted)


ALLOWED_HEADERS = ("X-Encord-Editor-Agent", "X-Encord-Agent", "X-Cloud-Trace-Context", "Content-Type")


PREFLIGHT_SECONDS = 3600


@dataclass(frozen=True)
class AllowedOrigins:
    """Encord's own origins, and a customer's domain if one is configured (matched completely)."""

    own_regex: str | None

    @property
    def regex(self) -> str:
        """One regular expression for all allowed origins."""
        encord = ENCORD_DOMAIN_REGEX.removeprefix("^").removesuffix("$")
        return f"(?:{encord})|(?:{self.own_regex})" if self.own_regex else encord

    def require(self, request: Request) -> None:
        """Refuse a call from a page that is not allowed.

        Raises:
            HTTPException: 403.
        """
        origin = request.headers.get("Origin")
        if origin is None or not re.fullmatch(self.regex, origin):
            raise HTTPException(403, "calls from this web page are not allowed")

    def install(self, app: FastAPI) -> None:
        """Answer preflight requests in the application, whatever proxy is in front of it."""
        options: dict[str, Any] = {
            "allow_origin_regex": self.regex,
            "allow_methods": ["POST"],
            "allow_headers": list(ALLOWED_HEADERS),
            "max_age": PREFLIGHT_SECONDS,
        }
        app.add_middleware(CORSMiddleware, **options)
