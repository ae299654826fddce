"""Logs as JSON lines, request counts and times with `GET /metrics`, and the trace of each request."""

import json
import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from hmac import compare_digest
from importlib import import_module
from typing import NamedTuple
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from benchmark_qa import telemetry
from benchmark_qa.context import current_trace_id, unit_of_work
from benchmark_qa.errors import places_and_kinds


class RecentCall(NamedTuple):
    """A call of an agent, a notification or an event, and its outcome."""

    at: datetime
    endpoint: str
    """The declared route: it names no token and no task."""
    status: int
    seconds: float


recent_calls: deque[RecentCall] = deque(maxlen=20)
"""The last calls of this process, the oldest first."""


class CountRequests:
    """ASGI middleware: count every request by endpoint and status, and record its duration."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and record its status and duration."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            # The declared route, e.g. `/reports/{project}`: with actual paths anybody could create any number of
            # labels, and tokens must not become labels.
            path = getattr(scope.get("route"), "path", "(unknown)")
            telemetry.requests.add(1, {"endpoint": path, "status": int(status)})
            seconds = time.perf_counter() - started
            telemetry.request_seconds.record(seconds, {"endpoint": path})
            if path.startswith(("/agents/", "/notifications/", "/events/")):
                recent_calls.append(RecentCall(datetime.now(UTC), path, int(status), round(seconds, 3)))


def install_metrics(app: FastAPI, token: SecretStr | None, note_refusal: Callable[[], None]) -> None:
    """Count requests, and serve `/metrics` to callers with the token if the exporter is installed.

    Args:
        app: of this process.
        token: None: the endpoint does not exist.
        note_refusal: called when a request has another token.
    """
    app.add_middleware(CountRequests)
    if token is not None and _is_installed("opentelemetry.exporter.prometheus"):
        app.include_router(_prometheus(token, note_refusal))


def _is_installed(module: str) -> bool:
    try:
        import_module(module)
    except ModuleNotFoundError:
        return False
    return True


def _prometheus(token: SecretStr, note_refusal: Callable[[], None]) -> APIRouter:
    from opentelemetry import metrics  # noqa: PLC0415 - an extra
    from opentelemetry.exporter.prometheus import PrometheusMetricReader  # noqa: PLC0415
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest  # noqa: PLC0415

    metrics.set_meter_provider(MeterProvider(metric_readers=[PrometheusMetricReader()]))
    router = APIRouter(tags=["operations"])
    expected = f"Bearer {token.get_secret_value()}".encode()

    @router.get("/metrics", include_in_schema=False)
    async def scrape(request: Request) -> Response:
        """All metrics in Prometheus's format."""
        if not compare_digest(request.headers.get("Authorization", "").encode(), expected):
            note_refusal()
            raise HTTPException(401, "the operator's token is missing or wrong", {"WWW-Authenticate": "Bearer"})
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


TRACE_HEADER = "X-Cloud-Trace-Context"


_IN_SCOPE = "benchmark_qa.trace"


class CarryTrace:
    """ASGI middleware: bind the caller's trace, or a new one, during every request, also a refused one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on inside its trace."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with unit_of_work(trace_header=Headers(scope=scope).get(TRACE_HEADER)) as trace_id:
            scope[_IN_SCOPE] = trace_id
            await self._app(scope, receive, send)


def trace_of(request: Request) -> str | None:
    """The trace of the request, for handlers that answer after it has ended."""
    trace_id: str | None = request.scope.get(_IN_SCOPE)
    return trace_id


_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class JsonLines(logging.Formatter):
    """A log formatter: one JSON object per line, without any secret that this process knows.

    Args:
        secrets: values that are replaced in every line.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        forms = {form for secret in secrets if secret for form in _as_logged(secret)}
        # Longest first, because one secret may be a part of another.
        self._secrets = sorted(forms, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """The record and its extra fields as JSON."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "severity": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if trace_id := current_trace_id():
            entry["trace"] = trace_id
        entry.update({name: value for name, value in vars(record).items() if name not in _STANDARD})
        if record.exc_info and record.exc_info[1]:
            entry["exception"] = "".join(places_and_kinds(record.exc_info[1]))
        line = json.dumps(entry, default=str, ensure_ascii=False)
        for secret in self._secrets:
            line = line.replace(secret, "(secret)")
        return line


def _as_logged(secret: str) -> Iterator[str]:
    """The forms of a secret in a JSON string: plain, URL-encoded, and as Python's repr."""
    for form in (secret, quote(secret, safe=""), repr(secret)[1:-1]):
        yield json.dumps(form, ensure_ascii=False)[1:-1]


class Seldom(logging.Filter):
    """Limits how often these loggers repeat a message, because outsiders can cause any number.

    Args:
        loggers: names; loggers below them are included.
    """

    def __init__(self, *loggers: str) -> None:
        super().__init__()
        self._loggers = loggers
        self._pace = ReportPace()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written. A written record says how many like it were left out before."""
        if not record.name.startswith(self._loggers) or record.levelno < logging.WARNING:
            return True
        left_out = self._pace.next(f"{record.name}: {record.msg}"[:200])
        if left_out:
            record.left_out = left_out
        return left_out is not None


class ReportPace:
    """Limits how often one kind of event is reported: at once, then at most once per `SELDOM_SECONDS`.

    Thread-safe.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._told: dict[str, tuple[float, int]] = {}
        """By kind: time of the last report, and number of events since."""

    def next(self, kind: str) -> int | None:
        """Number of this kind left out since the last report; None: leave this one out, too."""
        with self._lock:
            now = self._clock()
            if kind not in self._told and len(self._told) >= MOST_KINDS:
                kind = "(others)"
            last, left_out = self._told.get(kind, (-math.inf, 0))
            if now - last < SELDOM_SECONDS:
                self._told[kind] = (last, left_out + 1)
                return None
            self._told[kind] = (now, 0)
            return left_out


SELDOM_SECONDS = 60.0


MOST_KINDS = 200
"""Most kinds that are distinguished: kinds chosen by outsiders must not fill the memory."""


NOISY = ("boto3", "botocore", "encord", "google.auth", "mangum", "s3transfer", "urllib3")
"""Libraries that log addresses, bodies or headers below WARNING, with tokens and session keys."""


SESSION_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""Secrets that the host sets; they are not in the settings."""


def log_as_json(level: str, secrets: Iterable[str] = ()) -> None:
    """Write every log record to standard error as a JSON line.

    Args:
        level: of this software's records.
        secrets: of the settings; no line contains one.
    """
    handler = logging.StreamHandler()
    hosts_own = [value for name in SESSION_VARIABLES if (value := os.environ.get(name))]
    handler.setFormatter(JsonLines([*secrets, *hosts_own]))
    handler.addFilter(Seldom("asyncio", "uvicorn"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
