"""`GET /livez`, `/readyz`, `/version`: is the process alive, is it ready, and which version is it?"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Annotated

import anyio
import anyio.to_thread
from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, SecretStr

from benchmark_qa import __version__
from benchmark_qa.context import unit_of_work
from benchmark_qa.service.observability import recent_calls
from benchmark_qa.tasks.checks import Finding

READY_SECONDS = 30.0
"""Seconds for which the findings of `/readyz` are cached."""
HIDDEN = "told with the bearer token METRICS_TOKEN or REPORT_TOKEN"
LOOK_SECONDS = 10.0
"""Seconds that the checks of `/readyz` may take."""


class Check(BaseModel):
    """One check of `/readyz`. Only operators see the finding and the remedy."""

    check: str
    fine: bool
    message: str
    remedy: str = ""


class Call(BaseModel):
    """A call of Encord that this instance has answered."""

    at: datetime
    endpoint: str
    status: int
    seconds: float


class Readiness(BaseModel):
    """The answer of `/readyz`."""

    ready: bool
    checks: list[Check]
    calls: list[Call] = []
    """The last calls of this instance, for operators only."""


@dataclass
class CachedFindings:
    """The latest findings, refreshed at most every `READY_SECONDS`; for one caller at a time."""

    look: Callable[[], Sequence[Finding]]
    _findings: Sequence[Finding] = ()
    _made_at: float = float("-inf")

    def get(self) -> Sequence[Finding]:
        """The findings, at most `READY_SECONDS` old."""
        if time.monotonic() - self._made_at > READY_SECONDS:
            with unit_of_work(seconds=LOOK_SECONDS):
                self._findings, self._made_at = self.look(), time.monotonic()
        return self._findings


def health(look: Callable[[], Sequence[Finding]], operators: Sequence[SecretStr | None] = ()) -> APIRouter:
    """Endpoints for the host and the operator.

    Args:
        look: makes the findings of `/readyz`.
        operators: bearer tokens, one of which shows the findings of `/readyz`: titles of projects and stages.
    """
    router = APIRouter(tags=["operations"])
    findings = CachedFindings(look)
    one_at_a_time = anyio.CapacityLimiter(1)

    # Google's front end answers /healthz itself; the path stays for calls directly to the container.
    @router.get("/livez")
    @router.get("/healthz", include_in_schema=False)
    async def livez() -> dict[str, str]:
        """The process is alive. Checks nothing else."""
        return {"status": "alive"}

    @router.get("/readyz", responses={503: {"model": Readiness, "description": "Something is not as configured"}})
    async def readyz(response: Response, authorization: Annotated[str | None, Header()] = None) -> Readiness:
        """Key, projects, stages, pathways and ontologies are as configured."""
        # Concurrent callers wait here without a thread: anybody may call, and the threads are for the agents.
        found = await anyio.to_thread.run_sync(findings.get, limiter=one_at_a_time)
        ready = all(finding.fine for finding in found)
        response.status_code = 200 if ready else 503
        if not _is_one_of(operators, authorization):
            return Readiness(ready=ready, checks=[Check(check=f.check, fine=f.fine, message=HIDDEN) for f in found])
        calls = [Call(**call._asdict()) for call in recent_calls]
        return Readiness(ready=ready, checks=[Check(**vars(finding)) for finding in found], calls=calls)

    @router.get("/version")
    async def version() -> dict[str, str]:
        """Version of this software."""
        return {"version": __version__}

    return router


def _is_one_of(tokens: Sequence[SecretStr | None], authorization: str | None) -> bool:
    scheme, _, given = (authorization or "").partition(" ")
    is_known = [compare_digest(given.encode(), token.get_secret_value().encode()) for token in tokens if token]
    return scheme.lower() == "bearer" and any(is_known)
