"""A set-up of many items: what the first apply costs, and a plan that finds nothing to do.

Each size has an emulator of its own in this process; the commands run in it, too, so that both times contain the
emulator's work: what counts is their ratio, how they grow, and the requests.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner

from benchmark_qa.cli import app
from demo.world import Account
from emulator.testing import running
from emulator.world import World

SIZES = (1_000, 5_000, 20_000)
OPERATOR = Account.create("ops@example.com")
TEMPLATES = ("10000000-0000-4000-8000-000000000001", "10000000-0000-4000-8000-000000000002")
WORKFLOW = [
    {"type": "agent", "title": "Route", "pathways": [{"name": "Yes", "to": "Many"}, {"name": "No", "to": "Score"}]},
    {"type": "consensus_annotation", "title": "Many", "next": "Refine"},
    {"type": "consensus_review", "title": "Refine", "next": "Score"},
    {"type": "agent", "title": "Score", "pathways": [{"name": "Done", "to": "Complete"}]},
    {"type": "complete", "title": "Complete"},
]
SETUP = """
name = "many"
[[folders]]
path = "Many/Benchmark"
registration = ["benchmark"]
integration = "The bucket"
[[folders]]
path = "Many/Production"
registration = ["production"]
integration = "The bucket"
[ontology]
title = "Many"
[[ontology.structure.objects]]
name = "thing"
shape = "bounding_box"
[benchmark]
title = "Truth"
workflow_template = "10000000-0000-4000-8000-000000000001"
dataset = { title = "Benchmark", folders = ["Many/Benchmark"] }
[production]
title = "Production"
workflow_template = "10000000-0000-4000-8000-000000000002"
datasets = [{ title = "Production", folders = ["Many/Production"] }]
[service.stages]
routing = { name = "Route" }
scoring = [{ name = "Score", pass_pathway = "Done" }]
"""


@dataclass(frozen=True)
class Step:
    """What one command cost."""

    seconds: float
    requests: int


@contextmanager
def team(directory: Path, items: int) -> Iterator[str]:
    """An emulator, and the files of a set-up: a tenth of the items are for the benchmark."""
    world = {
        "users": [{"email": OPERATOR.email, "public_keys": [OPERATOR.public_key]}],
        "integrations": [{"title": "The bucket"}],
        "workflow_templates": [{"uuid": uuid, "title": uuid, "stages": WORKFLOW} for uuid in TEMPLATES],
    }
    (directory / "setup.toml").write_text(SETUP)
    for name, count in (("benchmark", items // 10), ("production", items - items // 10)):
        manifest = directory / f"{name}.csv"
        manifest.write_text("url\n" + "\n".join(f"s3://bucket/{name}/{n}.jpg" for n in range(count)))
        command("register", "build", str(manifest), "--out", str(directory / name), "--storage", "s3")
    with running(World.model_validate(world)) as served:
        os.environ |= {"ENCORD_SSH_KEY": OPERATOR.private_key, "ENCORD_DOMAIN": served.url}
        yield served.url


def command(*arguments: str) -> None:
    done = CliRunner().invoke(app, list(arguments))
    if done.exit_code:
        raise RuntimeError(done.output)


def measured(url: str, *arguments: str) -> Step:
    requests.delete(f"{url}/_emulator/requests", timeout=60)
    started = time.perf_counter()
    command(*arguments)
    seconds = time.perf_counter() - started
    counts = requests.get(f"{url}/_emulator/requests", timeout=60).json()["counts"]
    return Step(seconds, sum(entry["count"] for entry in counts))


def main() -> None:
    table = Table(
        "items", "apply", "requests", "plan", "requests", "plan / apply", title="A set-up and its second plan"
    )
    for column in table.columns:
        column.justify = "right"
    for items in SIZES:
        with tempfile.TemporaryDirectory() as folder, team(Path(folder), items) as url:
            file = str(Path(folder) / "setup.toml")
            apply = measured(url, "setup", "apply", file, "--yes")
            plan = measured(url, "setup", "plan", file)
        table.add_row(
            f"{items:,}",
            f"{apply.seconds:.1f} s",
            f"{apply.requests:,}",
            f"{plan.seconds:.1f} s",
            f"{plan.requests:,}",
            f"{plan.seconds / apply.seconds:.2f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
