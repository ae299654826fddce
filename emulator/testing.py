"""An emulator for tests, on a free port, in a thread of the test's process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from emulator.emulator import Emulator
from emulator.server import listen, make_server, url_of
from emulator.tls import Certificate
from emulator.world import World

START_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Running:
    """An emulator that serves; `url` is what the SDK calls its domain."""

    url: str
    emulator: Emulator


@contextmanager
def running(world: World | None = None, certificate: Certificate | None = None) -> Iterator[Running]:
    """Serves a world until the block ends."""
    emulator = Emulator(world or World())
    listening = listen("127.0.0.1", 0)
    server = make_server(emulator, certificate)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="emulator", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        while not server.started:
            if time.monotonic() > deadline or not thread.is_alive():
                raise RuntimeError("the emulator did not start")
            time.sleep(0.005)
        yield Running(url_of(listening, certificate), emulator)
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        listening.close()
