"""Faults on request: a test says which operation shall go wrong, how, and how often."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

TRANSPORT = "emulator.transport"
"""Where the connection stands in an ASGI scope, so that a fault can cut it."""

SLOW_PIECES = 10


class Fault(BaseModel):
    """One thing that goes wrong.

    `after_effect` lets the request do its work first: the caller then does not learn that it was done.
    """

    model_config = ConfigDict(extra="forbid")

    operation: str = Field("*", description="as the request log names it; * is any")
    caller: str | None = Field(None, description="e-mail; only this caller's requests")
    kind: Literal["latency", "status", "drop", "slow_body", "truncated"]
    status: int = Field(503, ge=400, le=599)
    retry_after: int | None = Field(None, description="seconds, for the Retry-After header")
    seconds: Annotated[float, Field(ge=0, le=300)] = 1
    skip: int = Field(0, ge=0, description="this many matching requests pass first")
    times: int = Field(1, ge=1, description="this many go wrong")
    after_effect: bool = False


class Faults:
    """The faults that are still to happen."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Lets something go wrong from now on."""
        self._waiting.append(fault)

    def clear(self) -> None:
        """Lets everything go well again."""
        self._waiting.clear()

    def list(self) -> list[dict[str, Any]]:
        """What is still to happen."""
        return [fault.model_dump() for fault in self._waiting]

    def take(self, operation: str, caller: str) -> Fault | None:
        """The fault that this request meets, if any; it then has happened once more."""
        for fault in self._waiting:
            if fault.operation not in ("*", operation) or fault.caller not in (None, caller):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.times -= 1
            if fault.times == 0:
                self._waiting.remove(fault)
            return fault
        return None


async def before(fault: Fault, scope: Mapping[str, Any]) -> Response | None:
    """What a fault does instead of the request; None lets the request be answered."""
    if fault.kind == "latency":
        await asyncio.sleep(fault.seconds)
        return None
    if fault.after_effect:
        return None
    return await _instead(fault, scope)


async def after(fault: Fault, response: Response, scope: Mapping[str, Any]) -> Response:
    """What a fault makes of an answer."""
    if fault.kind == "slow_body":
        return _slow(response, fault.seconds)
    if fault.kind == "truncated":
        return _truncated(response)
    if fault.after_effect:
        return await _instead(fault, scope) or response
    return response


async def _instead(fault: Fault, scope: Mapping[str, Any]) -> Response | None:
    if fault.kind == "status":
        headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        return Response(b'{"message": "injected fault"}', fault.status, headers, "application/json")
    if fault.kind == "drop":
        await _cut(scope)
        return Response(status_code=500)
    return None


async def _cut(scope: Mapping[str, Any]) -> None:
    transport = scope.get(TRANSPORT)
    if transport is not None:
        transport.abort()
        await asyncio.sleep(0)  # The server hears of the loss in the next round of its loop.
        await asyncio.sleep(0)


def _slow(response: Response, seconds: float) -> Response:
    body = bytes(response.body)
    size = max(1, -(-len(body) // SLOW_PIECES))

    async def pieces() -> Any:
        for start in range(0, len(body), size):
            await asyncio.sleep(seconds / SLOW_PIECES)
            yield body[start : start + size]

    return StreamingResponse(pieces(), response.status_code, {"Content-Length": str(len(body))}, response.media_type)


def _truncated(response: Response) -> Response:
    body = bytes(response.body)
    return Response(body[: len(body) // 2], response.status_code, media_type=response.media_type)
