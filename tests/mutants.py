"""`python -m tests.mutants [ROOM...]`: the mutants of the code that decides, and those that no unit test kills.

mutmut knows only the source roots `.`, `src` and `source`, so each room runs in a scratch copy of the checkout, outside
of it, with `agents` renamed to `src`. `make mutants` calls this; the results go to docs/mutants.md, one section a room.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks._limits import limit

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "mutants.md"
AIM = 100 * limit("mutants.killed")
"""Percent of a room's mutants that the tests must kill."""
NOT_MUTATED = r"\braise \w|\b_log\.\w"
"""The one pattern that is left out: an error that is raised, with its message, and a line that is logged."""
NOTHING_TESTED = 33
MUTMUT = """
import gc, resource
gc.disable()
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
from mutmut.__main__ import cli
cli()
"""
"""Runs mutmut without collecting garbage, which copies all memory in every forked child and takes most of a mutant's
time, and with 4 GiB, so that an endless loop that fills a list fails."""
MORE = (
    "use_git_change_detection = false",
    "track_dependencies = false",
    # Seconds of a mutant that never ends: three times what its tests take, and at least 12.
    "timeout_multiplier = 3.0",
    "timeout_constant = 4.0",
)
LEFT_OUT = [f"-pno:{name}" for name in ("unraisableexception", "threadexception", "cacheprovider", "warnings")]
"""Parts of pytest that make every start slower, the first by collecting garbage five times."""


@dataclass(frozen=True)
class Room:
    """Modules whose mutants are counted together, and the unit tests that have to kill them."""

    modules: Sequence[str]
    """Below agents/benchmark_qa/, without .py"""
    tests: Sequence[str]
    """Below tests/unit/: the quick ones that say most about the modules, so that a mutant takes a second"""


ROOMS: Mapping[str, Room] = {
    "decision": Room(["tasks/decision"], ["tasks/test_decision.py"]),
    "verdicts": Room(
        ["quality/verdict", "quality/submissions"], ["quality/test_judging.py", "quality/test_submissions.py"]
    ),
    "task-score": Room(
        ["engine/task"],
        ["engine/test_task_score.py", "engine/test_requirements.py", "engine/test_parts_of_a_score.py"],
    ),
    "matching": Room(["engine/matching", "engine/pairs"], ["engine/test_matching.py"]),
    "answers": Room(
        ["engine/answers", "labels/answers"], ["engine/test_answers_of_frames.py", "labels/test_answers.py"]
    ),
    "promotion": Room(["store/promotion"], ["store/test_promotion.py"]),
    "truth": Room(
        ["tasks/ground_truth"],
        ["tasks/test_ground_truth.py", "tasks/test_isolation.py", "store/test_truth_rulings.py"],
    ),
    "drain": Room(["tasks/drain"], ["tasks/test_drain.py"]),
    "signatures": Room(["service/signatures"], ["service/test_signatures.py"]),
    "retries": Room(["encord_api/retries"], ["encord_api/test_retries.py", "encord_api/test_translation.py"]),
}


@dataclass(frozen=True)
class Mutant:
    """One changed line of one function, and whether the tests noticed."""

    module: str
    function: str
    change: str
    """The lines that differ, as `- before` and `+ after`"""
    untested: bool
    """True: no test calls the function."""


@dataclass(frozen=True)
class Result:
    """The mutants of one room."""

    room: str
    mutants: int
    survivors: Sequence[Mutant]
    seconds: float

    @property
    def killed(self) -> float:
        """Percent of the mutants."""
        return 100.0 * (1 - len(self.survivors) / self.mutants) if self.mutants else 0.0


def main() -> None:
    """Run the rooms that the command line names, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help=f"one of {', '.join(ROOMS)}")
    parser.add_argument("--keep", type=Path, help="folder of the copies; a second run asks only what was not killed")
    parser.add_argument("--children", type=int, default=2, help="mutants that run at the same time")
    given = parser.parse_args()
    unknown = sorted(set(given.rooms) - set(ROOMS))
    if unknown:
        parser.error(f"no room called {', '.join(unknown)}; there are {', '.join(ROOMS)}")
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in given.rooms or ROOMS:
            result = run(name, (given.keep or Path(folder)) / name, given.children)
            write(result)
            results += [result]
            sys.stdout.write(f"{name}: {summary(result)}, {result.seconds / 60:.1f} minutes\n")
            sys.stdout.flush()
    if any(result.killed < AIM for result in results):
        sys.exit(f"fewer than {AIM:.0f} % are killed in a room; {PAGE.relative_to(ROOT)} lists what survives")


def run(name: str, copy: Path, children: int) -> Result:
    """Mutate one room in a copy of the checkout."""
    room, began = ROOMS[name], time.monotonic()
    copy_checkout(copy)
    (copy / "pyproject.toml").write_text(settings(room), encoding="utf-8")
    mutmut(copy, children, *(key for key, (_, code) in codes(copy, room).items() if code not in FAILED))
    if any(code is None for _, code in codes(copy, room).values()):
        mutmut(copy, children)  # other tests than the last time: mutmut has forgotten what it was not asked for
    found = codes(copy, room)
    return Result(name, len(found), list(survivors(copy, found)), time.monotonic() - began)


def mutmut(copy: Path, children: int, *mutants: str) -> None:
    """Run the mutants, or all that have not been run."""
    command = [sys.executable, "-c", MUTMUT, "run", "--max-children", str(children), *mutants]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    with (copy / "mutmut.log").open("w") as log:
        done = subprocess.run(command, cwd=copy, env=environment, stdout=log, stderr=log, check=False)
    if done.returncode:
        sys.exit(f"mutmut failed on {copy.name}:\n{(copy / 'mutmut.log').read_text()[-4000:]}")


FAILED = {1, 3}
KILLED = FAILED | {-24, 24, 152, 255, 36, -11, -9}
"""mutmut's exit codes: a test failed (1, 3), time was up, or the process died."""


def copy_checkout(copy: Path) -> None:
    """Copy every file that git knows or would add, with `agents` as `src`."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0"):
        source = ROOT / name
        if not name or not source.is_file():
            continue
        target = copy / re.sub(r"^agents/", "src/", name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def settings(room: Room) -> str:
    """The checkout's pyproject.toml with mutmut's table, and `agents` as `src`."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    text = text.replace('pythonpath = [".", "agents"]', 'pythonpath = [".", "src"]')
    table = {
        "source_paths": ["src/"],
        "only_mutate": [f"src/benchmark_qa/{module}.py" for module in room.modules],
        "do_not_mutate_patterns": [NOT_MUTATED],
        "also_copy": ["emulator", "demo", "benchmarks", "docs"],
        "pytest_add_cli_args_test_selection": [
            f"tests/unit/{path}" for path in room.tests if (ROOT / "tests/unit" / path).exists()
        ],
        "pytest_add_cli_args": ["-o", "addopts=--import-mode=importlib", *LEFT_OUT],
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    whole = "\n".join([text, "[tool.mutmut]", *lines, *MORE])
    tomllib.loads(whole)
    return whole


def codes(copy: Path, room: Room) -> dict[str, tuple[str, int | None]]:
    """Module and mutmut's exit code of each mutant, by the mutant's name."""
    from mutmut.mutation.data import SourceFileMutationData

    found: dict[str, tuple[str, int | None]] = {}
    with contextlib.chdir(copy):
        for module in room.modules:
            data = SourceFileMutationData(path=f"src/benchmark_qa/{module}.py")
            data.load()
            found |= {name: (module, code) for name, code in data.exit_code_by_key.items()}
    return found


def survivors(copy: Path, found: Mapping[str, tuple[str, int | None]]) -> Iterator[Mutant]:
    """The mutants that no test killed."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    with contextlib.chdir(copy):
        for name, (module, code) in found.items():
            if code in KILLED:
                continue
            diff = get_diff_for_mutant(name, path=f"src/benchmark_qa/{module}.py")
            lines = [line for line in diff.splitlines() if re.match(r"[-+](?![-+]{2})", line)]
            function = name.rpartition(".")[2].rpartition("__mutmut_")[0]
            function = function.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
            change = "\n".join(re.sub(r"^(.)\s+", r"\1 ", line) for line in lines)
            yield Mutant(module, function, change, code == NOTHING_TESTED)


def summary(result: Result) -> str:
    """One line about a room."""
    return f"{result.mutants} mutants, {result.killed:.1f} % killed, {len(result.survivors)} survive"


def write(result: Result) -> None:
    """Replace the room's section of the page, and the table at its top."""
    sections = sections_of(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
    sections[result.room] = section(result)
    table = [
        "| room | modules | mutants | killed | survive |",
        "| --- | --- | --- | --- | --- |",
        *(row(name, text) for name in ROOMS if (text := sections.get(name))),
    ]
    parts = [f"## {name}\n\n{sections[name]}" for name in ROOMS if name in sections]
    PAGE.write_text("\n\n".join([INTRODUCTION, "\n".join(table), *parts]) + "\n", encoding="utf-8")


INTRODUCTION = f"""\
# Mutants of the code that decides

    make mutants              # all rooms: about half an hour on two idle cores
    make mutants ROOM=drain   # one room, in minutes

[mutmut](https://mutmut.readthedocs.io) changes one thing at a time in the modules below, such as `<` to `<=`, and runs
the room's unit tests. A mutant that no test notices survives. At least {AIM:.0f} % must be killed in each room. Lines
that match `{NOT_MUTATED}` are left out: they raise an error with its message, or log. `tests/mutants.py` maps rooms to
modules and tests, and writes this page. mutmut does not change decorated functions (such as properties) or code outside
of functions."""


def sections_of(page: str) -> dict[str, str]:
    """The text below each heading of a room."""
    parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)[1:]
    return {name: text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}


def row(room: str, text: str) -> str:
    """The table's row of a room, from the first line of its section."""
    mutants, killed, survive = re.findall(r"\d+(?:\.\d+)?", text.splitlines()[0])
    modules = ", ".join(f"`{module}`" for module in ROOMS[room].modules)
    return f"| [{room}](#{room}) | {modules} | {mutants} | {killed} % | {survive} |"


def section(result: Result) -> str:
    """The room's result and its survivors with the reason of each."""
    lines = [summary(result) + "."]
    if result.survivors:
        lines += ["", "| function | mutant | why it survives |", "| --- | --- | --- |"]
    for mutant in result.survivors:
        function = f"{mutant.module.rpartition('/')[2]}.{mutant.function}"
        change = "<br>".join(f"`{line}`" for line in mutant.change.replace("|", "\\|").splitlines())
        lines.append(f"| {function} | {change} | {why(mutant)} |")
    return "\n".join(lines)


def why(mutant: Mutant) -> str:
    """The reason why a mutant survives."""
    if mutant.untested:
        return "No unit test of the room calls the function."
    before, _, after = mutant.change.partition("\n+ ")
    changed = set(re.findall(r'"[^"]*"', after)) - set(re.findall(r'"[^"]*"', before))
    if any(" " in words for words in changed):
        return "Words of a message: tests hold the facts in it."
    place = f"{mutant.module}.{mutant.function}\n{mutant.change}"
    return next((reason for pattern, reason in REASONS if re.search(pattern, place)), "Not killed yet.")


REASONS: Sequence[tuple[str, str]] = (
    (r"strict=(None|False)|zip\(.*, \)", "Both lists have the same length by construction."),
    (r"newest_truth\n.*\n\+ .*\), \):", "Larger portions give the same result."),
    (r"note_truth\n.*(index_elements|set_=)", "SQLite reads names in any case, and finds the key of the table itself."),
    (r"dialect|_insert_free\(", "Without a dialect the statement is that of SQLite, on which unit tests run."),
    (r'"INF"|_warm = None|\] = None$', "Python reads it the same way."),
    (r"_localisation\n", "Equal on both sides of this limit, or only for thresholds that the next line leaves out."),
    (
        r"_best_of_many\n",
        "Leaving a pair out still costs more than any pairing gains; further empty rows change nothing.",
    ),
    (r"reduceat", "The first axis is the default."),
    (r"production_datasets\(", "Every other word than 'benchmark' means production."),
    (r"(_time_is_up|_is_recent)\n", "No two moments are equal to the microsecond."),
    (r"_mislabelled\n- if len", "A shortcut: without it the search finds nothing either."),
    (r"\) or True (and .*)?(else|if)", "A shortcut: the other way gives the same, and takes longer."),
    (
        r"(touching|_portions|_dense)\n",
        "How many pairs are looked at at once, or at all, changes; not which are found.",
    ),
    (r"axis - 2", "Counted from the end, the same column."),
    (r"(ratio_or_same|_snapped|_overlap)\n", "Overwritten in the next line, or rounded the same way."),
    (r"np.array\(classes, ", "NumPy finds the same type."),
    (r"metric or \"XXXX\"", "The configuration makes sure that there is a metric."),
    (r"(verdict|_above)\n.*>=.*\n.* > ", "Values are never equal to a limit with its slack."),
    (
        r"measure\(truth, label, self.media, None\)",
        "Boxes need no rules; other shapes are tested beside their measures.",
    ),
    (r"_best\n- if max", "Both ways of solving give the same pairs; the limit is about memory."),
    (r"_best\n- pair = .*\n.*-2", "Every negative number stands for no pair."),
    (r"_best\n- cost", "Leaving a pair out still costs more than any pairing gains."),
    (r"(np\.int64|np\.bool_|\], float).*\n(- .*\n)?\+ .*(, None|, \))", "NumPy finds the same type."),
    (r"reshape\(-2", "Every negative number means the same to NumPy."),
    (r"common_media\n", "A shortcut for frames of one size: the longer way gives the same."),
    (r"digest\[:", "Any place that follows from the data hash alone will do."),
    (r"_among_the_known\n- if", "Work at the last known moment keeps its place either way."),
    (r"max\(matches \+ missing, 2\)", "The weight is 1 up to three objects."),
    (r"truth.timestamp\(\) if truth else 1.0", "No truth is as old as 1970."),
    (r"_why\n.*age >", "With a tolerance of a second or more, the age is never 0 or 1 here."),
    (r"_backoff\(None\)", "The back-off is jitter; tests replace it."),
)
"""Reasons by a pattern that is found in `module.function`, the line before and the line after."""


if __name__ == "__main__":
    main()
