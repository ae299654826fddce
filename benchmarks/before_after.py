"""The figures of the rebuilt house beside those of the baseline, which is checked out into a worktree for it.

`python -m benchmarks before_after` takes some minutes: sizes, importers, circles, walks, modules loaded, cold start and
latency. `python -m benchmarks.before_after --tests` also runs the tests on both sides, for their processor time: an
hour on an idle machine. Both sides run with this environment's packages. The walks are those of `benchmarks/walks.py`
on both sides: for a small set-up and a small store.
"""

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks._limits import limits

ROOT = Path(__file__).parents[1]
BASELINE = "0116cba"
GRAPH = Path(__file__).with_name("_import_graph.py")
VERSION = """
import json, sys
from {package}.cli import app
try: app(["--version"], prog_name="benchmark-qa")
except SystemExit: pass
print(json.dumps([len(sys.modules), sum(name.split(".")[0] == "{package}" for name in sys.modules)]))
"""
ROUTING = """
import json, subprocess, sys, tempfile
from pathlib import Path
from emulator.testing import running
from tests.integration.service.sandbox import (
    PRODUCTION, ROUTE_SECRET, Unit, free_port, service_environment, signed, world,
)
from tests.integration.service.test_cold_start import PROGRAM

image = {"id": 1, "width": 640, "height": 480, "ground_truth": [[1, 1, 20, 40]], "annotations": {"a@example.com": []}}
unit = Unit(image)
body = json.dumps({"projectHash": PRODUCTION, "dataHash": unit.data_hash, "frame": 0})
order = json.dumps([free_port(), body, signed(body.encode(), ROUTE_SECRET)])
with running(world([unit], "http://127.0.0.1:9")) as platform:
    environment = service_environment(platform.url, Path(tempfile.mkdtemp()), {})
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, input=order, stdout=subprocess.PIPE, text=True, check=True
    )
modules = json.loads(done.stdout)[1]
print(json.dumps([len(modules), sum(name.split(".")[0] == "{package}" for name in modules)]))
"""
RENAMED = {
    "from benchmark_qa import Ontology, read_label_row, score_task": (
        "from agents.labels.ontology import Ontology\n"
        "    from agents.labels.reader import read_label_row\n"
        "    from agents.scoring.task import score_task"
    ),
    "import benchmark_qa\n": "import agents as benchmark_qa\n",
    "benchmark_qa.service.app": "agents.app",
    "benchmark_qa.config": "agents.config",
    "benchmark_qa.store": "agents.store",
    '"benchmark_qa."': '"agents."',
}
"""What `benchmarks/walks.py` is called there: the walks themselves are the same."""


class House(NamedTuple):
    """One side: where it is checked out, what its package is called, and the folder that holds the package."""

    root: Path
    package: str
    source: Path

    @property
    def environment(self) -> dict[str, str]:
        """The checkout before everything else that this environment has on its path."""
        return {**os.environ, "PYTHONPATH": f"{self.source}{os.pathsep}{self.root}", "NO_COLOR": "1"}

    def python(self, *arguments: str) -> str:
        """What the program prints; what it says of errors goes to the terminal."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout


Measure = Callable[[House], Mapping[str, float]]


@contextmanager
def houses() -> Iterator[tuple[House, House]]:
    """The baseline in a temporary worktree, and this checkout."""
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder) / "baseline"
        subprocess.run(["git", "-C", ROOT, "worktree", "add", "--quiet", "--detach", there, BASELINE], check=True)
        data = ROOT.parent / "shared"
        if data.exists():  # the real labels, which both sides look for beside their checkout
            (Path(folder) / "shared").symlink_to(data.resolve())
        try:
            yield (
                House(there, "agents", there),
                House(ROOT, "benchmark_qa", ROOT / "agents"),
            )
        finally:
            subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", there], check=True)


def size(house: House) -> dict[str, float]:
    """Files, importers and circles."""
    files = [file for file in (house.root / "agents").rglob("*.py") if file.name != "__init__.py"]
    told: dict[str, float] = json.loads(house.python(str(GRAPH), house.package))
    return {"Python files besides __init__.py": len(files), **told}


def loaded(house: House) -> dict[str, float]:
    """Modules loaded by `--version`, and until the first decision of a service that routes."""
    found = {}
    for what, program in (("--version", VERSION), ("routing", ROUTING)):
        printed = house.python("-c", program.replace("{package}", house.package))
        found[f"modules loaded by {what}"], found[f"of them ours, by {what}"] = json.loads(printed.splitlines()[-1])
    return found


def walks(house: House) -> dict[str, float]:
    """Files in which a function is called, for each walk."""
    text = (ROOT / "benchmarks" / "walks.py").read_text(encoding="utf-8")
    if house.root != ROOT:
        for ours, theirs in RENAMED.items():
            text = text.replace(ours, theirs)
        (house.root / "benchmarks" / "walks.py").write_text(text, encoding="utf-8")
        for name in ("_limits.py", "limits.toml"):
            (house.root / "benchmarks" / name).write_bytes((ROOT / "benchmarks" / name).read_bytes())
    program = (
        "import json; from benchmarks.walks import walks; print(json.dumps({n: len(f) for n, f in walks().items()}))"
    )
    counted = json.loads(house.python("-c", program).splitlines()[-1])
    return {f"files walked: {name}": number for name, number in counted.items()}


def cold_start(house: House) -> dict[str, float]:
    """The ratio to a bare application, by the clock and by the processor."""
    printed = house.python("-m", "benchmarks", "cold_start")
    clock, processor = map(float, _found(r"ratio +([\d.]+) .* ([\d.]+)$", printed))
    return {"cold start / bare, clock": clock, "cold start / bare, processor": processor}


def latency(house: House) -> dict[str, float]:
    """The ratio to one bare request, and to the library's own agent."""
    printed = house.python("-m", "benchmarks", "latency")
    return {
        f"latency / {name}": float(_found(rf"service / {name} +([\d.]+)", printed)[0]) for name in ("bare", "library")
    }


def tests(house: House) -> dict[str, float]:
    """Processor time of the unit tests and of all tests but the slow ones, one process at a time."""
    runs = {"unit tests": ("tests/unit",), "all tests but the slow ones": ("-m", "not slow")}
    return {f"processor seconds, {name}": _processor_seconds(house, *which) for name, which in runs.items()}


def _processor_seconds(house: House, *which: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *which],
        cwd=house.root, env=house.environment, stdout=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _found(pattern: str, text: str) -> tuple[str, ...]:
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise ValueError(f"no {pattern!r} in what was printed:\n{text}")
    return found.groups()


HELD = {
    "Python files besides __init__.py": "package.files",
    "circles of imports": "package.circles",
    "of them ours, by --version": "package.version_modules",
    "cold start / bare, clock": "cold_start.clock_ratio",
    "latency / bare": "latency.over_bare",
    "latency / library": "latency.over_library",
    "processor seconds, unit tests": "unit.processor_seconds",
}
"""Which limit each figure has; a walk has its own."""


def main() -> None:
    """Print the table."""
    arguments = ArgumentParser(prog="python -m benchmarks.before_after", description=__doc__)
    arguments.add_argument("--tests", action="store_true", help="also run the tests on both sides")
    arguments.add_argument("--only", action="append", help="size, loaded, walks, cold_start, latency or tests")
    chosen = arguments.parse_args(sys.argv[1:] if __name__ == "__main__" else [])
    measures: dict[str, Measure] = {
        "size": size, "loaded": loaded, "walks": walks, "cold_start": cold_start, "latency": latency, "tests": tests,
    }  # fmt: skip
    wanted = chosen.only or [name for name in measures if name != "tests" or chosen.tests]
    table = Table("figure", f"before ({BASELINE})", "after", "limit", title="Before and after the house was rebuilt")
    with houses() as both:
        for name in wanted:
            before, after = (measures[name](house) for house in both)
            for figure, now in after.items():
                held = limits().get(HELD.get(figure, figure.replace("files walked: ", "walks.")))
                shown = (f"{value:.6g}" if value is not None else "" for value in (before.get(figure), now))
                table.add_row(figure, *shown, f"{held.figure:g}" if held else "")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
