"""The quick start: every command that `init` prints, and every one of the page, from an empty folder to a report."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmark_qa.cli import ENTRIES, load

ROOT = Path(__file__).parents[3]
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def environment(*, installed: bool = True) -> dict[str, str]:
    """With this checkout and its libraries, or without both."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ENCORD_", "BENCHMARK_QA_"))}
    ours = {"PATH": PATH, "PYTHONPATH": str(ROOT)} if installed else {"PATH": os.defpath, "PYTHONPATH": ""}
    return {**kept, **ours, "NO_COLOR": "1", "COLUMNS": "200"}


def sh(command: str, folder: Path, *, installed: bool = True, wait: int = 300) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", command],
        check=False,
        cwd=folder,
        env=environment(installed=installed),
        capture_output=True,
        text=True,
        timeout=wait,
    )


@contextmanager
def terminal(command: str, folder: Path, port: int, *, installed: bool = True) -> Iterator[None]:
    """Runs a command that serves until the block ends."""
    with (folder / f"{port}.log").open("w") as log:
        process = subprocess.Popen(
            ["sh", "-c", f"exec {command}" if ";" not in command else command],
            cwd=folder,
            env=environment(installed=installed),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + 60
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert process.poll() is None, (folder / f"{port}.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def printed(shown: str) -> list[str]:
    return [line.strip() for line in shown.splitlines() if re.match(r"  [^# ]", line)]


def test_what_init_prints_leads_to_a_report(tmp_path: Path) -> None:
    emulator_port, service_port = free_ports(2)
    made = sh(f"python -m emulator init sandbox --port {emulator_port} --service-port {service_port}", tmp_path)
    assert made.returncode == 0, made.stderr
    serve_encord, settings, set_up, truth, serve_agents, work, report = printed(made.stdout)
    early = sh(work, tmp_path)
    assert (early.returncode, early.stderr.strip()) == (
        4,
        f"nothing listens at http://127.0.0.1:{emulator_port}: start 'python -m emulator serve'",
    )
    with terminal(serve_encord, tmp_path, emulator_port):
        assert "'benchmark-qa setup apply' makes it" in sh(work, tmp_path).stderr
        for command in (set_up, truth):
            ran = sh(f"{settings}; {command}", tmp_path)
            assert ran.returncode == 0, ran.stdout + ran.stderr
        assert "is 'benchmark-qa serve' running?" in sh(work, tmp_path).stderr
        with terminal(f"{settings}; exec {serve_agents}", tmp_path, service_port):
            worked = sh(work, tmp_path)
            assert worked.returncode == 0, worked.stderr
            assert "rita@example.com has approved 12 tasks" in worked.stdout
        shown = sh(f"{settings}; {report} --json", tmp_path)
    assert shown.returncode == 0, shown.stderr
    for person in ("anna", "ben", "cleo"):
        assert f"{person}@example.com" in shown.stdout


PAGE = (ROOT / "docs" / "quick-start.md").read_text(encoding="utf-8")
INSTALLING = ("python3 -m venv", "pip install", ". .venv/bin/activate")


def blocks(kind: str) -> list[list[str]]:
    """The commands of the page's blocks of one kind."""
    return [found.splitlines() for found in re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)]


@pytest.mark.parametrize("installed", [True, pytest.param(False, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
def test_every_command_of_the_page_runs_as_it_stands(tmp_path: Path, installed: bool) -> None:
    """Only address and ports are put in. What is installed already is not installed again, but in the slow run."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout to clone")
    emulator_port, service_port = free_ports(2)

    def script(commands: list[str]) -> str:
        left = [line for line in commands if not (installed and line.startswith(INSTALLING))]
        text = "; ".join(["set -e", *left]).replace("ADDRESS-OF-THIS-REPOSITORY", str(ROOT))
        text = text.replace("init sandbox", f"init sandbox --port {emulator_port} --service-port {service_port}")
        return text.replace("8123", str(emulator_port)).replace("8080", str(service_port))

    begun = time.monotonic()
    get, encord, service, work = blocks("sh")
    same_terminal = [line for line in get if line.endswith("/activate")]
    got = sh(script(get), tmp_path, installed=installed, wait=1500)
    assert got.returncode == 0, got.stderr
    clone = tmp_path / "benchmark-qa"
    with (
        terminal(script([*same_terminal, *encord]), clone, emulator_port, installed=installed),
        terminal(script(service), clone, service_port, installed=installed),
    ):
        worked = sh(script(work), clone, installed=installed, wait=900)
    assert worked.returncode == 0, worked.stdout + worked.stderr
    typed = sum(map(len, (get, encord, service, work)))
    sys.stderr.write(f"\n{typed} commands, {(time.monotonic() - begun) / 60:.1f} minutes\n")
    assert "next: benchmark-qa report" in worked.stdout
    reported = worked.stdout[worked.stdout.index("annotator ") :]
    (shown,) = (block for block in blocks("text") if block[0].startswith("annotator"))
    for person in shown[2:]:
        name, tasks, *_, verdict = re.split(r"  +", person)
        # Who is first to take a task differs from run to run, and with the order of tasks the forecast by a few.
        told = re.sub(r"\d+", r"(\\d+)", verdict)
        found = re.search(rf"^{name} +{tasks} .*  {told}$", reported, re.MULTILINE)
        assert found, reported
        forecasts = zip(map(int, found.groups()), map(int, re.findall(r"\d+", verdict)), strict=True)
        assert all(abs(here - shown_there) <= 5 for here, shown_there in forecasts), reported


def test_init_prints_the_commands_of_the_page(tmp_path: Path) -> None:
    on_page = [line for block in blocks("sh") for line in block]
    commands = printed(sh("python -m emulator init sandbox", tmp_path).stdout)
    assert [command for command in commands if command not in on_page] == []


def test_commands_and_options_for_an_account_exist() -> None:
    (lines,) = blocks("sh account")
    words = [shlex.split(line)[1:] for line in lines if line.startswith("benchmark-qa ")]
    assert len(words) == 5
    for first, *rest in words:
        command = load(next(entry for entry in ENTRIES if entry.name == first))
        while below := getattr(command, "commands", None):
            command = below[rest.pop(0)]
        command.make_context(first, rest, resilient_parsing=False)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("python -m emulator init full", "full is not empty: name another folder"),
        ("python -m emulator play full", "full is no sandbox"),
    ],
)
def test_a_folder_that_does_not_fit_is_named(command: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    ran = sh(command, tmp_path)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
