"""`POST /agents/route` and `/agents/score`: custom agents, called by workflow or label editor.

A call with a signature comes from the workflow, and the signature must verify. A call without one comes from the editor
in a person's browser; it is accepted only if the URL ends in the endpoint's secret token and the origin is allowed.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest
from typing import Annotated, Any
from uuid import UUID

import anyio.to_thread
from fastapi import APIRouter, HTTPException, Path, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from benchmark_qa.config.settings import Settings
from benchmark_qa.context import unit_of_work
from benchmark_qa.service.admission import MOST, SCORINGS_AT_ONCE, AllowedOrigins, WaitingLine
from benchmark_qa.service.errors import Refusals
from benchmark_qa.service.service import Service
from benchmark_qa.service.signatures import SignedEndpoint, is_signed, read_body, signed_endpoint
from benchmark_qa.tasks.decision import AgentAnswer

TEST_HEADERS = ("X-Encord-Editor-Agent", "X-Encord-Agent")


_log = logging.getLogger(__name__)


class AgentRequest(BaseModel):
    """What Encord sends to a custom agent. It names no person, task or branch."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "examples": [
                {
                    "projectHash": "7a000000-0000-4000-8000-000000000001",
                    "dataHash": "5e0b3a44-0000-4000-8000-000000000001",
                    "frame": 0,
                }
            ]
        },
    )

    project_hash: UUID = Field(alias="projectHash")
    data_hash: UUID = Field(alias="dataHash")
    frame: int = Field(default=0, ge=0)
    object_hashes: list[str] | None = Field(default=None, alias="objectHashes")


UseCase = Callable[[str, str], AgentAnswer]
"""Returns the answer for (project hash, data hash)."""


@dataclass(frozen=True)
class _Agent:
    """One custom agent: who may call it, and the answer to each kind of caller."""

    signed: SignedEndpoint
    token: SecretStr | None
    origins: AllowedOrigins
    workflow_call: UseCase
    editor_call: UseCase
    seconds: float
    at_once: WaitingLine
    """Limits the calls that may hold a thread."""
    refusals: Refusals
    """Records the calls that are refused."""

    async def answer(self, request: Request, token: str | None) -> AgentAnswer:
        if any(request.headers.get(header) is not None for header in TEST_HEADERS):
            return AgentAnswer()
        body = await read_body(request)
        use_case = self._authorise(request, body, token)
        call = parse(body)
        with unit_of_work(seconds=self.seconds):  # the deadline includes the wait for a thread
            async with self.at_once.turn():
                return await anyio.to_thread.run_sync(self._work, request, use_case, call)

    def _authorise(self, request: Request, body: bytes, token: str | None) -> UseCase:
        """Authenticate the caller; returns the use case for it.

        Raises:
            HTTPException: 401 if the signature or token is missing or wrong, 403 if the origin is not allowed.
        """
        if is_signed(request):
            self.signed.verify(request, body)
            return self.workflow_call
        expected = self.token.get_secret_value() if self.token else ""
        if not expected or not compare_digest(expected.encode(), (token or "").encode()):
            if token is not None:
                self.refusals.note(self.signed.name, "wrong token")
                raise HTTPException(401, "the request's signature does not verify")
            self.signed.verify(request, body)  # raises, and logs the reason
        try:
            self.origins.require(request)
        except HTTPException:
            self.refusals.note(self.signed.name, "foreign web page")
            raise
        return self.editor_call

    def _work(self, request: Request, use_case: UseCase, call: AgentRequest) -> AgentAnswer:
        started = time.perf_counter()
        answer = use_case(str(call.project_hash), str(call.data_hash))
        _log.info(
            "answered",
            extra={
                "endpoint": "/".join(request.url.path.split("/")[:3]),  # without the token
                "data_hash": str(call.data_hash),
                "decision": answer.decision,
                "milliseconds": round((time.perf_counter() - started) * 1000, 1),
            },
        )
        return answer


def custom_agents(settings: Settings, service: Service, refusals: Refusals) -> APIRouter:
    """The two custom agents, each with its own secret and token."""
    router = APIRouter(prefix="/agents", tags=["custom agents"])
    origins = AllowedOrigins(settings.editor_origin_regex)

    agents = {
        "route": _Agent(
            signed=signed_endpoint(settings, "/agents/route", "ROUTE_SECRET", refusals),
            token=settings.route_editor_token,
            origins=origins,
            workflow_call=service.route,
            editor_call=service.editor_route,
            seconds=settings.request_seconds,
            at_once=WaitingLine(MOST),
            refusals=refusals,
        ),
        "score": _Agent(
            signed=signed_endpoint(settings, "/agents/score", "SCORE_SECRET", refusals),
            token=settings.score_editor_token,
            origins=origins,
            workflow_call=service.score,
            editor_call=service.editor_score,
            seconds=settings.request_seconds,
            at_once=WaitingLine(SCORINGS_AT_ONCE),
            refusals=refusals,
        ),
    }
    for name, each in agents.items():
        _mount(router, name, each)
    return router


def _mount(router: APIRouter, name: str, agent: _Agent) -> None:
    documented: dict[str, Any] = {
        "response_model_exclude_none": True,
        "openapi_extra": {
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": AgentRequest.model_json_schema(by_alias=True)}},
            }
        },
        "responses": ERRORS,
    }

    @router.post(f"/{name}", name=f"{name}_agent", summary=_SUMMARIES[name], **documented)
    async def workflow_url(request: Request) -> AgentAnswer:
        return await agent.answer(request, token=None)

    @router.post(f"/{name}/{{token}}", name=f"{name}_agent_editor", summary=_SUMMARIES[name], **documented)
    async def editor_url(request: Request, token: Annotated[str, Path(max_length=128)]) -> AgentAnswer:
        return await agent.answer(request, token)


_SUMMARIES = {
    "route": "Is the data unit in the benchmark dataset? Answers with the pathway's name.",
    "score": "Score every annotator's labels of the data unit against its ground truth, and record the scores.",
}


_MESSAGE = {
    "content": {"application/json": {"schema": {"type": "object", "properties": {"message": {"type": "string"}}}}}
}


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, **_MESSAGE}
    for status, text in {
        401: "The signature does not verify, or the token is wrong",
        403: "The project is not served here, or the origin is not allowed",
        404: "The project has no such data unit",
        409: "Cannot be done as things are: no ground truth yet, nothing submitted, ontologies differ",
        413: "The body is too long",
        422: "The body is not an agent request",
        502: "Encord refuses the service's key",
        503: "Encord is not available; `Retry-After` says when to try again",
    }.items()
}


def parse(body: bytes) -> AgentRequest:
    """Parse the body of an agent request.

    Raises:
        HTTPException: 422; the message names the field but not its value.
    """
    try:
        return AgentRequest.model_validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        raise HTTPException(422, "; ".join(f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in faults)) from None
