"""Errors to answers: every one is JSON with a `message` that Encord shows to a person."""

import logging
from concurrent.futures.process import BrokenProcessPool

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from benchmark_qa.context import unit_of_work
from benchmark_qa.encord_api.errors import AccessRefused, EncordUnavailable, NotFoundOnPlatform, PlatformError
from benchmark_qa.errors import MissingExtraError, RefusalError, TryAgainLater
from benchmark_qa.service.observability import trace_of
from benchmark_qa.tasks.decision import MAX_MESSAGE_LENGTH
from benchmark_qa.tasks.errors import (
    DatasetNotServed,
    LabelsNotComparable,
    LabelsUnreadable,
    MisconfiguredStage,
    NoGroundTruth,
    NotABenchmarkDataUnit,
    NotSubmitted,
    OntologiesDiffer,
    ProjectNotServed,
    StageNotServed,
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
    LabelsUnreadable: 422,
    LabelsNotComparable: 422,
    StageNotServed: 403,
    MisconfiguredStage: 500,
    AccessRefused: 502,
    NotFoundOnPlatform: 502,
    MissingExtraError: 501,
}


def install_error_handlers(app: FastAPI) -> None:
    """Answer every error as `{"message": ...}`."""
    app.add_exception_handler(RefusalError, _refused)
    app.add_exception_handler(PlatformError, _refused)
    app.add_exception_handler(MissingExtraError, _refused)
    app.add_exception_handler(EncordUnavailable, _unavailable)
    app.add_exception_handler(BrokenProcessPool, _worker_lost)
    app.add_exception_handler(TryAgainLater, _try_again)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(StarletteHTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def error_response(status: int, message: str, headers: dict[str, str] | None = None, **facts: str) -> JSONResponse:
    """The one form of an error body: the message for a person, then what else there is to know."""
    # What a body said may be quoted in it, and JSON lets through half characters that UTF-8 has no bytes for.
    speakable = message.encode("utf-8", "backslashreplace").decode()
    return JSONResponse({"message": speakable[:MAX_MESSAGE_LENGTH], **facts}, status_code=status, headers=headers)


def _refused(_: Request, error: Exception) -> JSONResponse:
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 502)
    _log.warning("refused with %d: %s", status, error)
    return error_response(status, str(error))


def _unavailable(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, EncordUnavailable)  # noqa: S101 - registered for this class
    _log.warning("%s", error)
    return error_response(503, str(error), {"Retry-After": str(error.retry_after)})


def _worker_lost(_: Request, error: Exception) -> JSONResponse:
    _log.error("a worker process was lost: %s", error)
    return error_response(503, "the work was interrupted; try again", {"Retry-After": "10"})


def _try_again(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TryAgainLater)  # noqa: S101 - registered for this class
    _log.error("%s: %s", type(error).__name__, error)
    return error_response(503, str(error), {"Retry-After": str(error.retry_after)})


def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    faults = "; ".join(f"{'.'.join(str(p) for p in f['loc'])}: {f['msg']}" for f in error.errors())
    return error_response(422, faults)


def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException | StarletteHTTPException)  # noqa: S101
    return error_response(error.status_code, str(error.detail), dict(error.headers) if error.headers else None)


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    # The message of an unknown exception may quote labels or settings: the log has its kind and its place.
    # What it was raised from has ended, and its trace with it.
    with unit_of_work(trace_header=trace_of(request)) as trace_id:
        _log.error("unexpected %s", type(error).__name__, exc_info=error)
    return error_response(
        500, "something went wrong in the benchmark agent; its log has the details under this trace", trace=trace_id
    )
