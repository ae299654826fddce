"""The emulator's price per task, as a project grows: a task must not cost more because there are more of them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import inf
from statistics import median

import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from encord import EncordUserClient, Project
from rich.console import Console
from rich.table import Table

SIZES = (100, 1_000, 10_000)
SAMPLES = 50
REPEATS = 5
OPERATOR = "ops@example.com"
PROJECT = "a1000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Sandbox:
    """A project of so many tasks, half of them in each of two datasets."""

    url: str
    project: Project
    hashes: list[str]
    datasets: list[str]


@contextmanager
def sandbox(tasks: int) -> Iterator[Sandbox]:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    hashes = [f"d0000000-0000-4000-8000-{n:012d}" for n in range(tasks)]
    datasets = [f"b{n}000000-0000-4000-8000-000000000000" for n in range(2)]
    world = {
        "users": [{"email": OPERATOR, "public_keys": [public]}],
        "ontologies": [{"title": "Nothing"}],
        "datasets": [
            {
                "hash": dataset,
                "title": f"Half {n}",
                "data": [{"hash": h, "title": h, "width": 8, "height": 8} for h in hashes[n::2]],
            }
            for n, dataset in enumerate(datasets)
        ],
        "projects": [
            {
                "hash": PROJECT,
                "title": "Large",
                "ontology": "Nothing",
                "datasets": datasets,
                "users": {OPERATOR: "admin"},
            }
        ],
    }
    with served(world) as url:
        client = EncordUserClient.create_with_ssh_private_key(private, domain=url)
        yield Sandbox(url, client.get_project(PROJECT), hashes, datasets)


@contextmanager
def served(world: dict[str, object]) -> Iterator[str]:
    """An emulator in a process of its own, as everybody runs it; gives its address."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(world, file)
        file.flush()
        command = [sys.executable, "-m", "emulator", "serve", "--world", file.name]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                yield process.stdout.readline().split()[-1]
            finally:
                process.terminate()


def list_all(box: Sandbox) -> int:
    return sum(1 for _ in box.project.workflow.get_stage(name="Annotate").get_tasks())


def list_one_dataset(box: Sandbox) -> int:
    return sum(1 for _ in box.project.workflow.get_stage(name="Annotate").get_tasks(dataset_hash=box.datasets[1]))


def find_one(box: Sandbox) -> int:
    stage = box.project.workflow.get_stage(name="Annotate")
    step = max(1, len(box.hashes) // SAMPLES)
    return sum(len(list(stage.get_tasks(data_hash=data_hash))) for data_hash in box.hashes[::step][:SAMPLES])


def row_of_one(box: Sandbox) -> int:
    step = max(1, len(box.hashes) // SAMPLES)
    return sum(len(box.project.list_label_rows_v2([data_hash])) for data_hash in box.hashes[::step][:SAMPLES])


def list_rows(box: Sandbox) -> int:
    return len(box.project.list_label_rows_v2())


def submit_bundled(box: Sandbox) -> int:
    tasks = list(box.project.workflow.get_stage(name="Annotate").get_tasks())
    with box.project.create_bundle() as bundle:
        for task in tasks:
            task.submit(bundle=bundle)
    return len(tasks)


def move_bundled(box: Sandbox) -> int:
    tasks = list(box.project.workflow.get_stage(name="Review").get_tasks())
    destination = box.project.workflow.get_stage(name="Complete").uuid
    with box.project.create_bundle() as bundle:
        for task in tasks:
            task.move(destination_stage_uuid=destination, bundle=bundle)
    return len(tasks)


Step = Callable[[Sandbox], int]

READING: dict[str, Step] = {
    "list the queue": list_all,
    "list one dataset's half of it": list_one_dataset,
    "label row metadata of all": list_rows,
}
LOOKING_UP: dict[str, Step] = {
    "find one task by data hash (in the server)": find_one,
    "label row metadata by data hash (in the server)": row_of_one,
}
CHANGING: dict[str, Step] = {
    "list and submit in bundles of 1,000": submit_bundled,
    "list and move in bundles of 500": move_bundled,
}


def seconds_per_task(step: Step, box: Sandbox) -> float:
    started = time.perf_counter()
    done = step(box)
    return (time.perf_counter() - started) / done


def seconds_in_server(step: Step, box: Sandbox) -> float:
    """What one request costs where the tasks are: opening a connection for it costs ten times that."""
    requests.delete(f"{box.url}/_emulator/requests", timeout=10)
    step(box)
    latest = requests.get(f"{box.url}/_emulator/requests?limit={SAMPLES}", timeout=10).json()["latest"]
    return median(request["seconds"] for request in latest)


def main() -> None:
    """Print microseconds per task by project size, and the ratio of the largest to the middle one."""
    with ExitStack() as stack:
        boxes = [stack.enter_context(sandbox(size)) for size in SIZES]
        seconds = {name: [inf] * len(boxes) for name in (*READING, *LOOKING_UP, *CHANGING)}
        # The sizes take turns, and the best time counts: what else the machine does then troubles all of them alike.
        steps = [*list({**READING, **LOOKING_UP}.items()) * REPEATS, *CHANGING.items()]
        for name, step in steps:
            measure = seconds_in_server if name in LOOKING_UP else seconds_per_task
            for index, box in enumerate(boxes):
                seconds[name][index] = min(seconds[name][index], measure(step, box))
    table = Table(title="One task, through the SDK, in microseconds")
    table.add_column("what")
    for size in SIZES:
        table.add_column(f"{size:,} tasks", justify="right")
    table.add_column(f"{SIZES[2]:,} / {SIZES[1]:,}", justify="right")
    for name, values in seconds.items():
        cells = [f"{value * 1e6:,.0f}" for value in values]
        table.add_row(name, *cells, f"{values[2] / values[1]:.2f}")
    Console(width=120).print(table)
