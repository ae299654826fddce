"""Convert errors to answers, JSON with a `message` that Encord shows to a person; count and log refusals."""

import asyncio
import logging
from concurrent.futures.process import BrokenProcessPool
from typing import Literal

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from benchmark_qa import telemetry
from benchmark_qa.context import unit_of_work
from benchmark_qa.encord_api.errors import AnswerTooLarge, EncordUnavailable, PlatformError
from benchmark_qa.errors import MissingExtraError, RefusalError, TryAgainLater
from benchmark_qa.service.admission import ServiceFull
from benchmark_qa.service.observability import ReportPace, trace_of
from benchmark_qa.tasks.decision import MAX_MESSAGE_LENGTH
from benchmark_qa.tasks.errors import (
    AmbiguousTitle,
    BranchesAreParts,
    BranchesMissing,
    DatasetNotServed,
    LabelsNotComparable,
    LabelsUnreadable,
    MisconfiguredStage,
    NoGroundTruth,
    NotABenchmarkDataUnit,
    NothingToDrawFrom,
    NotSubmitted,
    OntologiesDiffer,
    ProjectNotServed,
    StageNotServed,
    UnitBrokeDown,
    UnknownDataUnit,
)

_log = logging.getLogger(__name__)


STATUS: dict[type[Exception], int] = {
    ProjectNotServed: 403,
    UnknownDataUnit: 404,
    DatasetNotServed: 409,
    NotABenchmarkDataUnit: 409,
    NoGroundTruth: 409,
    NotSubmitted: 409,
    OntologiesDiffer: 409,
    BranchesMissing: 409,
    BranchesAreParts: 409,
    LabelsUnreadable: 422,
    LabelsNotComparable: 422,
    UnitBrokeDown: 422,
    StageNotServed: 403,
    MisconfiguredStage: 409,
    AmbiguousTitle: 409,
    NothingToDrawFrom: 409,
    RefusalError: 409,
    EncordUnavailable: 503,
    AnswerTooLarge: 503,
    PlatformError: 502,
    MissingExtraError: 501,
    TryAgainLater: 503,
    BrokenProcessPool: 503,
}
"""Status by exception class; the nearest base class decides.

4xx for refusals, 503 with `Retry-After` for outages, 502 if Encord refuses the service.
"""


HUNG_UP = 499
"""Status for a caller that has disconnected. Nobody receives it, but it is counted."""


RETRY_SECONDS = 10


def status_of(kind: type[BaseException]) -> int:
    """The HTTP status for an error of this class."""
    return next((STATUS[each] for each in kind.__mro__ if each in STATUS), 500)


def install_error_handlers(app: FastAPI) -> None:
    """Answer every error as `{"message": ...}`."""
    app.add_exception_handler(RefusalError, _refused)
    app.add_exception_handler(PlatformError, _refused)
    app.add_exception_handler(MissingExtraError, _refused)
    app.add_exception_handler(EncordUnavailable, _unavailable)
    app.add_exception_handler(BrokenProcessPool, _worker_lost)
    app.add_exception_handler(ServiceFull, _full)
    app.add_exception_handler(ClientDisconnect, _hung_up)
    app.add_exception_handler(TryAgainLater, _try_again)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(StarletteHTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def error_response(status: int, message: str, headers: dict[str, str] | None = None, **facts: str) -> JSONResponse:
    """An error answer: JSON with the message for a person, and further facts."""
    # The message may quote a request body, and JSON allows lone surrogates, which cannot be encoded as UTF-8.
    speakable = message.encode("utf-8", "backslashreplace").decode()
    return JSONResponse({"message": speakable[:MAX_MESSAGE_LENGTH], **facts}, status_code=status, headers=headers)


def _refused(request: Request, error: Exception) -> JSONResponse:
    status = status_of(type(error))
    if status == 503:
        return _try_again(request, error)
    _log.warning("refused with %d: %s", status, error)
    return error_response(status, str(error))


def _unavailable(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, EncordUnavailable)  # noqa: S101 - registered for this class
    _log.warning("%s", error)
    return error_response(503, str(error), {"Retry-After": str(error.retry_after)})


def _worker_lost(_: Request, error: Exception) -> JSONResponse:
    _log.error("a worker process was lost: %s", error)
    after = getattr(error, "retry_after", RETRY_SECONDS)
    return error_response(503, "the work was interrupted; try again", {"Retry-After": str(after)})


def _try_again(_: Request, error: Exception) -> JSONResponse:
    _log.error("%s: %s", type(error).__name__, error)
    return error_response(503, str(error), {"Retry-After": str(getattr(error, "retry_after", RETRY_SECONDS))})


_full_pace = ReportPace()


def _full(_: Request, error: Exception) -> JSONResponse:
    left_out = _full_pace.next("full")
    if left_out is not None:
        _log.warning("sent a request away: too many wait", extra={"event": "service_full", "left_out": left_out})
    return error_response(503, str(error), {"Retry-After": str(ServiceFull.retry_after)})


def _hung_up(_: Request, _error: Exception) -> JSONResponse:
    return error_response(HUNG_UP, "the caller has hung up")


_unusable_pace = ReportPace()
UNUSABLE = (413, 422, 501)
"""Statuses for requests that a caller of ours may send: tasks would wait without a word in the log."""


def _note_unusable(request: Request, status: int, why: str) -> None:
    """Log a request that cannot be used; of each endpoint and status the first at once, later ones at intervals."""
    endpoint = getattr(request.scope.get("route"), "path", "(unknown)")
    left_out = _unusable_pace.next(f"{endpoint}: {status}")
    if left_out is not None:
        facts = {"event": "request_unusable", "endpoint": endpoint, "left_out": left_out}
        _log.warning("refused a request to %s with %d: %.300s", endpoint, status, why, extra=facts)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    faults = "; ".join(f"{'.'.join(str(p) for p in f['loc'])}: {f['msg']}" for f in error.errors())
    _note_unusable(request, 422, faults)
    return error_response(422, faults)


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException | StarletteHTTPException)  # noqa: S101
    if error.status_code in UNUSABLE:
        _note_unusable(request, error.status_code, str(error.detail))
    return error_response(error.status_code, str(error.detail), dict(error.headers) if error.headers else None)


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    # The message of an unexpected exception may quote labels or settings, so the log gets its type and place only. The
    # request's trace has ended by now; bind it again.
    with unit_of_work(trace_header=trace_of(request)) as trace_id:
        _log.error("unexpected %s", type(error).__name__, exc_info=error)
    return error_response(
        500, "something went wrong in the benchmark agent; its log has the details under this trace", trace=trace_id
    )


class AnswerWhenCutOff:
    """ASGI middleware: answer 503 to requests that are cancelled because the process stops."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer it here if it is cancelled."""
        has_started = False

        async def note_start(message: Message) -> None:
            nonlocal has_started
            has_started = has_started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, note_start)
        except asyncio.CancelledError:
            if scope["type"] != "http" or has_started:
                raise
            _log.warning("cut off a request: the process is stopping", extra={"event": "cut_off"})
            message = "the service is stopping; try again"
            await error_response(503, message, {"Retry-After": str(RETRY_SECONDS)})(scope, receive, send)


class WithoutTrailingSlash:
    """ASGI middleware: treat `/agents/route/` as `/agents/route`.

    A redirect would lose the body or the signature.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with the trailing slashes of its path removed."""
        if scope["type"] == "http" and scope["path"].endswith("/"):
            scope = {**scope, "path": scope["path"].rstrip("/") or "/"}
        await self._app(scope, receive, send)


RefusalReason = Literal[
    "no signature",
    "no timestamp",
    "malformed timestamp",
    "stale",
    "from the future",
    "of another endpoint's secret",
    "wrong signature",
    "no secret configured",
    "newer signature scheme",
    "foreign web page",
    "wrong token",
]


class Refusals:
    """Counts refused requests. Logs the first of each kind at once, and later ones at intervals.

    A line never contains a secret, a signature or a part of the body. Alarms match the field `event`.
    """

    def __init__(self, pace: ReportPace | None = None) -> None:
        self._pace = pace or ReportPace()

    def note(self, endpoint: str, reason: RefusalReason, detail: str = "") -> None:
        """Record one refused request.

        Args:
            endpoint: as declared, without a token.
            reason: the kind of refusal.
            detail: further facts, e.g. "by 412 s".
        """
        event = "access_refused" if reason in ("foreign web page", "wrong token") else "signature_refused"
        telemetry.refusals.add(1, {"endpoint": endpoint, "reason": reason})
        left_out = self._pace.next(f"{endpoint}: {reason}")
        if left_out is None:
            return
        _log.warning(
            "refused a request to %s: %s",
            endpoint,
            f"{reason} {detail}".strip(),
            extra={"event": event, "endpoint": endpoint, "reason": reason, "left_out": left_out},
        )
