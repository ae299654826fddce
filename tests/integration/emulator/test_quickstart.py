"""The quick start: every command that `init` prints is run as it stands, from an empty folder to a report."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ENCORD_", "BENCHMARK_QA_"))}
    return {**kept, "PATH": PATH, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "200"}


def sh(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", command], check=False, cwd=folder, env=environment(), capture_output=True, text=True, timeout=120
    )


@contextmanager
def terminal(command: str, folder: Path, port: int) -> Iterator[None]:
    """Runs a command that serves until the block ends."""
    with (folder / f"{port}.log").open("w") as log:
        process = subprocess.Popen(
            ["sh", "-c", f"exec {command}" if ";" not in command else command],
            cwd=folder,
            env=environment(),
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
