"""The ASGI application: every request is authenticated, dispatched, answered and logged here."""

import asyncio
import inspect
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.emulator import Emulator
from emulator.errors import InvalidArgumentsError, PlatformError, ResourceNotFoundError
from emulator.http import faults
from emulator.http.auth import legacy_caller, v2_caller
from emulator.http.calls import Call, LegacyCall
from emulator.http.log import NOT_EMULATED, Logged
from emulator.http.resources import CONTROL_RESOURCES, PAGE_RESOURCES, RESOURCES, SIGNED_RESOURCES
from emulator.http.routes import LegacyRoute, PathTable, QueryTable
from emulator.users.models import User

log = logging.getLogger(__name__)

NOBODY = User(email="-", name="-")
PIECE = 1024 * 1024
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
Endpoint = Callable[["Exchange"], Awaitable[Response]]


class Exchange:
    """One request while it is being answered; who and what it was is filled in on the way, for the log."""

    def __init__(self, request: Request, body: bytes) -> None:
        self.request = request
        self.body = body
        self.caller = NOBODY
        self.operation = NOT_EMULATED

    @property
    def target(self) -> str:
        """Path and query exactly as they stood on the request line."""
        scope = self.request.scope
        query = scope["query_string"].decode("latin-1")
        path: str = scope["raw_path"].decode("latin-1")
        return f"{path}?{query}" if query else path

    @property
    def path(self) -> str:
        """What follows the prefix of its kind of endpoint, still quoted: a name may have a slash in it."""
        prefix = str(self.request.scope["path"]).removesuffix(self.request.path_params["path"])
        return self.target.partition("?")[0].removeprefix(prefix)

    @property
    def base_url(self) -> str:
        """How the caller reaches this server."""
        return str(self.request.base_url).rstrip("/")


class Application:
    """The endpoints of one emulator."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._paths = PathTable(RESOURCES)
        self._queries = QueryTable(RESOURCES)
        self._objects = PathTable(SIGNED_RESOURCES)
        self._pages = PathTable(PAGE_RESOURCES)
        self._control = PathTable(CONTROL_RESOURCES)

    def asgi(self) -> ASGIApp:
        """The application that a server runs."""
        return _with_transport(self._starlette())

    def _starlette(self) -> Starlette:
        return Starlette(
            routes=[
                StarletteRoute("/public", self._logged(self._legacy), methods=["POST"]),
                StarletteRoute("/public/user", self._logged(self._legacy), methods=["POST"]),
                StarletteRoute("/v2/public/{path:path}", self._logged(self._v2), methods=METHODS),
                StarletteRoute("/storage-objects/{path:path}", self._logged(self._signed), methods=["GET", "PUT"]),
                StarletteRoute("/label_editor/{path:path}", self._uncounted(self._page), methods=["GET"]),
                StarletteRoute("/_emulator/{path:path}", self._uncounted(self._control_call), methods=METHODS),
                StarletteRoute("/{path:path}", self._logged(self._unknown), methods=METHODS),
            ],
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        await self._emulator.start()
        try:
            yield
        finally:
            await self._emulator.stop()

    def _logged(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            started = time.perf_counter()
            exchange = Exchange(request, await request.body())
            response = await _guarded(endpoint, exchange)
            self._emulator.log.add(
                Logged(
                    self._emulator.platform.now(),
                    exchange.caller.email,
                    exchange.operation,
                    request.method,
                    exchange.target,
                    response.status_code,
                    time.perf_counter() - started,
                    request.headers.get("x-cloud-trace-context", "").partition("/")[0] or None,
                )
            )
            return response

        return answer

    def _uncounted(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return await _guarded(endpoint, Exchange(request, await request.body()))

        return answer

    async def _v2(self, exchange: Exchange) -> Response:
        request = exchange.request
        users = self._emulator.platform.users
        exchange.caller = v2_caller(users, request.method, exchange.target, request.headers, exchange.body)
        return await self._faulty(exchange, self._handling(self._paths, exchange))

    async def _signed(self, exchange: Exchange) -> Response:
        return await self._faulty(exchange, self._handling(self._objects, exchange, read=bytes))

    async def _page(self, exchange: Exchange) -> Response:
        return await self._handling(self._pages, exchange)()

    async def _control_call(self, exchange: Exchange) -> Response:
        return await self._handling(self._control, exchange)()

    def _handling(
        self, table: PathTable, exchange: Exchange, read: Callable[[bytes], Any] | None = None
    ) -> Callable[[], Awaitable[Response]]:
        """What answers this request, found by method and path; the body is JSON unless `read` says how to take it."""
        request = exchange.request
        route, params = table.find(request.method, exchange.path)
        exchange.operation = route.operation

        async def answer() -> Response:
            body = (read or _json)(exchange.body)
            call = Call(self._emulator, exchange.caller, exchange.base_url, params, request.query_params, body)
            result = await _awaited(route.handler(call))
            if isinstance(result, Response):
                return result
            return Response(status_code=204) if result is None else json_response(result)

        return answer

    async def _faulty(self, exchange: Exchange, answer: Callable[[], Awaitable[Response]]) -> Response:
        """The answer, or what an injected fault makes of it."""
        fault = self._emulator.faults.take(exchange.operation, exchange.caller.email)
        if fault is None:
            return await answer()
        instead = await faults.before(fault, exchange.request.scope)
        return instead or await faults.after(fault, await answer(), exchange.request.scope)

    async def _legacy(self, exchange: Exchange) -> Response:
        try:
            route, call = self._legacy_call(exchange)

            async def answer() -> Response:
                return json_response({"status": 200, "response": await _awaited(route.handler(call))})

            return await self._faulty(exchange, answer)
        except PlatformError as error:
            failure = {"status": error.status, "response": [error.code], "payload": error.payload}
            return json_response(failure)

    def _legacy_call(self, exchange: Exchange) -> tuple[LegacyRoute, LegacyCall]:
        headers = exchange.request.headers
        exchange.caller = legacy_caller(self._emulator.platform.users, headers, exchange.body)
        envelope = _json(exchange.body)
        if not isinstance(envelope, dict):
            raise InvalidArgumentsError("The body must be an object")
        user_level = exchange.request.url.path.endswith("/user")
        scope = "user" if user_level else headers.get("resourcetype", "")
        route = self._queries.find(scope, str(envelope.get("query_type")), str(envelope.get("query_method")))
        exchange.operation = route.operation
        values = envelope.get("values")
        if not isinstance(values, dict):
            raise InvalidArgumentsError("values must be an object")
        call = LegacyCall(
            self._emulator,
            exchange.caller,
            exchange.base_url,
            headers.get("resourceid", ""),
            values.get("uid"),
            values.get("payload"),
        )
        return route, call

    async def _unknown(self, _exchange: Exchange) -> Response:
        raise ResourceNotFoundError("Not Found")


async def _awaited(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result


async def _guarded(endpoint: Endpoint, exchange: Exchange) -> Response:
    try:
        return await endpoint(exchange)
    except PlatformError as error:
        return json_response({"message": error.message}, error.status)
    except Exception:
        log.exception("%s failed", exchange.operation)
        return json_response({"message": "Internal server error"}, 500)


def _with_transport(app: ASGIApp) -> ASGIApp:
    """Puts the connection into the scope: an injected fault may have to cut it."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        scope[faults.TRANSPORT] = getattr(getattr(receive, "__self__", None), "transport", None)
        await app(scope, receive, send)

    return wrapped


class InPieces(Response):
    """An answer that is sent in pieces: when the caller hangs up, the rest of it costs nothing."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send head and body."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for start in range(0, len(self.body), PIECE):
            await send({"type": "http.response.body", "body": self.body[start : start + PIECE], "more_body": True})
            await asyncio.sleep(0)  # for what says that the caller has hung up
        await send({"type": "http.response.body", "body": b""})


def json_response(value: Any, status: int = 200) -> Response:
    """A JSON answer."""
    body = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    kind = InPieces if len(body) > PIECE else Response
    return kind(body, status, media_type="application/json")


def _json(body: bytes) -> Any:
    if not body:
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidArgumentsError("The body is not JSON") from None
