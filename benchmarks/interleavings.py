"""Two instances and a truth that changes between them: 1,000 random interleavings, here and on the commit of the fault.

Both run the same interleavings: `tests/unit/tasks/interleaved.py` with the same seed. The package was called `agents`
then; its modules are given today's names before anything is imported.
"""

import importlib
import os
import subprocess
import sys
import tempfile
import time
import types
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROUNDS = int(os.environ.get("INTERLEAVINGS", "1000"))
SEED = 15
BEFORE = "0116cba"
"""The last commit on which a record of an older truth could be current."""
ROOT = Path(__file__).parents[1]

NAMES_THEN = {
    "config": "config",
    "config.deployment": "config.deployment",
    "encord_api": "platform",
    "encord_api.client": "platform.encord",
    "encord_api.models": "platform.models",
    "store": "store",
    "store.score_store": "store.score_store",
    "tasks": "workflows",
    "tasks.errors": "workflows.errors",
    "tasks.events": "workflows.handle_event",
    "tasks.ground_truth": "workflows.truth",
    "tasks.projects": "workflows.projects",
    "tasks.score": "workflows.score_task",
}
"""Modules that `interleaved.py` and `fake_encord.py` import, and what they were called on `BEFORE`."""


def main() -> None:
    """Print how many interleavings end with a current record of an older truth; exit 1 if one does here."""
    table = Table("code", "interleavings", "older truth is current", "other content than named", "seconds")
    here = _run(ROOT, ())
    table.add_row("this checkout", *here)
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(["git", "archive", BEFORE, "agents"], cwd=ROOT, capture_output=True, check=False)
        if archive.returncode:
            print(f"commit {BEFORE} is not in this clone: only this checkout is measured")
        else:
            subprocess.run(["tar", "x", "-C", folder], input=archive.stdout, check=True)
            table.add_row(BEFORE, *_run(Path(folder), ("then",)))
    Console(width=120).print(table)
    if here[1] != "0":
        sys.exit("a record of an older truth is current")


def _run(code: Path, arguments: tuple[str, ...]) -> tuple[str, ...]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.interleavings", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(code), str(ROOT)])},
        cwd=code, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stderr)
    return tuple(done.stdout.split())


def count(then: bool) -> None:
    """Run the interleavings in this process and print the counts."""
    if then:
        _give_names_of_today()
    interleaved = importlib.import_module("tests.unit.tasks.interleaved").Interleaved
    found: Counter[str] = Counter()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        both = interleaved(Path(folder), SEED)
        for number in range(ROUNDS):
            both.begin(number)
            both.run()
            found.update(set(both.faults()))
    print(ROUNDS, found["older truth"], found["other content"], round(time.monotonic() - began))


def _give_names_of_today() -> None:
    package = types.ModuleType("benchmark_qa")
    package.__path__ = []
    sys.modules["benchmark_qa"] = package
    for today, name in NAMES_THEN.items():
        sys.modules[f"benchmark_qa.{today}"] = importlib.import_module(f"agents.{name}")
    errors = sys.modules["benchmark_qa.tasks.errors"]
    if not hasattr(errors, "TruthChanging"):  # nothing noticed then that the truth was changing
        errors.__dict__["TruthChanging"] = type("TruthChanging", (Exception,), {})


if __name__ == "__main__":
    count(sys.argv[1:] == ["then"])
