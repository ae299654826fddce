"""How long the service's event loop waits for anything else, while tasks of 100,000 boxes are scored under load.

A probe in the service's own process asks every 5 ms to be woken, and notes how late it is; 50 routing requests are
under way all the time, and a task of 100,000 boxes is scored again and again: by the agent, by an event and for a
person in the label editor (its scores are forgotten in between, so that its labels are read each time).
"""

import asyncio
import json
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import cycle
from pathlib import Path

import requests
from rich.console import Console
from rich.table import Table

from benchmarks._deployment import benchmark_units, deployment, percentile, real_images
from benchmarks._load import Outcome, route_all
from tests.integration.service.large_task import VIDEO, with_large_task
from tests.integration.service.sandbox import BENCHMARK_DATASET, SUBMITTED_SECRET, Sandbox, uuid

SECONDS = 45.0
CONCURRENT = 50
ORDINARY = 500
MOST_MILLISECONDS = 50


def score_again_and_again(both: Sandbox, until: float, taken: list[tuple[str, float]]) -> None:
    """Each way in which labels are read, in turn; what was answered, and after how many seconds."""
    calls: dict[str, Callable[[], requests.Response]] = {
        "agent": lambda: both.score(VIDEO),
        "event": lambda: both.event("task-submitted", SUBMITTED_SECRET, "task_submitted_event", [VIDEO]),
        "editor": lambda: both.ask_in_editor(VIDEO),
    }
    for name, call in cycle(calls.items()):
        if time.monotonic() > until:
            return
        forget_scores(both.directory / "scores.sqlite")
        began = time.perf_counter()
        answer = call()
        assert answer.status_code == 200, answer.text
        taken.append((name, time.perf_counter() - began))


def forget_scores(database: Path) -> None:
    with sqlite3.connect(database, timeout=20) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table in tables & {"score_records", "current_scores", "editor_scorings"}:
            connection.execute(f"DELETE FROM {table}")
    connection.close()


def lags_of(process_id: int, file: Path) -> list[float]:
    """Milliseconds, from the probe beside the service."""
    os.kill(process_id, signal.SIGUSR2)
    while not file.exists():
        time.sleep(0.05)
    return [lag * 1000 for lag in json.loads(file.read_text())]


def measure(*, with_large: bool) -> tuple[list[float], Outcome, list[tuple[str, float]]]:
    """Lags in milliseconds; what became of the routing requests; the large scorings and their seconds."""
    images = real_images()
    ordinary = [uuid(f"production/{n}") for n in range(ORDINARY)]
    config = {"feedback": {"policy": "score", "training_datasets": [BENCHMARK_DATASET], "scorings_per_item": 1_000_000}}
    with deployment(
        benchmark_units(5, "Score"),
        config=config,
        command=("-m", "benchmarks._probed_service"),
        change_world=partial(with_large_task, images=images),
        production_images=ORDINARY,
    ) as (both, process):
        both.route(ordinary[0])
        taken: list[tuple[str, float]] = []
        if with_large:
            score_again_and_again(both, time.monotonic() + 1, [])
        os.kill(process.pid, signal.SIGUSR1)
        until = time.monotonic() + SECONDS
        scoring = threading.Thread(target=score_again_and_again, args=(both, until, taken))
        if with_large:
            scoring.start()
        load = route_all(both.service, [*ordinary] * 1000, concurrent=CONCURRENT, seconds=SECONDS)
        outcome = asyncio.run(load)
        if with_large:
            scoring.join()
        return lags_of(process.pid, both.directory / "lags.json"), outcome, taken


def main() -> None:
    table = Table("load", "probes", "p50", "p99", "p99.9", "longest", "requests", "errors")
    table.title = "Event loop lag, milliseconds"
    for name, with_large in (("routing", False), ("routing and 100,000-box tasks", True)):
        lags, outcome, taken = measure(with_large=with_large)
        figures = [f"{value:.1f}" for value in (*(percentile(lags, p) for p in (0.5, 0.99, 0.999)), max(lags))]
        table.add_row(name, str(len(lags)), *figures, str(len(outcome.seconds)), str(len(outcome.errors)))
    console = Console(width=120)
    console.print(table)
    for kind in ("agent", "event", "editor"):
        times = [seconds for each, seconds in taken if each == kind]
        console.print(f"{kind}: {len(times)} scorings of 100,000 boxes, the slowest {max(times, default=0):.1f} s")
    console.print(f"p99.9 {percentile(lags, 0.999):.1f} ms (at most {MOST_MILLISECONDS})")
