"""A loop that is held up takes fewer requests, by the clock."""

import asyncio
import time

import pytest
from anyio import CapacityLimiter

from benchmark_qa.service.admission import FEWEST, adapt


def test_a_loop_that_is_held_up_shrinks_its_limiter() -> None:
    async def hold_up() -> tuple[float, float]:
        limiter = CapacityLimiter(1)
        adapting = asyncio.create_task(adapt(limiter))
        await asyncio.sleep(1.5)
        grown = limiter.total_tokens
        for _ in range(20):
            time.sleep(0.03)  # what a thread that keeps Python's lock does to the loop
            await asyncio.sleep(0.001)
        shrunk = limiter.total_tokens
        adapting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await adapting
        return grown, shrunk

    grown, shrunk = asyncio.run(hold_up())
    assert grown >= FEWEST
    assert shrunk == FEWEST
