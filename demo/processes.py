"""The two processes of the demo, started beside it and never left behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import requests

START_SECONDS = 60.0
STOP_SECONDS = 10.0
TAIL_LINES = 25

INHERITED = ("HOME", "LANG", "LC_ALL", "PATH", "SYSTEMROOT", "TMPDIR", "VIRTUAL_ENV")
"""What a child process sees of the user's environment: no Encord account of theirs, no proxy, no setting."""


class ProcessFailedError(Exception):
    """A process that did not start, or ended by itself: says which, and the end of what it wrote."""

    def __init__(self, name: str, what: str, log: Path) -> None:
        lines = log.read_text(errors="replace").splitlines()[-TAIL_LINES:] if log.is_file() else []
        super().__init__("\n".join([f"{name} {what}; the end of its log:", *(f"  {line}" for line in lines)]))


class ServerProcess:
    """A server at a URL. It writes to a log file and answers `ready_path` once it is up."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        url: str,
        ready_path: str,
        log: Path,
        environment: Mapping[str, str],
    ) -> None:
        self.name = name
        self.url = url
        self._command = [sys.executable, "-m", *arguments]
        self._ready_url = url + ready_path
        self._log = log
        self._environment = own_environment(environment)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it without waiting. Ctrl-C in the terminal does not reach it: the demo stops it in order."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        """Return when it answers; `ProcessFailedError` when it ends before that or takes over a minute."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self.check()
            try:
                if requests.get(self._ready_url, timeout=5).ok:
                    return
            except requests.ConnectionError:
                pass
            time.sleep(0.05)
        raise ProcessFailedError(self.name, f"did not answer at {self._ready_url}", self._log)

    def check(self) -> None:
        """Raise `ProcessFailedError` if it has ended by itself."""
        if self._process is not None and (code := self._process.poll()) is not None:
            raise ProcessFailedError(self.name, f"ended with exit code {code}", self._log)

    def kill(self) -> None:
        """End it at once, as a crash would (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Ask it to end, and insist if it does not."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def own_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child process: these settings and what no process can do without."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | dict(settings)


def free_ports(number: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports: list[int] = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
