"""Use one pool of connections to Encord instead of one TCP and TLS handshake per request.

The SDK opens a new `requests.Session` for every call (`encord.http.utils.create_new_session`). This module is the only
one that changes the SDK's internals: it replaces that function, in both modules that import it by name, with one that
returns a shared session. The shared session also records the HTTP status of the last answer, which the SDK drops, and
applies the deadline of the unit of work.

Only SDK versions in `KNOWN_SDK_VERSIONS` are patched, and only if the function is found where it is expected. Any other
version runs without the pool: slower, but correct.
"""

import importlib
import inspect
import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import encord
import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from benchmark_qa import telemetry
from benchmark_qa.context import remaining_seconds

KNOWN_SDK_VERSIONS = ("0.1.211",)
"""SDK releases whose internals were checked and that are tested with pooling."""

_BOUND_IN = ("encord.http.querier", "encord.http.v2.api_client")
_SHORTEST_TIMEOUT = 0.05
_CHUNK_BYTES = 64 * 1024
_DIGITS = re.compile(r"[0-9]{1,18}")
MEMORY_PER_BYTE = 5
"""Bytes of memory that parsed JSON may take for each byte that a body may have. JSON of boxes takes about as much."""
_EMPTY_OBJECT, _OBJECT, _LIST, _VALUE, _TEXT = 64, 184, 64, 32, 56
"""Bytes of Python's values: an object without and with names, a list, an entry of either, a text that is no name."""
_replaced: set[object] = set()
_log = logging.getLogger(__name__)
_last_answer: ContextVar["HttpAnswer | None"] = ContextVar("encord_last_answer", default=None)
_largest_body: ContextVar[int | None] = ContextVar("encord_largest_body", default=None)


@dataclass(frozen=True)
class HttpAnswer:
    """Facts of an HTTP answer that the SDK does not return."""

    status: int
    retry_after: int | None
    """Seconds, if Encord asked for a pause."""
    size: int
    """Bytes of the body."""
    is_object: bool = False
    """Whether the body begins and ends as a JSON object does."""


class OversizedAnswer(Exception):
    """The body is larger than the limit of this context, or its values would be (see `bodies_up_to`)."""


@contextmanager
def bodies_up_to(size: int | None) -> Iterator[None]:
    """Refuse larger answers before they are parsed, because parsing would block this process.

    An answer is also refused if its values would take more than `MEMORY_PER_BYTE` times as much memory: three bytes
    of JSON can be an object of 72 bytes.

    Args:
        size: bytes of the unpacked body; None: no limit.
    """
    token = _largest_body.set(size)
    try:
        yield
    finally:
        _largest_body.reset(token)


def largest_body() -> int | None:
    """The limit of this context in bytes (see `bodies_up_to`); None: no limit."""
    return _largest_body.get()


class PooledSession(requests.Session):
    """A session for many threads: no cookies, a bounded pool, and a record of each answer's status."""

    def __init__(self, *, pool_size: int, connect_retries: int) -> None:
        super().__init__()
        # encord_api/retries.py retries by status: the SDK's retry would sleep through a long Retry-After.
        retry = Retry(connect=connect_retries, read=0, status=0, other=0, backoff_factor=0.2)
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=pool_size, max_retries=retry)
        self.mount("http://", adapter)
        self.mount("https://", adapter)
        self._environment: dict[str, dict[str, Any]] = {}

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send within the deadline of the unit of work, and record the status for the translation of errors."""
        _last_answer.set(None)
        connect, read = kwargs.pop("timeout", None) or (10.0, 180.0)
        left = max(_SHORTEST_TIMEOUT, remaining_seconds(default=max(connect, read)))
        kwargs["timeout"] = (min(connect, left), min(read, left))
        largest = _largest_body.get()
        started = time.perf_counter()
        response = super().send(request, **(kwargs if largest is None else kwargs | {"stream": True}))
        # A cookie jar is shared state, and Encord's API needs no cookies.
        self.cookies.clear()
        if largest is not None:
            _read_up_to(largest, response)
        after = _number(response.headers.get("Retry-After"))
        size = len(response.content)
        telemetry.encord_requests.add(1, {"status": response.status_code})
        telemetry.encord_seconds.record(time.perf_counter() - started)
        is_object = response.content[:1] == b"{" and response.content[-1:] == b"}"
        _last_answer.set(HttpAnswer(response.status_code, after, size, is_object))
        return response

    def merge_environment_settings(self, url: Any, *args: Any, **kwargs: Any) -> Any:
        """Proxy and CA settings from the environment, read once per host instead of once per request."""
        host = "/".join(str(url).split("/", 3)[:3])
        if host not in self._environment:
            self._environment[host] = dict(super().merge_environment_settings(url, *args, **kwargs))
        return dict(self._environment[host])


def _read_up_to(largest: int, response: requests.Response) -> None:
    """Read a streamed body up to a limit and store it in the response.

    `Content-Length` is the packed size.

    Raises:
        OversizedAnswer: larger, or made of too many values.
    """
    size, chunks = _number(response.headers.get("Content-Length")) or 0, list[bytes]()
    if size <= largest:
        size = 0
        for chunk in response.iter_content(_CHUNK_BYTES):
            chunks.append(chunk)
            size += len(chunk)
            if size > largest:
                break
    if size > largest:
        response.close()
        raise OversizedAnswer(f"more than {largest} bytes")
    body = b"".join(chunks)
    if memory_of(body) > MEMORY_PER_BYTE * largest:
        raise OversizedAnswer(f"more than {MEMORY_PER_BYTE} times {largest} bytes when it is parsed")
    response._content = body


def memory_of(body: bytes) -> int:
    """About how many bytes JSON takes as Python's values; counted without parsing, a quarter of a second per 100 MB."""
    empty, quotes = body.count(b"{}"), body.count(b'"')
    texts = max(0, quotes // 2 - body.count(b":"))  # names are kept once
    values = _EMPTY_OBJECT * empty + _OBJECT * (body.count(b"{") - empty) + _LIST * body.count(b"[")
    return values + _VALUE * body.count(b",") + _TEXT * texts + len(body)


def _number(header: str | None) -> int | None:
    """The whole number in a header; None for any other value, e.g. a date."""
    return int(header) if header is not None and _DIGITS.fullmatch(header) else None


def last_answer() -> HttpAnswer | None:
    """This context's latest answer; None if there was none."""
    return _last_answer.get()


def install_pooling(*, pool_size: int, connect_retries: int = 2) -> bool:
    """Make every SDK client of this process use one pooled session; a later call creates a new one.

    Returns:
        Whether pooling is active; False, with the reason in the log, for an unknown SDK version.
    """
    version = getattr(encord, "__version__", "unknown")
    if version not in KNOWN_SDK_VERSIONS:
        _log.warning("encord %s is not known to this version: connections are not pooled", version)
        return False
    modules = [importlib.import_module(name) for name in _BOUND_IN]
    if not all(_is_session_factory(getattr(module, "create_new_session", None)) for module in modules):
        _log.warning("encord %s keeps its sessions elsewhere: connections are not pooled", version)
        return False
    session = PooledSession(pool_size=pool_size, connect_retries=connect_retries)

    @contextmanager
    def lend_pooled_session(*_retry_policy: object, **_named: object) -> Iterator[requests.Session]:
        yield session

    for module in modules:
        module.create_new_session = lend_pooled_session  # type: ignore[attr-defined]
    _replaced.add(lend_pooled_session)
    return True


def _is_session_factory(candidate: object) -> bool:
    """Whether this is the SDK's function, or a replacement from an earlier call."""
    if not callable(candidate):
        return False
    if candidate in _replaced:
        return True
    names = set(inspect.signature(candidate).parameters)
    return {"max_retries", "backoff_factor", "connect_retries"} <= names
