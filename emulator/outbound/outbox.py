"""Outbound calls on their way: a queue by priority, a bounded number under way, retries with a growing pause."""

import asyncio
import heapq
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp

from emulator.clock import Clock
from emulator.outbound.deliveries import Attempt, Deliveries, Delivery, signed_headers
from emulator.world import Switches

ANSWER_KEPT = 2_000


@dataclass(slots=True)
class Job:
    """A call to make: `body` is made for every attempt, `still_due` asked before it, `accept` judges a 200.

    `accept` returns what went wrong with the answer, or None.
    """

    delivery: Delivery
    secret: str
    body: Callable[[], dict[str, Any]]
    still_due: Callable[[], bool] = lambda: True
    accept: Callable[[Any], str | None] = lambda _answer: None
    priority: float = 0.5


@dataclass(order=True, slots=True)
class _Queued:
    order: tuple[float, int]
    job: Job = field(compare=False)


class Outbox:
    """Makes the outbound calls; everything runs on one event loop."""

    def __init__(self, switches: Switches, clock: Clock) -> None:
        self.deliveries = Deliveries()
        self._switches = switches
        self._clock = clock
        self._queue: list[_Queued] = []
        self._numbers = count()
        self._under_way: set[asyncio.Task[None]] = set()
        self._pausing: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    @property
    def idle(self) -> bool:
        """Whether nothing is waiting, pausing or under way."""
        return not (self._queue or self._under_way or self._pausing)

    def push(self, job: Job) -> None:
        """Queues a call; higher priority first, then in order of arrival."""
        heapq.heappush(self._queue, _Queued((-job.priority, next(self._numbers)), job))
        self._wake.set()

    async def run(self) -> None:
        """Makes calls until cancelled."""
        connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=300)
        async with aiohttp.ClientSession(connector=connector) as session:
            try:
                while True:
                    await self._wake.wait()
                    self._wake.clear()
                    while self._queue and len(self._under_way) < self._switches.agent_concurrency:
                        self._start(heapq.heappop(self._queue).job, session)
            finally:
                for task in (*self._under_way, *self._pausing):
                    task.cancel()

    def _start(self, job: Job, session: aiohttp.ClientSession) -> None:
        if not job.still_due():
            self._wake.set()
            return
        task = asyncio.create_task(self._attempt(job, session))
        self._under_way.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._pausing.discard(task)
        self._wake.set()

    async def _attempt(self, job: Job, session: aiohttp.ClientSession) -> None:
        delivery = job.delivery
        if not delivery.attempts:
            self.deliveries.add(delivery)
        delivery.request = job.body()
        attempt, answer = await self._post(session, delivery, job.secret)
        delivery.attempts.append(attempt)
        if attempt.status == 200:
            problem = job.accept(answer)
            delivery.outcome = "failed" if problem else "delivered"
            delivery.detail = problem or ""
        elif self._may_try_again(delivery, attempt):
            pause = self._switches.auto_retry_delay_seconds * 2 ** (len(delivery.attempts) - 1)
            if self._switches.agent_retry_after == "obeyed":
                pause = max(pause, attempt.retry_after)
            task = asyncio.create_task(self._later(job, pause))
            self._pausing.add(task)
            task.add_done_callback(self._finished)
        else:
            delivery.outcome = "failed"
            delivery.detail = attempt.error or f"answered {attempt.status}"

    def _may_try_again(self, delivery: Delivery, attempt: Attempt) -> bool:
        """Agents are called again after any failure, events sent again only when there was no answer at all."""
        worth_it = delivery.kind == "agent" or attempt.status is None
        return worth_it and len(delivery.attempts) <= self._switches.auto_retries

    async def _later(self, job: Job, pause: float) -> None:
        await asyncio.sleep(pause)
        self.push(job)

    async def _post(
        self, session: aiohttp.ClientSession, delivery: Delivery, secret: str
    ) -> tuple[Attempt, dict[str, Any] | None]:
        body = json.dumps(delivery.request).encode()
        headers = {
            "Content-Type": "application/json",
            # Real time, whatever the platform's clock says: the receiver compares it with its own.
            **signed_headers(secret, int(time.time()), body, self._switches.signature_headers),
            "X-Cloud-Trace-Context": f"{delivery.trace_id}/1;o=1",
        }
        started, at = time.perf_counter(), self._clock.now()
        timeout = aiohttp.ClientTimeout(total=self._switches.agent_timeout_seconds)
        try:
            async with session.post(delivery.url, data=body, headers=headers, timeout=timeout) as response:
                text = await response.text(errors="replace")
                seconds, pause = time.perf_counter() - started, response.headers.get("Retry-After", "")
                asked = float(pause) if pause.isdigit() else 0
                return Attempt(at, response.status, text[:ANSWER_KEPT], None, seconds, asked), _parsed(text)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"
            return Attempt(at, None, "", reason, time.perf_counter() - started), None


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text) if text else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
