"""Half-sent requests, trickling bodies and callers that hang up, beside signed calls, on one `benchmark-qa serve`.

Signed routing calls are timed undisturbed and under all three at once, by turns in one run, because other people's work
on the machine comes and goes. The attackers are a process of their own; on few cores they take processor time of the
service, too. So the service's own processor time for a hostile connection is shown as well.
"""

import asyncio
import contextlib
import multiprocessing
import os
import random
import sys
import time
from dataclasses import dataclass, field
from itertools import cycle, islice
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks._deployment import benchmark_units, deployment, percentile, resident_bytes
from benchmarks._load import Outcome, route_all
from tests.integration.service.bad_rows import usage
from tests.integration.service.sandbox import Sandbox, uuid

HALF_SENT, TRICKLING, HANG_UPS = 1_000, 1_000, 10_000
ATTACK_SECONDS, QUIET_SECONDS, ATTACKS, CONCURRENT, ORDINARY = 36.0, 15.0, 2, 2, 500
MOST_LINES, MOST_RATIO = 100, 3.0
HALF_A_HEAD = b"POST /agents/route HTTP/1.1\r\nHost: x\r\nX-Part: "
HALF_A_BODY = b"POST /agents/route HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"


async def _hold(port: int, first: bytes, drop: bytes, until: float) -> int:
    """Keep a request half sent, with a byte now and then if there is a `drop`; begin again when it is closed."""
    opened = 0
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            opened += 1
            writer.write(first)
            while time.monotonic() < until:
                with contextlib.suppress(TimeoutError):
                    if not await asyncio.wait_for(reader.read(1000), 1 + random.random()):
                        break
                if drop:
                    writer.write(drop)
            writer.close()
        await asyncio.sleep(0.5)
    return opened


async def _hang_up(port: int, number: int, seconds: float) -> int:
    """Begin so many requests, evenly over the time, and hang up in the middle of each."""
    done, began = 0, time.monotonic()
    while done < number:
        due = min(number, int(number * (time.monotonic() - began) / seconds) + 1)
        for _ in range(done, due):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(random.choice((HALF_A_HEAD, HALF_A_BODY, b"")))
                writer.close()
        done = due
        await asyncio.sleep(0.01)
    return done


async def _attack(port: int, ready: Event, opened: "Synchronized[int]") -> None:
    until = time.monotonic() + ATTACK_SECONDS
    held = [asyncio.create_task(_hold(port, HALF_A_HEAD, b"", until)) for _ in range(HALF_SENT)]
    held += [asyncio.create_task(_hold(port, HALF_A_BODY, b" ", until)) for _ in range(TRICKLING)]
    ready.set()
    hung_up = await _hang_up(port, HANG_UPS, ATTACK_SECONDS * 0.9)
    opened.value += sum(await asyncio.gather(*held)) + hung_up


def attack(port: int, ready: Event, opened: "Synchronized[int]") -> None:
    os.setsid()  # for Linux, which divides the processor among sessions: not a part of the service's
    asyncio.run(_attack(port, ready, opened))


def lines_about_others(log: Path) -> int:
    """Lines of the log but those of the signed calls."""
    return sum('"answered"' not in line for line in log.read_text().splitlines())


def signed_calls(both: Sandbox, seconds: float) -> Outcome:
    hashes = islice(cycle([uuid(f"production/{n}") for n in range(ORDINARY)]), 10**9)
    return asyncio.run(route_all(both.service, hashes, concurrent=CONCURRENT, seconds=seconds))


@dataclass
class Phases:
    """The signed calls of all phases of one kind, and the service's processor seconds meanwhile."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    processor_seconds: float = 0.0

    def run(self, both: Sandbox, service: int, seconds: float) -> None:
        before = usage(service)[1]
        outcome = signed_calls(both, seconds)
        self.processor_seconds += usage(service)[1] - before
        self.seconds += outcome.seconds
        self.errors += outcome.errors

    def percentile(self, share: float) -> float:
        return percentile(self.seconds, share)


def main() -> None:
    context = multiprocessing.get_context("spawn")
    quiet, attacked, lines, memory = Phases(), Phases(), 0, 0.0
    opened = context.Value("i", 0)
    with deployment(benchmark_units(1, "Routing"), production_images=ORDINARY) as (both, process):
        log, port = Path(both.environment["TEST_LOG"]), int(both.service.rsplit(":", 1)[1])
        signed_calls(both, 3)
        quiet.run(both, process.pid, QUIET_SECONDS)
        for _ in range(ATTACKS):
            before, ready = lines_about_others(log), context.Event()
            attackers = context.Process(target=attack, args=(port, ready, opened))
            attackers.start()
            ready.wait(60)
            attacked.run(both, process.pid, ATTACK_SECONDS)
            memory = max(memory, resident_bytes(process.pid) / 2**20)
            attackers.join(120)
            lines += lines_about_others(log) - before
            quiet.run(both, process.pid, QUIET_SECONDS)
    table = Table("signed calls", "answered", "errors", "p50 ms", "p99 ms", "longest ms", "processor s")
    for name, found in (("undisturbed", quiet), ("under all three", attacked)):
        times = (f"{found.percentile(share) * 1000:.0f}" for share in (0.5, 0.99, 1))
        numbers = f"{len(found.seconds):,}", str(len(found.errors)), *times, f"{found.processor_seconds:.1f}"
        table.add_row(name, *numbers)
    Console(width=110).print(table)
    ratio = attacked.percentile(0.99) / quiet.percentile(0.99)
    own = quiet.processor_seconds / len(quiet.seconds)
    each = (attacked.processor_seconds - own * len(attacked.seconds)) / opened.value * 1000
    print(f"{opened.value:,} hostile connections, {each:.2f} ms of the service's processor time for each")
    print(f"p99 {ratio:.2f} times that of the undisturbed calls (at most {MOST_RATIO:g}); log lines {lines}", end=" ")
    print(f"(at most {MOST_LINES}); memory {memory:.0f} MB; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if ratio > MOST_RATIO or lines > MOST_LINES or attacked.errors:
        sys.exit("not held")


if __name__ == "__main__":
    main()
