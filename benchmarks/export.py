"""Exports of growing projects: time and memory a row, against the bare SDK reading the same rows into one JSON file.

Rows have the expert's and one crowd annotator's boxes of real images. Every export runs in a process of its own, so
that its peak memory is its own; the emulator in another, whose time is not counted in the processor's column. "bare
SDK" is `list_label_rows_v2`, one `get_label_rows` of everything, and `json.dump`. Processor times are without those of
starting the interpreter and importing, and the ratio is that of processor times.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks._deployment import emulator_process, real_images
from tests.integration.service.sandbox import BENCHMARK, KEY, PRODUCTION, SERVICE, uuid
from tests.unit.rows import PEDESTRIAN_EDITOR, box_row

SIZES = (1_000, 10_000)
BARE = "bare SDK"
EXPORTS: dict[str, list[str]] = {
    "encord": ["--format", "encord"],
    "encord, nothing changed": ["--format", "encord"],
    "coco": ["--format", "coco"],
    "yolo": ["--format", "yolo"],
    "parquet": ["--format", "parquet"],
    "all four": [word for name in ("encord", "coco", "yolo", "parquet") for word in ("--format", name)],
    "all four, freezing first": [
        *(word for name in ("encord", "coco", "yolo", "parquet") for word in ("--format", name)),
        "--snapshot",
        "bench",
    ],
}


def world(rows: int) -> dict[str, Any]:
    images = real_images()
    units = [(uuid(f"bench/{n}"), images[n % len(images)]) for n in range(rows)]
    workflow = {
        "stages": [
            {"type": "annotation", "title": "Annotate", "next": "Complete"},
            {"type": "complete", "title": "Complete"},
        ]
    }
    return {
        "users": [{"email": SERVICE, "public_keys": [KEY.public]}],
        "ontologies": [{"title": "Pedestrians", "editor": PEDESTRIAN_EDITOR}],
        "datasets": [
            {
                "title": "Images",
                "data": [
                    {"hash": h, "title": f"{n:06d}.jpg", "width": 1280, "height": 720} for n, (h, _) in enumerate(units)
                ],
            },
            {"title": "Truth"},
        ],
        "projects": [
            {
                "hash": PRODUCTION,
                "title": "Production",
                "ontology": "Pedestrians",
                "datasets": ["Images"],
                "users": {SERVICE: "admin"},
                "workflow": workflow,
                "tasks": [{"data_hash": h, "stage": "Complete"} for h, _ in units],
            },
            {"hash": BENCHMARK, "title": "Benchmark", "ontology": "Pedestrians", "datasets": ["Truth"]}
            | {"users": {SERVICE: "admin"}},
        ],
        "labels": [
            {
                "project": PRODUCTION,
                "data_hash": h,
                "labels": {"data_units": box_row(h, _boxes(image))["data_units"]},
            }
            for h, image in units
        ],
    }


def _boxes(image: dict[str, Any]) -> list[Any]:
    return [*image["ground_truth"], *next(iter(image["annotations"].values()), ())]


def bare(domain: str, out: Path) -> None:
    from encord import EncordUserClient  # noqa: PLC0415 - counted with what it does

    client = EncordUserClient.create_with_ssh_private_key(os.environ["ENCORD_SSH_KEY"], domain=domain)
    project = client.get_project(PRODUCTION)
    hashes = [row.label_hash for row in project.list_label_rows_v2() if row.label_hash]
    rows = project._client.get_label_rows(hashes, get_signed_url=False)
    with out.open("w") as file:
        json.dump(rows, file)


def export(out: Path, arguments: list[str]) -> None:
    from benchmark_qa.cli import app  # noqa: PLC0415

    app(["export", "--out", str(out), "--json", *arguments], standalone_mode=False)


def measure(domain: str, name: str, out: Path) -> None:
    """In a process of its own: one export, and what it took."""
    import encord.user_client  # noqa: F401, PLC0415 - imports are not what is measured

    started, before = time.perf_counter(), time.process_time()
    if name == BARE:
        bare(domain, out)
    else:
        export(out, EXPORTS[name])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = (time.perf_counter() - started, time.process_time() - before, peak)
    print("\n" + " ".join(map(str, figures)))


def measured(domain: str, name: str, out: Path) -> list[float]:
    environment = {
        **os.environ,
        "BENCHMARK_QA_CONFIG": json.dumps({"production_project": PRODUCTION, "benchmark_projects": [BENCHMARK]}),
        "ENCORD_SSH_KEY": KEY.private,
        "ENCORD_DOMAIN": domain,
    }
    command = [sys.executable, "-m", "benchmarks.export", domain, name, str(out)]
    said = subprocess.check_output(command, text=True, env=environment, stderr=subprocess.DEVNULL)
    return [float(figure) for figure in said.splitlines()[-1].split()]


def main() -> None:
    table = Table("rows", "export", "seconds", "processor", "us a row", "x bare", "peak MB", title="exports")
    for rows in SIZES:
        with emulator_process(world(rows)) as domain, tempfile.TemporaryDirectory() as scratch:
            baseline = 0.0
            for name in (BARE, *EXPORTS):
                out = Path(scratch) / name.partition(",")[0].replace(" ", "-")
                if name.endswith("freezing first"):
                    out = out.with_name("frozen")
                seconds, processor, peak = measured(domain, name, out)
                baseline = baseline or processor
                figures = (f"{seconds:.1f}", f"{processor:.1f}", f"{1e6 * processor / rows:.0f}")
                table.add_row(f"{rows:,}", name, *figures, f"{processor / baseline:.2f}", f"{peak:.0f}")
    Console().print(table)


if __name__ == "__main__":
    measure(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
