"""The rules of unit tests, tried on tests that break them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = """
import socket, subprocess, sys, time


def test_keeps_the_rules():
    time.sleep(0)


def test_sleeps():
    time.sleep(0.001)


def test_binds():
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))


def test_connects_and_hides_it():
    try:
        socket.create_connection(("127.0.0.1", 1), timeout=1)
    except OSError:
        pass


def test_starts_a_process():
    subprocess.run([sys.executable, "-c", ""], check=True)


def test_takes_its_time():
    until = time.process_time() + 3.1
    while time.process_time() < until:
        pass
"""


def test_what_breaks_a_rule_fails_and_the_rule_is_named(tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests" / "unit" / "conftest.py", tmp_path / "conftest.py")
    (tmp_path / "test_rules.py").write_text(TESTS)
    options = ("-q", "-rf", "--tb=no", "-p", "no:cacheprovider", "--rootdir", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    failed = {line.split("::")[1].split(" ")[0]: line for line in done.stdout.splitlines() if line.startswith("FAILED")}
    assert {name: line.partition("a unit test ")[2].split(" ")[0].rstrip(":") for name, line in failed.items()} == {
        "test_sleeps": "sleeps",
        "test_binds": "binds",
        "test_connects_and_hides_it": "connects",
        "test_starts_a_process": "starts",
        "test_takes_its_time": "takes",
    }, done.stdout + done.stderr
    assert "1 passed" in done.stdout
