"""Many signed requests at once, as Encord's backend would send them."""

import asyncio
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import aiohttp

from tests.integration.service.sandbox import PRODUCTION, ROUTE_SECRET, signed


@dataclass
class Outcome:
    """What came back."""

    seconds: list[float] = field(default_factory=list)
    decisions: dict[str, list[str | None]] = field(default_factory=dict)
    """Data hash to the decisions that were answered for it"""
    errors: list[str] = field(default_factory=list)
    elapsed: float = 0.0


async def route_all(
    address: str, data_hashes: Iterable[str], *, concurrent: int, seconds: float | None = None
) -> Outcome:
    """Ask for a routing decision of each data unit, so many at a time, each by a signed request of its own.

    Args:
        address: of the service.
        data_hashes: asked for in this order, each once.
        concurrent: requests under way at any time.
        seconds: no request is begun after so long; None: no limit.
    """
    outcome = Outcome()
    waiting = iter(data_hashes)
    started = time.perf_counter()
    connector = aiohttp.TCPConnector(limit=concurrent)
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def ask() -> None:
            for data_hash in waiting:
                if seconds is not None and time.perf_counter() - started > seconds:
                    return
                await _ask(session, address, data_hash, outcome)

        await asyncio.gather(*(ask() for _ in range(concurrent)))
    outcome.elapsed = time.perf_counter() - started
    return outcome


async def _ask(session: aiohttp.ClientSession, address: str, data_hash: str, outcome: Outcome) -> None:
    body = json.dumps({"projectHash": PRODUCTION, "dataHash": data_hash, "frame": 0}).encode()
    begun = time.perf_counter()
    try:
        async with session.post(f"{address}/agents/route", data=body, headers=signed(body, ROUTE_SECRET)) as answer:
            text = await answer.text()
            status = answer.status
    except (aiohttp.ClientError, TimeoutError) as error:
        outcome.errors.append(f"{type(error).__name__}: {error}")
        return
    outcome.seconds.append(time.perf_counter() - begun)
    if status == 200:
        outcome.decisions.setdefault(data_hash, []).append(json.loads(text).get("decision"))
    else:
        outcome.errors.append(f"{status}: {text[:200]}")
