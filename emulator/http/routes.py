"""Where handlers are registered: v2 and control routes by method and path, legacy ones by query type and method."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

from emulator.errors import MethodNotAllowedError, ResourceNotFoundError

if TYPE_CHECKING:
    from emulator.http.calls import Call, LegacyCall

Handler = Callable[["Call"], Any]
LegacyHandler = Callable[["LegacyCall"], Any]
LegacyScope = Literal["user", "project", "dataset"]


@dataclass(frozen=True, slots=True)
class Route:
    """A handler and the name under which the request log and the faults know it."""

    operation: str
    handler: Handler


@dataclass(frozen=True, slots=True)
class LegacyRoute:
    """A handler of the legacy endpoint."""

    operation: str
    handler: LegacyHandler


class Routes:
    """The handlers of one resource.

    A handler takes a call and returns what is to be sent as JSON (None: nothing, 204); errors are raised.
    """

    def __init__(self) -> None:
        self.v2: list[tuple[str, str, Handler]] = []
        self.queries: list[tuple[LegacyScope, str, str, LegacyHandler]] = []

    def get(self, path: str) -> Callable[[Handler], Handler]:
        """Registers a handler of GET `path`; `{name}` is one segment of the path."""
        return self._route("GET", path)

    def post(self, path: str) -> Callable[[Handler], Handler]:
        """Registers a handler of POST `path`."""
        return self._route("POST", path)

    def put(self, path: str) -> Callable[[Handler], Handler]:
        """Registers a handler of PUT `path`."""
        return self._route("PUT", path)

    def patch(self, path: str) -> Callable[[Handler], Handler]:
        """Registers a handler of PATCH `path`."""
        return self._route("PATCH", path)

    def delete(self, path: str) -> Callable[[Handler], Handler]:
        """Registers a handler of DELETE `path`."""
        return self._route("DELETE", path)

    def query(self, scope: LegacyScope, query_type: str, method: str) -> Callable[[LegacyHandler], LegacyHandler]:
        """Registers a handler of the legacy endpoint; `scope` is the resource type of the request's header."""

        def register(handler: LegacyHandler) -> LegacyHandler:
            self.queries.append((scope, query_type, method, handler))
            return handler

        return register

    def _route(self, method: str, path: str) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self.v2.append((method, path, handler))
            return handler

        return register


@dataclass(slots=True)
class _Node:
    fixed: dict[str, "_Node"] = field(default_factory=dict)
    variable: "_Node | None" = None
    methods: dict[str, tuple[Route, tuple[str, ...]]] = field(default_factory=dict)


class PathTable:
    """Routes by path, found segment by segment: the price does not grow with the number of routes."""

    def __init__(self, resources: Iterable[Routes]) -> None:
        self._root = _Node()
        for routes in resources:
            for method, path, handler in routes.v2:
                self._add(method, path, handler)

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route of a request, whose path is quoted, and the values of the path's variables, which are not.

        Raises:
            ResourceNotFoundError: there is no such path.
            MethodNotAllowedError: there is, but not with this method.
        """
        values: list[str] = []
        node = _descend(self._root, [s for s in path.split("/") if s], values)
        if node is None:
            raise ResourceNotFoundError("Not Found")
        if method not in node.methods:
            raise MethodNotAllowedError("Method Not Allowed")
        route, names = node.methods[method]
        return route, dict(zip(names, map(unquote, values), strict=True))

    def _add(self, method: str, path: str, handler: Handler) -> None:
        node = self._root
        names: list[str] = []
        for segment in path.split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.variable = node.variable or _Node()
                node = node.variable
            else:
                node = node.fixed.setdefault(segment, _Node())
        node.methods[method] = (Route(f"{method} {path}", handler), tuple(names))


def _descend(node: _Node, segments: list[str], values: list[str]) -> _Node | None:
    if not segments:
        return node if node.methods else None
    head, rest = segments[0], segments[1:]
    if head in node.fixed and (found := _descend(node.fixed[head], rest, values)):
        return found
    if node.variable is not None:
        values.append(head)
        if found := _descend(node.variable, rest, values):
            return found
        values.pop()
    return None


class QueryTable:
    """Legacy handlers by scope, query type and method."""

    def __init__(self, resources: Iterable[Routes]) -> None:
        self._routes: dict[tuple[str, str, str], LegacyRoute] = {
            (scope, query_type, method): LegacyRoute(f"legacy {query_type}.{method}", handler)
            for routes in resources
            for scope, query_type, method, handler in routes.queries
        }

    def find(self, scope: str, query_type: str, method: str) -> LegacyRoute:
        """The route of a legacy request.

        Raises:
            MethodNotAllowedError: there is none.
        """
        try:
            return self._routes[scope, query_type, method]
        except KeyError:
            raise MethodNotAllowedError(f"{query_type}.{method} is not available here") from None
