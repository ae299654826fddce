"""500 signed requests at a time, 20,000 in all, on one instance: none is lost, none answered twice, none wrong.

Each of 20,000 data units is asked for once, as Encord would ask. The emulator counts what the service asks of it: a
decision that was made twice would be a request more.
"""

import asyncio
import time

from rich.console import Console
from rich.table import Table

from benchmarks._deployment import benchmark_units, deployment, percentile, resident_bytes
from benchmarks._load import Outcome, route_all
from tests.integration.service.sandbox import Sandbox, uuid

REQUESTS, CONCURRENT, BENCHMARK_ITEMS = 20_000, 500, 400
ROWS = "legacy labelrowmetadata.GET"


def wrong_or_missing(outcome: Outcome, expected: dict[str, str]) -> int:
    return sum(outcome.decisions.get(data_hash) != [decision] for data_hash, decision in expected.items())


def measure(both: Sandbox, process_id: int, expected: dict[str, str]) -> None:
    both.route(next(iter(expected)))
    both.forget_requests()
    before = resident_bytes(process_id)
    outcome = asyncio.run(route_all(both.service, list(expected), concurrent=CONCURRENT))
    asked = both.requests_of_service()
    table = Table("what", "figure", title=f"{REQUESTS:,} signed routing requests, {CONCURRENT} at a time, one instance")
    table.add_row("answered with a decision", f"{sum(map(len, outcome.decisions.values())):,}")
    table.add_row("errors", str(len(outcome.errors)))
    table.add_row("lost, doubled or wrong decisions", str(wrong_or_missing(outcome, expected)))
    table.add_row("requests to Encord", f"{sum(asked.values()):,} ({asked.get(ROWS, 0):,} for label row metadata)")
    table.add_row("seconds", f"{outcome.elapsed:.1f} ({REQUESTS / outcome.elapsed:.0f} a second)")
    table.add_row("p50", f"{percentile(outcome.seconds, 0.5) * 1000:.0f} ms")
    table.add_row("p99", f"{percentile(outcome.seconds, 0.99) * 1000:.0f} ms")
    table.add_row("memory before, after", f"{before / 2**20:.0f} MB, {resident_bytes(process_id) / 2**20:.0f} MB")
    Console(width=110).print(table)
    for error in outcome.errors[:5]:
        print(error)


def main() -> None:
    units = benchmark_units(BENCHMARK_ITEMS, "Routing")
    ordinary = REQUESTS - len(units)
    expected = {uuid(f"production/{n}"): "No" for n in range(ordinary)} | {u.data_hash: "Yes" for u in units}
    began = time.perf_counter()
    with deployment(units, production_images=ordinary) as (both, process):
        print(f"a world of {REQUESTS:,} data units, ready after {time.perf_counter() - began:.0f} s")
        measure(both, process.pid, expected)
