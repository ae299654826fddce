"""Clients that send half a request, a byte a second, too much, or nothing: the port is open to anybody."""

import asyncio
import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import requests
import uvicorn
from fastapi import FastAPI, HTTPException, Request

from benchmark_qa.commands.serve.command import Server
from benchmark_qa.commands.serve.connections import ACCEPTED_TOGETHER, LONGEST_HEAD, Patience, protocol_of
from benchmark_qa.service.errors import AnswerWhenCutOff, WithoutTrailingSlash, install_error_handlers
from benchmark_qa.service.signatures import read_body

PATIENCE = Patience(head_seconds=1.0, body_seconds=5.0, connections=40)
HALF_A_HEAD = b"POST /read HTTP/1.1\r\nHost: x\r\nX-Part: "
HALF_A_BODY = b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"

HALF_A_CHUNK = b"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"
"""The application sees this one before it is whole."""


def application() -> FastAPI:
    app = FastAPI(redirect_slashes=False)
    install_error_handlers(app)
    app.add_middleware(AnswerWhenCutOff)
    app.add_middleware(WithoutTrailingSlash)

    @app.post("/read")
    async def read(request: Request) -> dict[str, int]:
        return {"bytes": len(await read_body(request, 1000))}

    @app.post("/refuse")
    async def refuse() -> None:
        raise HTTPException(401, "not you")

    @app.post("/slow")
    async def slow() -> None:
        await asyncio.sleep(60)

    return app


class Running:
    """The server that `benchmark-qa serve` runs, in a thread, with short deadlines."""

    def __init__(self) -> None:
        config = uvicorn.Config(
            application(), port=0, log_config=None, http=protocol_of(PATIENCE), ws="none", backlog=ACCEPTED_TOGETHER,
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self.server = Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        self.port = int(self.server.servers[0].sockets[0].getsockname()[1])

    def open(self, sent: bytes = b"") -> socket.socket:
        link = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        with contextlib.suppress(OSError):
            link.sendall(sent)
        return link

    def ask(self, sent: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of one raw request; 0 where the connection was closed without an answer."""
        with self.open(sent) as link:
            return answer_of(link)

    def post(self, path: str = "/read") -> requests.Response:
        return requests.post(f"http://127.0.0.1:{self.port}{path}", data=b"{}", timeout=10, allow_redirects=False)


def answer_of(link: socket.socket) -> tuple[int, dict[str, str], bytes]:
    received = b""
    with contextlib.suppress(ConnectionError):
        while part := link.recv(65536):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split()[1]) if first else 0, headers, body


@pytest.fixture
def running() -> Iterator[Running]:
    server = Running()
    yield server
    server.server.should_exit = True
    server.thread.join(15)


@pytest.mark.parametrize(("sent", "at_least"), [(HALF_A_HEAD, 0.75), (HALF_A_BODY, 3.95)])
def test_half_a_request_is_answered_408_when_its_time_is_up(running: Running, sent: bytes, at_least: float) -> None:
    began = time.monotonic()
    status, headers, body = running.ask(sent)
    assert at_least < time.monotonic() - began < 9
    assert (status, headers["connection"]) == (408, "close")
    assert json.loads(body)["message"]


def test_a_connection_that_sends_nothing_is_closed_without_an_answer(running: Running) -> None:
    assert running.ask(b"")[0] == 0


@pytest.mark.parametrize("trickle", [b"X-A: b\r\n", b"\r\n", b"a"])
def test_a_byte_now_and_then_does_not_lengthen_the_time_of_the_head(running: Running, trickle: bytes) -> None:
    first = b"" if trickle == b"\r\n" else HALF_A_HEAD
    with running.open(first) as link:
        began = time.monotonic()
        while time.monotonic() - began < 8:
            try:
                link.sendall(trickle)
                time.sleep(0.1)
            except OSError:
                break
        assert time.monotonic() - began < 3


def test_half_requests_and_trickling_bodies_keep_nobody_from_being_answered(running: Running) -> None:
    held = [running.open(HALF_A_HEAD if number % 2 else HALF_A_BODY) for number in range(300)]
    took = []
    for _ in range(20):
        began = time.monotonic()
        assert running.post().status_code == 200
        took.append(time.monotonic() - began)
    assert max(took) < 1.0
    assert len(running.server.server_state.connections) <= PATIENCE.connections + ACCEPTED_TOGETHER
    for link in held:
        link.close()


def test_where_every_connection_is_at_work_the_next_is_sent_away_at_once(running: Running) -> None:
    slow = b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
    held = [running.open(slow) for _ in range(PATIENCE.connections)]
    deadline = time.monotonic() + 10
    while len(running.server.server_state.tasks) < PATIENCE.connections and time.monotonic() < deadline:
        time.sleep(0.01)
    began = time.monotonic()
    status, headers, _ = running.ask(b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    assert time.monotonic() - began < 0.9
    assert (status, headers["retry-after"]) == (503, "5")
    for link in held:
        link.close()


@pytest.mark.parametrize("path", ["/read", "/refuse", "/nothing-here"])
@pytest.mark.parametrize("length", [b"Content-Length: 100000000", b"Transfer-Encoding: chunked"])
def test_after_an_answer_that_did_not_wait_for_the_body_the_connection_is_closed(
    running: Running, path: str, length: bytes
) -> None:
    part = b"%x\r\n%s\r\n" % (2000, b"x" * 2000)
    with running.open(b"POST " + path.encode() + b" HTTP/1.1\r\nHost: x\r\n" + length + b"\r\n\r\n" + part) as link:
        began = time.monotonic()
        status, _, _ = answer_of(link)
        assert status == {"/read": 413, "/refuse": 401}.get(path, 404)
        assert time.monotonic() - began < 3.5, "before the time of a body is up"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", 400),
        (b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /read HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET /" + b"a" * (LONGEST_HEAD + 70_000), 431),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * (LONGEST_HEAD + 70_000), 431),
    ],
)
def test_a_head_that_means_two_things_or_never_ends_is_refused(running: Running, request_: bytes, status: int) -> None:
    assert running.ask(request_)[0] == status
    assert running.post().status_code == 200


def test_the_application_sees_a_short_request_when_it_is_whole(running: Running) -> None:
    head = b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
    with running.open(head + b"\r\n{") as link:
        time.sleep(0.3)
        assert len(running.server.server_state.tasks) == 0
        link.sendall(b"  }" + head + b"Connection: close\r\n\r\n{")  # the next request on the same connection
        time.sleep(0.3)
        link.sendall(b"  }")
        received = b""
        while part := link.recv(65536):
            received += part
    assert received.count(b'{"bytes":4}') == 2


def test_who_asks_whether_to_send_the_body_is_told_before_it_comes(running: Running) -> None:
    head = b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    with running.open(head) as link:
        assert link.recv(1000).startswith(b"HTTP/1.1 100 ")


def test_callers_that_hang_up_leave_no_error(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(200):
        running.open((HALF_A_HEAD, HALF_A_BODY, HALF_A_CHUNK)[number % 3]).close()
    assert running.post().status_code == 200
    time.sleep(0.3)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_what_is_cut_off_by_the_end_is_answered_503_to_be_sent_again(running: Running) -> None:
    work = running.open(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    half, begun = running.open(HALF_A_HEAD), running.open(HALF_A_BODY)
    time.sleep(0.3)
    running.server.should_exit = True
    for link in (half, begun, work):
        status, headers, body = answer_of(link)
        assert status == 503
        assert int(headers["retry-after"]) > 0
        assert json.loads(body)["message"]
        link.close()


@pytest.mark.parametrize("path", ["/read/", "/read//", "/read"])
def test_a_slash_at_the_end_is_no_redirect(running: Running, path: str) -> None:
    assert running.post(path).json() == {"bytes": 2}
