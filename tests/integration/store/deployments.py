"""A deployment without Encord: the settings of the commands and of the service, as a person would make them."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner

from benchmark_qa.cli import app
from tests import forked
from tests.records import PROJECT

REPORT_TOKEN = "an-operators-token-0123456789"
KEY = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def environment(url: str, **document: Any) -> dict[str, str]:
    config = {
        "production_project": PROJECT,
        "benchmark_projects": ["7a000000-0000-4000-8000-000000000002"],
        "stages": {"routing": {"name": "Routing"}, "scoring": [{"name": "Score"}]},
        **document,
    }
    return {
        "PATH": os.environ["PATH"],
        "BENCHMARK_QA_CONFIG": json.dumps(config),
        "ENCORD_SSH_KEY": KEY,
        "ROUTE_SECRET": "route-secret-of-the-test",
        "SCORE_SECRET": "score-secret-of-the-test",
        "DATABASE_URL": url,
        "REPORT_TOKEN": REPORT_TOKEN,
    }


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def benchmark_qa(*arguments: str, url: str, settings: dict[str, str] | None = None, **document: Any) -> Done:
    """Run a command within this process: it starts at once."""
    result = CliRunner().invoke(app, arguments, env=environment(url, **document) | (settings or {}))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def benchmark_qa_process(*arguments: str, url: str, settings: dict[str, str], **document: Any) -> int:
    """Run a command as a process of its own; its exit code."""
    command = [sys.executable, "-m", "benchmark_qa", *arguments]
    return subprocess.run(command, env=environment(url, **document) | settings, check=False).returncode


@contextmanager
def service(url: str, **document: Any) -> Iterator[str]:
    """The service as a process of its own; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = forked.start(
        "serve", "--port", str(port), environment=environment(url, **document), output=Path(os.devnull)
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/healthz", process)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(url: str, process: forked.Forked) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the service ended with {process.returncode}")
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("the service did not start")
