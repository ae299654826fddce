"""`POST /notifications/task-ready`: tasks wait at an agent stage on *Advanced*."""

import logging

import anyio
import anyio.to_thread
from encord_agents.core.webhooks import UnexpectedEventType, UnsupportedNotificationVersion, parse_notification
from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ValidationError

from benchmark_qa.config.settings import Settings
from benchmark_qa.context import unit_of_work
from benchmark_qa.service.admission import DRAINS_AT_ONCE, WaitingLine
from benchmark_qa.service.endpoints.custom_agents import ERRORS
from benchmark_qa.service.errors import Refusals
from benchmark_qa.service.service import Service
from benchmark_qa.service.signatures import read_body, signed_endpoint
from benchmark_qa.tasks.jobs import DrainJob

_log = logging.getLogger(__name__)


class Accepted(BaseModel):
    """The outcome of a notification."""

    message: str


def notifications(settings: Settings, service: Service, refusals: Refusals) -> APIRouter:
    """The endpoint for every stage whose secret is in `NOTIFICATION_SECRET`."""
    router = APIRouter(prefix="/notifications", tags=["notifications"])
    signed = signed_endpoint(settings, "/notifications/task-ready", "NOTIFICATION_SECRET", refusals)
    drains = WaitingLine(DRAINS_AT_ONCE)
    threads = anyio.CapacityLimiter(DRAINS_AT_ONCE)

    @router.post("/task-ready", responses={**ERRORS, 501: {"description": "An envelope version not known yet"}})
    async def task_ready(request: Request) -> Accepted:
        """Drain the queue of the stage in the notification."""
        body = await read_body(request)
        signed.verify(request, body)
        job = read_notification(body)
        if job is None:
            return Accepted(message="not a task-ready notification: nothing to do")

        with unit_of_work(seconds=settings.request_seconds):
            async with drains.turn():
                done = await anyio.to_thread.run_sync(service.take_job, job, limiter=threads)
        _log.info("notified", extra={"stage": job.stage_uuid, "outcome": done})
        return Accepted(message=done)

    return router


def read_notification(body: bytes) -> DrainJob | None:
    """The job of a verified notification; None for other events, which are acknowledged.

    Raises:
        HTTPException: 422 if the body is not a notification, 501 for an unknown version.
    """
    try:
        notification = parse_notification(body)
    except UnexpectedEventType as other:
        _log.info("acknowledged an event of another kind: %.100s", other.event_type)
        return None
    except UnsupportedNotificationVersion as error:
        raise HTTPException(501, str(error)) from None
    except (ValidationError, ValueError, AttributeError, RecursionError):
        raise HTTPException(422, "the body is not a task-ready notification") from None
    return DrainJob(project_hash=str(notification.project_hash), stage_uuid=str(notification.stage_uuid))
