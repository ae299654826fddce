"""What the service's benchmarks share: emulator and service as processes of their own, on real labels."""

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from tests.integration.service.sandbox import (
    Sandbox,
    Unit,
    free_port,
    service_environment,
    service_process,
    world,
)

PEDESTRIANS = Path(__file__).parents[2] / "shared" / "data" / "pedestrians.json"
FOREVER = 1_000_000_000


def real_images() -> list[dict[str, Any]]:
    """The pedestrian images that have expert boxes."""
    if not PEDESTRIANS.is_file():
        sys.exit(f"this benchmark needs real labels: {PEDESTRIANS} is missing")
    return [image for image in json.loads(PEDESTRIANS.read_text())["images"] if image["ground_truth"]]


def benchmark_units(number: int, stage: str) -> list[Unit]:
    """So many data units with the real labels of the pedestrian images, which are used again when there are not enough.

    Where the data set is not beside the project, `SystemExit` says so.
    """
    images = real_images()
    return [
        Unit({**images[n % len(images)], "id": f"{images[n % len(images)]['id']}-{n // len(images)}"}, stage=stage)
        for n in range(number)
    ]


@contextmanager
def emulator_process(document: Mapping[str, Any], tls: Path | None = None, niceness: int = 0) -> Iterator[str]:
    """An emulator in a process of its own; gives its address.

    Args:
        document: a world file's content.
        tls: where its certificate is written, if it is to speak HTTPS.
        niceness: how far it gives way to the service; Encord would have a machine of its own.
    """
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(orjson.dumps(document))
        file.flush()
        command = ["nice", "-n", str(niceness), sys.executable, "-m", "emulator", "serve", "--world", file.name]
        command += ["--tls", str(tls)] if tls else []
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                words = process.stdout.readline().split()
                if not words:
                    raise RuntimeError("the emulator did not start")
                yield words[-1]
            finally:
                process.terminate()


@contextmanager
def deployment(
    units: Sequence[Unit],
    *,
    tls: bool = False,
    config: Mapping[str, Any] | None = None,
    variables: Mapping[str, str] | None = None,
    command: Sequence[str] = ("-m", "benchmark_qa", "serve"),
    change_world: Callable[[dict[str, Any]], dict[str, Any]] = dict,
    emulator_niceness: int = 0,
    **options: Any,
) -> Iterator[tuple[Sandbox, subprocess.Popen[bytes]]]:
    """Emulator and service, each a process of its own, until the block ends; the service's process beside them.

    Args:
        units: of the benchmark.
        tls: whether the emulator speaks HTTPS.
        config: goes over the service's configuration document.
        variables: go over the service's environment.
        command: what starts the service; `--port N` is added.
        change_world: gets the world file's content and gives the one to use.
        emulator_niceness: how far the emulator gives way to the service.
        options: of `tests.integration.service.sandbox.world`.
    """
    port = free_port()
    service = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        document = change_world(world_file(units, service, **options))
        with emulator_process(document, folder / "tls" if tls else None, emulator_niceness) as domain:
            environment = service_environment(domain, folder, config or {}) | dict(variables or {})
            if tls:
                environment["REQUESTS_CA_BUNDLE"] = str(folder / "tls" / "emulator.crt")
            with (
                trusting(environment.get("REQUESTS_CA_BUNDLE")),
                service_process(environment, port, command) as process,
            ):
                yield Sandbox(domain, service, environment, folder), process


def world_file(units: Sequence[Unit], service: str, **options: Any) -> dict[str, Any]:
    """What `tests.integration.service.sandbox.world` describes, as a world file's content."""
    return world(units, service, **options).model_dump(mode="json", by_alias=True, exclude_none=True)


@contextmanager
def trusting(bundle: str | None) -> Iterator[None]:
    """Let this process, too, trust the emulator's certificate."""
    before = os.environ.get("REQUESTS_CA_BUNDLE")
    if bundle:
        os.environ["REQUESTS_CA_BUNDLE"] = bundle
    try:
        yield
    finally:
        if bundle:
            os.environ.pop("REQUESTS_CA_BUNDLE")
            if before is not None:
                os.environ["REQUESTS_CA_BUNDLE"] = before


def slow_down(both: Sandbox, seconds: float) -> None:
    """Every answer of the platform takes so much longer from now on."""
    both.control("POST", "faults", json={"kind": "latency", "seconds": seconds, "times": FOREVER})


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def resident_bytes(pid: int) -> int:
    """Memory in use by a process and its children."""
    total, pending = 0, [pid]
    while pending:
        each = pending.pop()
        try:
            status = Path(f"/proc/{each}/status").read_text()
            threads = list(Path(f"/proc/{each}/task").iterdir())
            children = [child for thread in threads for child in (thread / "children").read_text().split()]
        except FileNotFoundError:
            continue
        total += next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))
        pending += [int(child) for child in children]
    return total
