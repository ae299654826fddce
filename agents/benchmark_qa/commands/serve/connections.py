"""Limits of the server's connections: time to send a request, and number of connections.

The port is open to everybody. A connection that does not send its request is closed in time. If there are as many
connections as the process can hold, the one that has waited longest is closed for the newest.
"""

import asyncio
import json
import random
import resource
from dataclasses import dataclass
from typing import Any, Literal

from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

HEAD_SECONDS = 15.0
"""Seconds for the request line and the headers. Encord's arrive in one packet."""
BODY_SECONDS = 30.0
"""Seconds for the whole body, at most 2 MB"""
SHORTEST_SHARE = 0.8
"""Least share of these times that a connection gets; each gets another, at random."""
LONGEST_HEAD = 64 * 1024
"""Bytes of request line and headers"""
LINGER_SECONDS = 2.0
"""Seconds to read and drop the rest of a body after an early answer, so that the answer arrives"""
ACCEPTED_TOGETHER = 32
"""Connections accepted from the system's queue before the first of them is processed"""
QUEUED_BY_SYSTEM = 4096
"""Connections that wait in the system's queue until they are accepted.

The next one is not answered, and its caller tries again after 1, 3, 7 and 15 seconds.
"""
HELD_BODY = 32 * 1024
"""Bytes of a body for which a request waits before the application sees it.

Starting the application for a request that never becomes whole costs ten times as much as reading its head.
"""
MOST_CONNECTIONS = 4096
KEPT_FILES = 256
"""Open files kept back for the database, connections to Encord and worker processes"""

Waiting = Literal["head", "body", "idle"]


def connections_of_this_process() -> int:
    """Number of connections that leaves enough open files for the other work."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(1, min(MOST_CONNECTIONS, files - min(KEPT_FILES, files // 2)))


@dataclass(frozen=True)
class Patience:
    """Limits of the connections of one server."""

    head_seconds: float = HEAD_SECONDS
    body_seconds: float = BODY_SECONDS
    connections: int = MOST_CONNECTIONS


def protocol_of(patience: Patience) -> type[asyncio.Protocol]:
    """The class that uvicorn instantiates for every connection of one server."""
    waiting: dict[PatientProtocol, None] = {}

    class Protocol(PatientProtocol):
        def __init__(
            self,
            config: Config,
            server_state: ServerState,
            app_state: dict[str, Any],
            _loop: asyncio.AbstractEventLoop | None = None,
        ) -> None:
            super().__init__(config, server_state, app_state, patience, waiting)

    return Protocol


class PatientProtocol(HttpToolsProtocol):
    """Uvicorn's protocol with deadlines for head and body, and a limit of connections.

    Args:
        config: of uvicorn.
        server_state: of uvicorn.
        app_state: of uvicorn.
        patience: the limits.
        waiting: connections without a complete request, the longest waiting first; shared by all connections.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        patience: Patience,
        waiting: "dict[PatientProtocol, None]",
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._patience = patience
        self._all_waiting = waiting
        self._waits_for: Waiting | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._held: tuple[RequestResponseCycle, ASGI3Application] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request; if the limit is reached, close the connection that has waited longest."""
        super().connection_made(transport)
        if len(self.connections) > self._patience.connections:
            longest = next(iter(self._all_waiting), None)
            if longest is None:
                self._answer(503, "the service is busy; try again", retry_after=5)
                return
            longest.give_up()
        self._wait_for("head", self._patience.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._held = None
        self._wait_for(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the data, unless the connection is closing."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._waits_for == "idle":  # empty lines before a request
            self._wait_for("head", self._patience.head_seconds)
        if self._waits_for == "head" and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > LONGEST_HEAD:
                self._answer(431, f"the head of the request is longer than {LONGEST_HEAD} bytes")

    def on_message_begin(self) -> None:
        """Start the deadline of the head, if it is not running."""
        super().on_message_begin()
        if self._waits_for != "head":
            self._head_bytes = 0
            self._wait_for("head", self._patience.head_seconds)

    def on_headers_complete(self) -> None:
        """Start the deadline of the body."""
        self._head_bytes = 0
        self._wait_for("body", self._patience.body_seconds)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Stop the deadline: the request is complete."""
        self._wait_for(None)
        super().on_message_complete()
        if self._held is not None:
            held, self._held = self._held, None
            super()._start_asgi_task(*held)
        if self.cycle.response_complete:
            self.transport.close()

    def on_response_complete(self) -> None:
        """Wait for the next request, or end the connection if the answer came before the end of the body."""
        super().on_response_complete()
        if self.transport.is_closing() or self.pipeline or not self.cycle.response_complete:
            return  # `not`: the answer was to the request before this one
        if self._waits_for == "body":
            # Closing at once would reset the connection, and the answer might be lost.
            self._unset_keepalive_if_required()
            self.transport.write_eof()
            self._wait_for("body", LINGER_SECONDS)
        elif self._waits_for is None:
            self._wait_for("idle")

    def shutdown(self) -> None:
        """Stop; answer 503 if a part of a request has arrived, so that it is sent again."""
        is_begun = self._held is not None or (self._waits_for == "head" and self._head_bytes)
        if is_begun and not self.transport.is_closing():
            self._answer(503, "the service is stopping; try again", retry_after=5)
            return
        super().shutdown()

    def give_up(self) -> None:
        """Close a connection that has not sent its request in time, or that has to make room."""
        if self.transport.is_closing():
            self._wait_for(None)
            return
        is_answered = self._waits_for == "body" and (self.cycle.response_started or self.pipeline)
        if is_answered or self._waits_for == "idle" or (self._waits_for == "head" and not self._head_bytes):
            self._wait_for(None)
            self.transport.abort()
            return
        self._answer(408, "the request did not come in time")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Hand a request to the application; a short body is waited for first."""
        if cycle is self.cycle and cycle.more_body and not cycle.waiting_for_100_continue:
            length = next((value for name, value in cycle.scope["headers"] if name == b"content-length"), b"")
            if length.isdigit() and len(length) < 10 and 0 < int(length) <= HELD_BODY:
                self._held = cycle, app
                return
        super()._start_asgi_task(cycle, app)

    def _wait_for(self, what: Waiting | None, seconds: float | None = None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._all_waiting.pop(self, None)
        self._waits_for = what
        if what is None:
            return
        self._all_waiting[self] = None
        if seconds is not None:
            # A thousand requests that were begun together must not be given up together: signed calls would wait.
            share = random.uniform(SHORTEST_SHARE, 1)  # noqa: S311 - no secret
            self._deadline = self.loop.call_later(seconds * share, self.give_up)

    def _answer(self, status: int, message: str, *, retry_after: int | None = None) -> None:
        """Answer without the application, and close."""
        self._unset_keepalive_if_required()
        body = json.dumps({"message": message}).encode()
        again = b"" if retry_after is None else b"retry-after: %d\r\n" % retry_after
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + again + b"\r\n" + body)
        if self._waits_for == "body":
            # The application waits for the rest of the body: tell it that nothing more comes.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._wait_for(None)
        self.transport.close()
