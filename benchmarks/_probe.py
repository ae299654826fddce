"""How late an event loop wakes. As `python -m benchmarks._probe`: of a process that does nothing else.

That process says `ready`, measures until its input is closed, and prints the lags (milliseconds) as JSON.
"""

import asyncio
import json
import sys
import time

PROBE_SECONDS = 0.005


async def probe(lags: list[float]) -> None:
    """Seconds by which the loop comes back later than asked for, again and again, until cancelled."""
    while True:
        wanted = time.perf_counter() + PROBE_SECONDS
        await asyncio.sleep(PROBE_SECONDS)
        lags.append(time.perf_counter() - wanted)


async def _idle() -> list[float]:
    lags: list[float] = []
    probing = asyncio.create_task(probe(lags))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    probing.cancel()
    return lags


if __name__ == "__main__":
    print(json.dumps([lag * 1000 for lag in asyncio.run(_idle())]))
