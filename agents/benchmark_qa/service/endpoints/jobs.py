"""`POST /jobs`: receives jobs from Cloud Tasks, with a Google-signed token of the service account."""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.to_thread
import requests
from fastapi import APIRouter, HTTPException, Request
from google.auth import exceptions, jwt
from pydantic import BaseModel

from benchmark_qa.config.settings import Settings
from benchmark_qa.context import unit_of_work
from benchmark_qa.service.admission import DRAINS_AT_ONCE, ServiceFull, WaitingLine
from benchmark_qa.service.errors import Refusals
from benchmark_qa.service.service import Service
from benchmark_qa.service.signatures import read_body
from benchmark_qa.tasks.jobs import DrainJob, JobError

ISSUERS = ("https://accounts.google.com", "accounts.google.com")
CERTIFICATES_SECONDS = 3600.0
"""Seconds for which Google's keys are cached. Google publishes a new key a day before it is used."""
RETRY_HEADER = "X-CloudTasks-TaskRetryCount"
_log = logging.getLogger(__name__)


@dataclass
class TokenVerifier:
    """Checks that Google issued a bearer token for one service account and one audience."""

    audience: str
    service_account: str
    certificates_url: str
    _certificates: Mapping[str, str] = field(default_factory=dict, init=False, repr=False)
    _fetched: float = field(default=float("-inf"), init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def verify(self, authorization: str | None) -> None:
        """Check the value of an `Authorization` header.

        Raises:
            HTTPException: 401 if the token is not valid, 503 if Google's keys cannot be fetched.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise HTTPException(401, "a bearer token is needed")
        try:
            claims: Mapping[str, Any] = jwt.decode(token, certs=self._keys(), audience=self.audience)  # type: ignore[no-untyped-call]
        except (exceptions.GoogleAuthError, ValueError):
            raise HTTPException(401, "the token does not verify") from None
        mine = claims.get("email") == self.service_account and claims.get("email_verified") is True
        if claims.get("iss") not in ISSUERS or not mine:
            raise HTTPException(401, "the token is another's")

    def _keys(self) -> Mapping[str, str]:
        with self._lock:
            if time.monotonic() - self._fetched > CERTIFICATES_SECONDS:
                try:
                    answer = requests.get(self.certificates_url, timeout=5)
                    answer.raise_for_status()
                    self._certificates = answer.json()
                except requests.RequestException:
                    raise HTTPException(503, "Google's keys cannot be had", {"Retry-After": "10"}) from None
                self._fetched = time.monotonic()
            return self._certificates


class Worked(BaseModel):
    """The outcome of a job."""

    message: str


def jobs(settings: Settings, service: Service, refusals: Refusals) -> APIRouter:
    """The endpoint for deployments that use Cloud Tasks."""
    assert settings.jobs_url is not None and settings.jobs_service_account is not None  # noqa: S101, PT018 - validated
    router = APIRouter(tags=["jobs"])
    verifier = TokenVerifier(settings.jobs_url, settings.jobs_service_account, settings.jobs_certificates_url)
    drains = WaitingLine(DRAINS_AT_ONCE)
    threads = anyio.CapacityLimiter(DRAINS_AT_ONCE)

    @router.post("/jobs", include_in_schema=False)
    async def work_off(request: Request) -> Worked:
        """Run one job. After any answer but 200 Cloud Tasks delivers it again."""
        try:
            await anyio.to_thread.run_sync(verifier.verify, request.headers.get("Authorization"))
        except HTTPException as error:
            if error.status_code == 401:
                refusals.note("/jobs", "wrong token")
            raise
        body = await read_body(request)
        try:
            job = DrainJob.from_json(body)
        except JobError as error:
            # A second delivery would fail in the same way.
            _log.error("dropped a message that no retry can mend: %s", error)
            return Worked(message="dropped")

        try:
            with unit_of_work(seconds=settings.job_seconds):
                async with drains.turn():
                    await anyio.to_thread.run_sync(service.work_off, job, limiter=threads)
        except ServiceFull:
            raise
        except Exception:
            _log.exception("a job failed", extra={"delivery": request.headers.get(RETRY_HEADER)})
            raise HTTPException(503, "the job is not done: deliver it again") from None
        return Worked(message="done")

    return router
