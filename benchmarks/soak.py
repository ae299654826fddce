"""Memory over ten minutes of steady work: `python -m benchmarks.soak --minutes 10`.

Routing requests all the time; every ten seconds data units are scored and both stages are drained. Memory is that of
the service with its worker processes. `python -m benchmarks soak` runs one minute.
"""

import argparse
import asyncio
import threading
import time
from dataclasses import dataclass, field
from itertools import cycle, islice

from rich.console import Console
from rich.table import Table

from benchmarks._deployment import benchmark_units, deployment, percentile, resident_bytes
from benchmarks._load import Outcome, route_all
from tests.integration.service.sandbox import ROUTING_STAGE, SCORING_STAGE, Sandbox, Unit, uuid

CONCURRENT, ITEMS, ORDINARY = 4, 60, 1_000
SAMPLE_SECONDS = 10.0
ENOUGH_REQUESTS = 1_000_000


@dataclass
class Samples:
    """Memory of the service, and the work beside the routing requests."""

    megabytes: list[tuple[float, float]] = field(default_factory=list)
    scored: int = 0
    refused: int = 0


def work_and_look(both: Sandbox, process_id: int, units: list[Unit], seconds: float, samples: Samples) -> None:
    started = time.monotonic()
    waiting = cycle(units)
    while (passed := time.monotonic() - started) < seconds:
        for unit in islice(waiting, 5):
            answer = both.score(unit.data_hash)
            samples.scored += answer.status_code == 200
            samples.refused += answer.status_code != 200
        for stage in (ROUTING_STAGE, SCORING_STAGE):
            both.notify(stage)
        samples.megabytes.append((passed, resident_bytes(process_id) / 2**20))
        time.sleep(max(0.0, SAMPLE_SECONDS - (time.monotonic() - started - passed)))


def slope(points: list[tuple[float, float]]) -> float:
    """Least-squares growth a minute."""
    times, values = zip(*points, strict=True)
    mean_time, mean_value = sum(times) / len(times), sum(values) / len(values)
    spread = sum((time - mean_time) ** 2 for time in times)
    return 60 * sum((t - mean_time) * (v - mean_value) for t, v in points) / spread if spread else 0.0


def soak(minutes: float) -> tuple[Samples, Outcome]:
    units = benchmark_units(ITEMS, "Score")
    ordinary = [uuid(f"production/{n}") for n in range(ORDINARY)]
    seconds = minutes * 60
    samples = Samples()
    with deployment(units, production_images=ORDINARY) as (both, process):
        beside = threading.Thread(target=work_and_look, args=(both, process.pid, units, seconds, samples))
        beside.start()
        requests = islice(cycle(ordinary), ENOUGH_REQUESTS)
        outcome = asyncio.run(route_all(both.service, requests, concurrent=CONCURRENT, seconds=seconds))
        beside.join()
    return samples, outcome


def report(minutes: float) -> None:
    samples, outcome = soak(minutes)
    points = samples.megabytes
    settled = points[len(points) // 3 :]
    table = Table("what", "figure", title=f"{minutes:g} minutes of steady work")
    table.add_row("routing requests answered", f"{len(outcome.seconds):,}, {len(outcome.errors)} errors")
    table.add_row("p50, p99", " ms, ".join(f"{percentile(outcome.seconds, p) * 1000:.0f}" for p in (0.5, 0.99)) + " ms")
    table.add_row("scorings beside them", f"{samples.scored}, {samples.refused} refused")
    for share in (0, 1 / 3, 2 / 3, 1):
        moment, megabytes = points[min(len(points) - 1, round(share * (len(points) - 1)))]
        table.add_row(f"memory after {moment / 60:.1f} minutes", f"{megabytes:.1f} MB")
    table.add_row("growth over the last two thirds", f"{slope(settled):+.2f} MB a minute")
    Console(width=110).print(table)
    for error in outcome.errors[:5]:
        print(error)


def main() -> None:
    report(minutes=1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    report(parser.parse_args().minutes)
