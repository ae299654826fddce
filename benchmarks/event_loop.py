"""How long the service's event loop waits for anything else, while tasks of 100,000 boxes are scored under load.

A probe in the service's own process asks every 5 ms to be woken, and notes how late it is; 50 routing requests are
under way all the time, and a task of 100,000 boxes is scored again and again: by the agent, by an event and for a
person in the label editor (its scores are forgotten in between, so that its labels are read each time), and once by the
agent with its scores still there.

Emulator and load generator, which would be on machines of their own, give way to the service here (`nice`). The
service's own worker process competes with it as it would anywhere.
"""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path

import requests
from rich.console import Console
from rich.table import Table

from benchmarks._deployment import benchmark_units, deployment, percentile, real_images
from benchmarks._limits import limit
from benchmarks._load import Outcome, route_all
from tests.integration.service.large_task import VIDEO, with_large_task
from tests.integration.service.sandbox import BENCHMARK_DATASET, SUBMITTED_SECRET, Sandbox, uuid

SECONDS = 30.0
CONCURRENT = 50
ORDINARY = 500
NICENESS = 5
"""Of what is not the service: between the server, 0, and its worker, 10"""
MOST_MILLISECONDS = limit("event_loop.p999_milliseconds")


def score_again_and_again(both: Sandbox, until: float, taken: list[tuple[str, float]]) -> None:
    """Each way in which labels are read, in turn; what was answered, and after how many seconds."""
    calls: dict[str, Callable[[], requests.Response]] = {
        "agent": lambda: both.score(VIDEO),
        "agent again": lambda: both.score(VIDEO),
        "event": lambda: both.event("task-submitted", SUBMITTED_SECRET, "task_submitted_event", [VIDEO]),
        "editor": lambda: both.ask_in_editor(VIDEO),
    }
    for name, call in cycle(calls.items()):
        if time.monotonic() > until:
            return
        if name != "agent again":
            forget_scores(both.directory / "scores.sqlite")
        began = time.perf_counter()
        answer = call()
        assert answer.status_code == 200, answer.text
        assert name != "editor" or "patient-annotator 0." in answer.json()["message"], answer.text
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


@dataclass
class Measured:
    """One run."""

    lags: list[float]
    """Of the service's event loop, milliseconds"""
    idle_lags: list[float]
    """Of an event loop in a process that does nothing else, at the same time: what the machine itself is late by"""
    routed: Outcome
    scored: list[tuple[str, float]]
    """How a large task was scored, and how many seconds that took"""


@contextmanager
def idle_probe(into: list[float]) -> Iterator[None]:
    """Milliseconds of lag of an idle event loop while the block runs."""
    command = [sys.executable, "-m", "benchmarks._probe"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield
        into += json.loads(process.communicate()[0])


def measure(*, with_large: bool) -> Measured:
    images = real_images()
    ordinary = [uuid(f"production/{n}") for n in range(ORDINARY)]
    config = {"feedback": {"policy": "score", "training_datasets": [BENCHMARK_DATASET], "scorings_per_item": 1_000_000}}
    with deployment(
        benchmark_units(5, "Score"),
        config=config,
        command=("-m", "benchmarks._probed_service"),
        change_world=partial(with_large_task, images=images, stage="Review & Refine"),
        emulator_niceness=NICENESS,
        production_images=ORDINARY,
    ) as (both, process):
        both.route(ordinary[0])
        taken: list[tuple[str, float]] = []
        idle: list[float] = []
        if with_large:
            score_again_and_again(both, time.monotonic() + 1, [])
        os.kill(process.pid, signal.SIGUSR1)
        until = time.monotonic() + SECONDS
        load = route_all(both.service, [*ordinary] * 1000, concurrent=CONCURRENT, seconds=SECONDS)
        with idle_probe(idle), ThreadPoolExecutor(initializer=os.nice, initargs=(NICENESS,)) as load_generator:
            if with_large:
                scoring = load_generator.submit(score_again_and_again, both, until, taken)
            outcome = load_generator.submit(asyncio.run, load).result()
            if with_large:
                scoring.result()
        return Measured(lags_of(process.pid, both.directory / "lags.json"), idle, outcome, taken)


def main() -> None:
    table = Table("event loop", "probes", "p50", "p99", "p99.9", "longest", title="Lag in milliseconds")
    for name, with_large in (("routing", False), ("routing and 100,000-box tasks", True)):
        measured = measure(with_large=with_large)
        for whose, lags in ((name, measured.lags), ("idle process beside it", measured.idle_lags)):
            figures = [*(percentile(lags, share) for share in (0.5, 0.99, 0.999)), max(lags)]
            table.add_row(whose, str(len(lags)), *(f"{value:.1f}" for value in figures))
        routed = measured.routed
        print(f"{name}: {len(routed.seconds)} routing requests answered, {len(routed.errors)} errors")
    Console(width=110).print(table)
    for kind in ("agent", "agent again", "event", "editor"):
        times = [seconds for each, seconds in measured.scored if each == kind]
        print(f"{kind}: {len(times)} scorings of 100,000 boxes, the slowest {max(times, default=0):.1f} s")
    print(f"p99.9 under large tasks {percentile(measured.lags, 0.999):.1f} ms (at most {MOST_MILLISECONDS:.0f})")
