"""The trace of a request, from its header to every log line and every request to Encord that it leads to."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmark_qa.context import unit_of_work

TRACE_HEADER = "X-Cloud-Trace-Context"
_IN_SCOPE = "benchmark_qa.trace"


class CarryTrace:
    """ASGI middleware: binds the caller's trace, or a new one, for as long as the request lasts, refusals included."""

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
    """The trace that the request was bound to, for handlers that answer when it has ended."""
    trace_id: str | None = request.scope.get(_IN_SCOPE)
    return trace_id
