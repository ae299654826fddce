"""`POST /events/task-submitted`, `/events/task-completed`: webhooks of Annotate and Complete stages."""

import logging
from typing import Annotated
from uuid import UUID

import anyio.to_thread
from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from benchmark_qa.config.settings import Settings
from benchmark_qa.context import unit_of_work
from benchmark_qa.service.admission import EVENTS_AT_ONCE, WaitingLine
from benchmark_qa.service.endpoints.custom_agents import ERRORS
from benchmark_qa.service.endpoints.notifications import Accepted
from benchmark_qa.service.errors import Refusals
from benchmark_qa.service.service import Service
from benchmark_qa.service.signatures import SignedEndpoint, read_body, signed_endpoint

SUBMITTED = ("task_submitted_event", "task_sumbitted_event")
"""Event types; older platforms spell it the second way."""
COMPLETED = ("task_completed_event",)
MAX_DATA_HASHES = 10_000
MAX_EVENT_BYTES = 2 * 1024 * 1024
"""Bytes; enough for that many data hashes, as many label hashes, and other fields."""
_log = logging.getLogger(__name__)


def _as_list(value: object) -> object:
    """Accept one hash or a list of hashes: Encord does not document which of them it sends."""
    return [value] if isinstance(value, str) else value


class _Payload(BaseModel):
    project_hash: UUID
    data_hashes: Annotated[list[UUID], BeforeValidator(_as_list)] = []


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="ignore")

    event_type: str
    payload: object = None


def events(settings: Settings, service: Service, refusals: Refusals) -> APIRouter:
    """The two endpoints, each with its own secret."""
    router = APIRouter(prefix="/events", tags=["events"])
    submitted = signed_endpoint(settings, "/events/task-submitted", "TASK_SUBMITTED_SECRET", refusals)
    completed = signed_endpoint(settings, "/events/task-completed", "TASK_COMPLETED_SECRET", refusals)
    at_once = WaitingLine(EVENTS_AT_ONCE)

    async def handle(request: Request, signed: SignedEndpoint, kinds: tuple[str, ...]) -> Accepted:
        body = await read_body(request, MAX_EVENT_BYTES)
        signed.verify(request, body)
        payload = read_event(body, kinds)
        if payload is None:
            return Accepted(message="not an event of this endpoint: nothing to do")

        hashes = [str(data_hash) for data_hash in payload.data_hashes]
        with unit_of_work(seconds=settings.request_seconds):
            async with at_once.turn():
                done = await anyio.to_thread.run_sync(service.take_event, str(payload.project_hash), hashes)
        return Accepted(message=done)

    @router.post("/task-submitted", responses=ERRORS)
    async def task_submitted(request: Request) -> Accepted:
        """Score the labels that were submitted."""
        return await handle(request, submitted, SUBMITTED)

    @router.post("/task-completed", responses=ERRORS)
    async def task_completed(request: Request) -> Accepted:
        """Score completed work. In a benchmark project, score again what was scored against the earlier truth."""
        return await handle(request, completed, COMPLETED)

    return router


def read_event(body: bytes, kinds: tuple[str, ...]) -> _Payload | None:
    """The payload of a verified event; None for other events, which are acknowledged.

    Raises:
        HTTPException: 422 if the body is not an event.
    """
    try:
        envelope = _Envelope.model_validate_json(body)
        if envelope.event_type not in kinds:
            return None
        payload = _Payload.model_validate(envelope.payload)
    except ValidationError:
        raise HTTPException(422, "the body is not an event of Encord") from None
    if len(payload.data_hashes) > MAX_DATA_HASHES:
        raise HTTPException(422, f"more than {MAX_DATA_HASHES} data hashes in one event")
    return payload
