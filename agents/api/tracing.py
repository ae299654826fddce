"""The trace of a request, from its header to every log line and every request to Encord that it leads to."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from agents.platform import unit_of_work

TRACE_HEADER = "X-Cloud-Trace-Context"


class CarryTrace:
    """ASGI middleware: binds the caller's trace, or a new one, for as long as the request lasts, refusals included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on inside its trace."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with unit_of_work(trace_header=Headers(scope=scope).get(TRACE_HEADER)):
            await self._app(scope, receive, send)
