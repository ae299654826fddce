"""A server that the platform calls: it keeps what comes, secrets reduced to their length, and answers as it is told."""

import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LONGEST_HOLD_SECONDS = 30
LOOK_SECONDS = 0.02
_SECRET = ("authorization", "cookie", "signature", "secret", "token")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call that came: when, where, its headers and its body."""

    at: float
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def data_hash(self) -> str:
        """The data unit that an agent is called for."""
        return str(self.body.get("dataHash", ""))


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered, and after how long."""

    status: int = 200
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    after_seconds: float = 0


class Recorder:
    """What has come so far; agents' calls are under `/route` and `/score`, events under `/events`."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.most_at_once = 0
        self.replies: dict[str, Reply] = {}
        self._under_way = 0
        self._released = threading.Event()
        self._released.set()
        self._lock = threading.Lock()

    def hold(self) -> None:
        """Lets every call of an agent wait from now on, and counts how many wait together."""
        self.most_at_once = 0
        self._released.clear()

    def release(self) -> None:
        """Answers those that wait."""
        self._released.set()

    def calls_for(self, data_hash: str) -> list[Arrival]:
        """The calls of an agent for one data unit."""
        return [one for one in list(self.arrivals) if one.data_hash == data_hash]

    def events_of(self, project_hash: str) -> list[dict[str, Any]]:
        """The events of one project."""
        bodies = [one.body for one in list(self.arrivals) if one.path.endswith("/events")]
        return [body for body in bodies if body.get("payload", {}).get("project_hash") == project_hash]

    def wait_until_quiet(self, seconds: Callable[[], float], longest: float = 90) -> None:
        """Waits until nothing has come for so many seconds."""
        end, known, since = time.monotonic() + longest, len(self.arrivals), time.monotonic()
        while time.monotonic() < end and time.monotonic() - since < seconds():
            time.sleep(0.05)
            if len(self.arrivals) != known:
                known, since = len(self.arrivals), time.monotonic()

    def answer(self, arrival: Arrival, given_up: Callable[[], bool]) -> Reply:
        """Notes a call and says what it is answered; a call that is given up meanwhile is not under way any more."""
        agent = not arrival.path.endswith("/events")
        with self._lock:
            self.arrivals.append(arrival)
            self._under_way += agent
            self.most_at_once = max(self.most_at_once, self._under_way)
        reply = self.replies.get(arrival.data_hash, Reply()) if agent else Reply()
        try:
            end = time.monotonic() + LONGEST_HOLD_SECONDS
            while agent and not self._released.wait(LOOK_SECONDS) and time.monotonic() < end and not given_up():
                pass
            time.sleep(reply.after_seconds)
        finally:
            with self._lock:
                self._under_way -= agent
        return reply


def _is_closed(connection: socket.socket) -> bool:
    """Whether the other side has ended a connection that it sends nothing more on."""
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""


def without_secrets(headers: dict[str, str]) -> dict[str, str]:
    """Headers, of which those that prove who sends are reduced to their length."""
    return {
        name: f"<{len(value)} characters>" if any(word in name.lower() for word in _SECRET) else value
        for name, value in headers.items()
    }


@contextmanager
def recording(port: int) -> Iterator[Recorder]:
    """Serves a recorder on this machine; whatever stands before it has the public address."""
    recorder = Recorder()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            try:
                body = json.loads(sent)
            except ValueError:
                body = {}
            headers = without_secrets(dict(self.headers.items()))
            arrival = Arrival(time.monotonic(), self.path, headers, body if isinstance(body, dict) else {})
            reply = recorder.answer(arrival, lambda: _is_closed(self.connection))
            content = json.dumps(reply.body).encode()
            try:
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(content)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                pass  # The platform has given up.

        def log_message(self, *_args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

    server = Server(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="recorder", daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        recorder.release()
        server.shutdown()
        server.server_close()
        thread.join()
