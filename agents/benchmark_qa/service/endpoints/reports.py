"""`GET /reports/{project}`: the report for operators, as a page, JSON, CSV, Parquet or a digest."""

import base64
import binascii
from hmac import compare_digest
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import anyio
import anyio.to_thread
from fastapi import APIRouter, Depends, Header, HTTPException, Query, Response
from pydantic import AwareDatetime, SecretStr

from benchmark_qa.config.explain import require_moment
from benchmark_qa.service.errors import Refusals
from benchmark_qa.service.service import Service

MediaFormat = Literal["html", "json", "csv", "parquet", "markdown"]
MEDIA_TYPES: dict[MediaFormat, str] = {
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "markdown": "text/markdown; charset=utf-8",
}
REPORTS_AT_ONCE = 1
"""Reports made at the same time. A report reads every score, so several would slow down the agents."""


def reports(token: SecretStr, service: Service, refusals: Refusals) -> APIRouter:
    """The endpoint, with the operator's token as a bearer token or as a browser's password."""
    limiter: list[anyio.CapacityLimiter] = []

    def operator_only(authorization: Annotated[str | None, Header()] = None) -> None:
        given = token_of(authorization)
        if given is None or not compare_digest(given.encode(), token.get_secret_value().encode()):
            if given is not None:  # a browser's first request has no token
                refusals.note("/reports/{project}", "wrong token")
            raise HTTPException(401, "the operator's token is needed", {"WWW-Authenticate": 'Basic realm="reports"'})

    router = APIRouter(prefix="/reports", tags=["reports"], dependencies=[Depends(operator_only)])

    @router.get("/{project}", response_class=Response)
    async def report(
        project: UUID,
        format: Annotated[MediaFormat, Query(description="page, data, or a digest for chat")] = "html",  # noqa: A002
        timezone: Annotated[str, Query(description="whose days and weeks are meant, e.g. Europe/Zurich")] = "UTC",
        as_of: Annotated[AwareDatetime | None, Query(description="as it stood then, with its time zone")] = None,
    ) -> Response:
        """The annotators' figures, the classes that are misunderstood, and suspect ground truth."""
        zone = _zone(timezone)
        if as_of is not None:
            try:
                require_moment(as_of)
            except ValueError as error:
                raise HTTPException(422, f"as_of: {error}") from None
        if not limiter:
            limiter.append(anyio.CapacityLimiter(REPORTS_AT_ONCE))
        content = await anyio.to_thread.run_sync(
            lambda: service.report(str(project), format=format, zone=zone, as_of=as_of), limiter=limiter[0]
        )
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
        return Response(content, media_type=MEDIA_TYPES[format], headers=headers)

    return router


def token_of(authorization: str | None) -> str | None:
    """The token in an `Authorization` header: a bearer token, or the password of Basic authentication."""
    scheme, _, value = (authorization or "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value, validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise HTTPException(422, "timezone: not known; they are named like Europe/Zurich") from None
