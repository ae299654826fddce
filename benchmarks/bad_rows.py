"""Label rows that are far too large, beside four innocent tasks, in each way that a task can be scored.

Seconds are those that the caller waits, on this machine with whatever else it does; processor seconds are those of the
service with its workers, or of the command. `python -m benchmarks.bad_rows boxes drain` measures what these words fit.
"""

import os
import sys

from rich.console import Console
from rich.table import Table

from benchmarks._deployment import benchmark_units
from tests.integration.service.bad_rows import ROWS, WAYS, Cell, measure, platform_with

MOST_SECONDS, MOST_MEGABYTES, INNOCENT = 10.0, 500.0, 4


def cell(kind: str, way: str) -> Cell:
    """One bad row, in one way, by a service that has just started and has scored nothing yet."""
    units = benchmark_units(INNOCENT, "Score")
    with platform_with(kind, units) as both, both.serving() as process:
        return measure(both, process.pid, way, units)


def main(words: tuple[str, ...] = ()) -> None:
    table = Table("row", "way", "outcome", "seconds", "processor s", "MB above idle", "innocent done", "held")
    for kind in ROWS:
        for way in WAYS:
            if not all(word in kind or word == way for word in words):
                continue
            found = cell(kind, way)
            held = (
                found.seconds <= MOST_SECONDS and found.megabytes <= MOST_MEGABYTES and found.innocent_done == INNOCENT
            )
            figures = f"{found.seconds:.1f}", f"{found.processor_seconds:.1f}", f"{found.megabytes:.0f}"
            table.add_row(kind, way, found.outcome, *figures, f"{found.innocent_done} of 4", "yes" if held else "NO")
            print(kind, way, found, flush=True)
    Console(width=130).print(table)
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
