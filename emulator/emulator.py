"""One emulator: a platform's state, what goes out of it, and the log of what came in."""

import asyncio
from datetime import timedelta

from emulator.http.faults import Faults
from emulator.http.log import RequestLog
from emulator.loading import load
from emulator.outbound.events import LOOK_EVERY, Events
from emulator.outbound.outbox import Outbox
from emulator.platform import Platform
from emulator.storage.jobs import UploadJobs
from emulator.world import World, turned

TICK_SECONDS = 0.5


class Emulator:
    """A platform that lives: it answers requests (`http`), calls agents and looks at its queues."""

    def __init__(self, world: World) -> None:
        self._origin = world
        self.log = RequestLog()
        self.faults = Faults()
        self._background: list[asyncio.Task[None]] = []
        self._begin()

    def _begin(self) -> None:
        self.platform = Platform(turned(self._origin.switches))
        self.upload_jobs = UploadJobs(self.platform)
        self.outbox = Outbox(self.platform.switches, self.platform.clock)
        self.events = Events(self.platform, self.outbox)
        load(self._origin, self.platform)

    async def start(self) -> None:
        """Begins to call out; needs a running event loop."""
        self._background = [asyncio.create_task(self.outbox.run()), asyncio.create_task(self._tick())]

    async def stop(self) -> None:
        """Stops calling out; calls under way are given up."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    async def reset(self) -> None:
        """Back to the world it started with, and an empty log."""
        await self.stop()
        self.log.clear()
        self.faults.clear()
        self._begin()
        await self.start()

    async def advance(self, by: timedelta) -> None:
        """Puts the clock forward; looks that fall due on the way are made one after the other, answers awaited."""
        end = self.platform.now() + by
        while self.events.next_look <= end:
            self.platform.clock.advance(self.events.next_look - self.platform.now())
            self.events.look(self.events.next_look)
            await self.wait_until_idle(LOOK_EVERY.total_seconds())
        self.platform.clock.advance(end - self.platform.now())
        self.upload_jobs.run_due()

    async def wait_until_idle(self, timeout: float) -> bool:
        """Waits until no outbound call is waiting or under way; says whether that is so."""
        deadline = asyncio.get_running_loop().time() + timeout
        while not self.outbox.idle and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
        return self.outbox.idle

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.upload_jobs.run_due()
            if self.events.next_look <= self.platform.now():
                self.events.look(self.platform.now())
