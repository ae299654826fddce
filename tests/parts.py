"""The tests in parts, two at a time, each a pytest of its own: `make unit` and `make test`.

Beside pytest-xdist this saves the processor time of handing every report from one process to another, and no part takes
another with it: a part that dies or hangs fails, says which test it was at, and the others go on.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
TOGETHER = 2
NOTHING_SELECTED = 5
"""pytest's exit code where `-k` or `-m` leaves no test of a part."""
BYTES_OF_A_PART = 80_000
"""Of test files outside the unit tests: about fifteen parts, and a pytest starts in two seconds."""
OUTCOMES = re.compile(r"(\d+) (passed|failed|skipped|deselected|xfailed|xpassed|errors?|warnings?)\b")
"""In the last line that pytest writes."""
VARIABLE = "PART_AT"
"""Names the file into which `tests/conftest.py` writes the test that runs, for a part that dies."""
LONGEST_SECONDS = float(os.environ.get("PART_SECONDS") or 1500)
SECONDS_TO_SAY_WHERE = 10
"""From the signal on which Python writes where every thread is, to the end of the part's processes."""

Say = Callable[[str], None]

_running: set[int] = set()
"""The process groups of the parts that run."""


class Part(NamedTuple):
    """What one pytest runs: files and folders, relative to the checkout."""

    name: str
    paths: tuple[str, ...]


class Ended(NamedTuple):
    """How a part ended."""

    part: Part
    code: int
    output: str
    """All that it wrote."""
    at: str
    """The test that ran when the process ended; empty where pytest came to its end."""
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether pytest came to its end and nothing failed. A process that exits with 0 on its way has not passed."""
        return self.code in (0, NOTHING_SELECTED) and not self.at


def unit_parts(root: Path = ROOT) -> list[Part]:
    """The unit tests in two halves of about the same size; a room stays whole, because its tests import the same."""
    unit = root / "tests" / "unit"
    rooms = [path for path in unit.iterdir() if path.is_dir() or path.match("test_*.py")]
    size = {path: sum(len(file.read_bytes()) for file in _test_files(path)) for path in rooms}
    halves: tuple[list[Path], list[Path]] = ([], [])
    for room in sorted((room for room in rooms if size[room]), key=lambda room: (-size[room], room.name)):
        min(halves, key=lambda half: sum(size[other] for other in half)).append(room)
    return [Part(f"unit {number}", _named(half, root)) for number, half in enumerate(halves, 1)]


def default_parts(root: Path = ROOT) -> list[Part]:
    """Every test file once, the unit tests last: they are the quickest, so both processes end at about one time."""
    parts = []
    for folder in ("infra", "browser", "integration", "reference"):
        taken: list[Path] = []
        for file in _test_files(root / "tests" / folder):
            if taken and sum(path.stat().st_size for path in [*taken, file]) > BYTES_OF_A_PART:
                parts.append(taken)
                taken = []
            taken.append(file)
        parts += [taken] if taken else []
    named = [
        Part(f"{_room(files, root)} {number}", _named(files, root))
        for number, files in enumerate(filter(None, parts), 1)
    ]
    return [*named, *unit_parts(root)]


def _room(files: Sequence[Path], root: Path) -> str:
    first, last = (str(file.relative_to(root / "tests").parent) for file in (files[0], files[-1]))
    return first if first == last else f"{first} to {last}"


def _test_files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("test_*.py"))


def _named(paths: Iterable[Path], root: Path) -> tuple[str, ...]:
    return tuple(sorted(str(path.relative_to(root)) for path in paths))


def run(part: Part, options: Sequence[str], longest: float = LONGEST_SECONDS) -> Ended:
    """One pytest over a part. When its time is up it writes where every thread is, and its processes are ended."""
    began = time.monotonic()
    # The cache is one file for all: what failed last time would be what failed in the part that ended last.
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, *part.paths]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as written:
        at = Path(folder) / "at"
        at.write_text("collection", encoding="utf-8")
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, VARIABLE: str(at)},
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            _running.add(process.pid)
            try:
                process.wait(longest)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGABRT)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(SECONDS_TO_SAY_WHERE)
            finally:
                _running.discard(process.pid)
                _end(process.pid)
        written.seek(0)
        output = written.read().decode(errors="replace")
        return Ended(part, process.returncode, output, at.read_text(encoding="utf-8"), time.monotonic() - began)


def _end(group: int) -> None:
    """End a part and what it has started and left: a server that outlives its test."""
    with suppress(ProcessLookupError, PermissionError):  # PermissionError: macOS, where only a zombie is left
        os.killpg(group, signal.SIGKILL)


def run_all(parts: Sequence[Part], options: Sequence[str], say: Say, longest: float = LONGEST_SECONDS) -> int:
    """The exit code of all parts together: 0 only where every part came to its end and nothing failed."""
    ended = []
    with ThreadPoolExecutor(TOGETHER) as threads:
        try:
            for future in as_completed([threads.submit(run, part, options, longest) for part in parts]):
                ended.append(future.result())
                say(f"\n===== {ended[-1].part.name}: {how(ended[-1])} =====\n{ended[-1].output.rstrip()}")
        except KeyboardInterrupt:
            threads.shutdown(wait=False, cancel_futures=True)
            for group in list(_running):
                _end(group)
            raise
    for line in summary(ended):
        say(line)
    return code_of(ended)


def code_of(ended: Iterable[Ended]) -> int:
    """One exit code for all parts: pytest's own where it is the same for all that failed."""
    codes = {one.code for one in ended if one.passed}
    failed = {one.code for one in ended if not one.passed}
    if not failed:
        return 0 if 0 in codes else NOTHING_SELECTED
    return max(1, *failed) if min(failed) > 0 else 1


def how(one: Ended) -> str:
    """In words, how a part ended and how long it took."""
    took = f"{one.seconds:.0f} s"
    if one.passed:
        return f"{'passed' if one.code == 0 else 'nothing selected'}, {took}"
    if one.at:
        return f"FAILED: it ended in the middle of {one.at} ({_signal(one.code)}), {took}"
    return f"FAILED: exit code {one.code}, {took}"


def _signal(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def summary(ended: Sequence[Ended]) -> list[str]:
    """What failed, and the counts of all parts."""
    failed = [one for one in ended if not one.passed]
    lines = [line for one in failed for line in one.output.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    lines += [f"{one.part.name}: {how(one)}" for one in failed]
    counted: Counter[str] = Counter()
    for one in ended:
        last = one.output.rstrip().rpartition("\n")[2]
        counted.update({what: int(number) for number, what in OUTCOMES.findall(last)})
    told = ", ".join(f"{number} {what}" for what, number in sorted(counted.items())) or "no tests ran"
    return [*lines, f"{told} in {len(ended)} parts, {len(failed)} not passed"]


def main(arguments: Sequence[str], say: Say) -> int:
    """`unit` or `default`, then pytest's options; with a path among them it is one plain pytest."""
    which, *options = arguments
    if any((ROOT / option.partition("::")[0]).exists() for option in options if not option.startswith("-")):
        return subprocess.run([sys.executable, "-m", "pytest", *options], cwd=ROOT, check=False).returncode
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return run_all(unit_parts() if which == "unit" else default_parts(), options, say)
    except KeyboardInterrupt:
        say("interrupted")
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], lambda line: print(line, flush=True)))  # noqa: T201
