"""`POST /agents/route` and `POST /agents/score`: Encord calls them when a task reaches an agent stage."""

import logging
import time
from collections.abc import Callable
from typing import Annotated, Any, Protocol, TypeVar
from uuid import UUID

import anyio.to_thread
from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.api.signatures import SignedEndpoint
from agents.config import Settings
from agents.platform.context import unit_of_work

TRACE_HEADER = "X-Cloud-Trace-Context"
_log = logging.getLogger(__name__)
T = TypeVar("T")


class AgentRequest(BaseModel):
    """What Encord sends to a custom agent. It names no person, task or branch."""

    model_config = ConfigDict(extra="ignore", populate_by_name=False)

    project_hash: UUID = Field(alias="projectHash")
    data_hash: UUID = Field(alias="dataHash")
    frame: int = Field(default=0, ge=0)
    object_hashes: list[str] | None = Field(default=None, alias="objectHashes")


class AgentAnswer(BaseModel):
    """What Encord reads from a custom agent."""

    message: str | None = Field(default=None, max_length=256, description="shown to a person")
    decision: str | None = Field(default=None, max_length=256, description="pathway to take, by name")


class UseCases(Protocol):
    """What the endpoints call; wired in `agents.app`."""

    def route(self, project_hash: str, data_hash: str) -> AgentAnswer:
        """Decide where a task goes."""

    def score(self, project_hash: str, data_hash: str) -> AgentAnswer:
        """Score a task's labels and say where it goes."""


def custom_agents(settings: Settings, use_cases: UseCases) -> APIRouter:
    """The two endpoints, each behind its own secret."""
    router = APIRouter(prefix="/agents", tags=["custom agents"])

    def signed(secrets: Any) -> SignedEndpoint:
        return SignedEndpoint(secrets, settings.signature_tolerance_seconds)

    async def answer(request: Request, body: bytes, use_case: Callable[[str, str], AgentAnswer]) -> AgentAnswer:
        call = parse(body)
        started = time.perf_counter()

        def work() -> AgentAnswer:
            with unit_of_work(trace_header=request.headers.get(TRACE_HEADER), seconds=settings.request_seconds):
                result = use_case(str(call.project_hash), str(call.data_hash))
                _log.info(
                    "answered",
                    extra={
                        "endpoint": request.url.path,
                        "data_hash": str(call.data_hash),
                        "decision": result.decision,
                        "milliseconds": round((time.perf_counter() - started) * 1000, 1),
                    },
                )
                return result

        return await anyio.to_thread.run_sync(work)

    route_body = Annotated[bytes, Depends(signed(settings.route_secrets))]
    score_body = Annotated[bytes, Depends(signed(settings.score_secrets))]
    answers: dict[str, Any] = {"response_model_exclude_none": True}

    @router.post("/route", **answers)
    async def route(request: Request, body: route_body) -> AgentAnswer:
        """Is the data unit in the benchmark dataset? Answers with the pathway's name."""
        return await answer(request, body, use_cases.route)

    @router.post("/score", **answers)
    async def score(request: Request, body: score_body) -> AgentAnswer:
        """Score every annotator's labels of the data unit against its ground truth, and record the scores."""
        return await answer(request, body, use_cases.score)

    return router


def parse(body: bytes) -> AgentRequest:
    """The verified body as a request.

    Raises:
        HTTPException: 422, naming the field but not its value.
    """
    try:
        return AgentRequest.model_validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        raise HTTPException(422, "; ".join(f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in faults)) from None
