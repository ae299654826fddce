"""Calls that may take minutes, however many, leave threads to those that take milliseconds."""

import asyncio
import json
import threading
from pathlib import Path
from typing import Any
from unittest.mock import patch

import anyio.to_thread
import pytest
from fastapi import FastAPI
from starlette.types import Message

from benchmark_qa.config.settings import Settings, load_settings
from benchmark_qa.service.endpoints.custom_agents import custom_agents
from benchmark_qa.service.endpoints.events import events
from benchmark_qa.service.endpoints.notifications import notifications
from benchmark_qa.service.errors import Refusals
from benchmark_qa.tasks.decision import AgentAnswer
from tests.integration.service.sandbox import (
    NOTIFICATION_SECRET,
    PRODUCTION,
    ROUTE_SECRET,
    SCORE_SECRET,
    SCORING_STAGE,
    SUBMITTED_SECRET,
    service_environment,
    signed,
    uuid,
)

MANY = 70
PATIENCE = 10.0


class Slow:
    """Use cases of which only routing is quick; the others wait for Encord."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.encord_answers = threading.Event()

    def _wait(self) -> str:
        self.begun.release()
        assert self.encord_answers.wait(60)
        return "done"

    def route(self, _project: str, _data: str) -> AgentAnswer:
        return AgentAnswer(decision="Yes")

    def score(self, _project: str, _data: str) -> AgentAnswer:
        return AgentAnswer(message=self._wait())

    editor_route, editor_score = route, score

    def take_job(self, _job: object) -> str:
        return self._wait()

    def take_event(self, _project: str, _data_hashes: list[str]) -> str:
        return self._wait()


def agent_body() -> dict[str, Any]:
    return {"projectHash": PRODUCTION, "dataHash": uuid("an item"), "frame": 0}


def webhook_body(kind: str, **payload: Any) -> dict[str, Any]:
    return {
        "uid": uuid("delivery"), "version": 1, "source": "Encord", "event_type": kind,
        "event_created_timestamp": "2026-03-01T12:00:00.000000+00:00",
        "payload": {"project_hash": PRODUCTION, **payload},
    }  # fmt: skip


NOTIFIED = webhook_body(
    "agent_stage_work_available_event", stage_uuid=SCORING_STAGE, pending_count=1, reason="batch_size_reached"
)
SUBMITTED = webhook_body("task_submitted_event", data_hashes=[uuid("an item")], label_hashes=[])
CALLS = {
    "/agents/score": (SCORE_SECRET, agent_body()),
    "/notifications/task-ready": (NOTIFICATION_SECRET, NOTIFIED),
    "/events/task-submitted": (SUBMITTED_SECRET, SUBMITTED),
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    with patch.dict("os.environ", service_environment("http://127.0.0.1:9", tmp_path, {}), clear=True):
        return load_settings(endpoints=True)


@pytest.mark.parametrize("path", CALLS)
def test_many_slow_calls_keep_no_task_from_being_routed(path: str, settings: Settings) -> None:
    slow = Slow()
    app = FastAPI()
    for router in (
        custom_agents(settings, slow, Refusals()),
        notifications(settings, slow, Refusals()),
        events(settings, slow, Refusals()),
    ):
        app.include_router(router)

    async def scenario() -> tuple[list[int], int]:
        calls = [asyncio.create_task(post(app, path, *CALLS[path])) for _ in range(MANY)]
        assert await anyio.to_thread.run_sync(lambda: slow.begun.acquire(timeout=PATIENCE))
        await asyncio.sleep(0.3)  # until as many as may have begun
        try:
            routed = await asyncio.wait_for(post(app, "/agents/route", ROUTE_SECRET, agent_body()), PATIENCE)
        finally:
            slow.encord_answers.set()
        return await asyncio.gather(*calls), routed

    slow_ones, routed = asyncio.run(scenario())
    assert routed == 200
    assert slow_ones == [200] * MANY, "they wait their turn"


async def post(app: FastAPI, path: str, secret: str, content: Any) -> int:
    """What a server would hand on: one signed request, by the protocol between server and application."""
    body = json.dumps(content).encode()
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = [(name.lower().encode(), value.encode()) for name, value in signed(body, secret).items()]
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": headers,
    }  # fmt: skip
    await app(scope, receive, send)
    return statuses[0]
