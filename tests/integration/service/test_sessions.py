"""How much of an answer is read in a process that must stay quick."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from benchmark_qa.encord_api.sdk_internals import OversizedAnswer, PooledSession, bodies_up_to, last_answer

LONG = b'{"labels": "' + b"x" * 100_000 + b'"}'


RETRY_AFTER = [
    ("30", 30),
    ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ("\u00b2", None),  # a digit to Python, and no number
    ("9" * 5_000, None),
    ("-1", None),
]


class _Answers(BaseHTTPRequestHandler):
    """The same long answer plain, packed, and in chunks that announce no length."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(LONG), LONG)
        else:
            body = gzip.compress(LONG) if self.path == "/packed" else LONG
            self.send_header("Content-Length", str(len(body)))
            if self.path == "/packed":
                self.send_header("Content-Encoding", "gzip")
            if self.path.startswith("/later/"):
                self.send_header("Retry-After", RETRY_AFTER[int(self.path.rsplit("/", 1)[1])][0])
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("path", ["/plain", "/packed", "/chunked"])
def test_a_large_body_is_refused_however_it_comes_and_a_small_one_is_read_as_ever(address: str, path: str) -> None:
    session = PooledSession(pool_size=2, connect_retries=0)
    request = session.prepare_request(requests.Request("GET", address + path))
    with bodies_up_to(10_000), pytest.raises(OversizedAnswer):
        session.send(request)
    with bodies_up_to(200_000):
        answer = session.send(request)
    assert (answer.content, answer.json()["labels"][:3]) == (LONG, "xxx")
    session.close()


@pytest.mark.parametrize("number", range(len(RETRY_AFTER)))
def test_a_pause_that_is_no_number_of_seconds_is_none(address: str, number: int) -> None:
    session = PooledSession(pool_size=2, connect_retries=0)
    session.send(session.prepare_request(requests.Request("GET", f"{address}/later/{number}")))
    answer = last_answer()
    assert answer is not None
    assert answer.retry_after == RETRY_AFTER[number][1]
    session.close()
