"""Every endpoint that works for Encord verifies first, by itself: nothing is done for anybody else."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import anyio
import pytest
from fastapi import APIRouter, FastAPI, Request

from benchmark_qa.config.settings import Settings, load_settings
from benchmark_qa.service.admission import ServiceFull, WaitingLine
from benchmark_qa.service.endpoints.custom_agents import custom_agents
from benchmark_qa.service.endpoints.events import events
from benchmark_qa.service.endpoints.notifications import notifications
from benchmark_qa.service.endpoints.reports import reports
from benchmark_qa.service.errors import Refusals, install_error_handlers, status_of
from benchmark_qa.service.signatures import SignedEndpoint
from benchmark_qa.tasks.decision import AgentAnswer
from tests.integration.service.sandbox import (
    COMPLETED_SECRET,
    EDITOR_ORIGIN,
    EDITOR_TOKEN,
    NOTIFICATION_SECRET,
    ROUTE_SECRET,
    SCORE_SECRET,
    SUBMITTED_SECRET,
    service_environment,
    signed,
)
from tests.unit.service.test_lanes import NOTIFIED, SUBMITTED, agent_body, webhook_body

REPORT_TOKEN = "report-token-of-the-test-0123456789"
BODIES: dict[str, tuple[str, Any]] = {
    "/agents/route": (ROUTE_SECRET, agent_body()),
    "/agents/score": (SCORE_SECRET, agent_body()),
    "/notifications/task-ready": (NOTIFICATION_SECRET, NOTIFIED),
    "/events/task-submitted": (SUBMITTED_SECRET, SUBMITTED),
    "/events/task-completed": (COMPLETED_SECRET, webhook_body("task_completed_event", data_hashes=[], label_hashes=[])),
}


class Witness:
    """Notes every use case that is called."""

    def __init__(self) -> None:
        self.called: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def note(*_: object, **__: object) -> Any:
            self.called.append(name)
            if name == "report":
                return b""
            return "done" if name.startswith("take") else AgentAnswer()

        return note


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    more = {"REPORT_TOKEN": REPORT_TOKEN}
    with patch.dict("os.environ", service_environment("http://127.0.0.1:9", tmp_path, {}) | more, clear=True):
        return load_settings(endpoints=True)


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture
def routers(settings: Settings, witness: Witness) -> list[APIRouter]:
    service: Any = witness
    given = (settings, service, Refusals())
    assert settings.report_token is not None
    return [custom_agents(*given), notifications(*given), events(*given), reports(settings.report_token, *given[1:])]


@pytest.fixture
def app(routers: list[APIRouter]) -> FastAPI:
    made = FastAPI()
    install_error_handlers(made)
    for router in routers:
        made.include_router(router)
    return made


def call(app: FastAPI, path: str, body: bytes, headers: dict[str, str], method: str = "POST") -> int:
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return statuses[0]


def test_every_route_is_tried_here(routers: list[APIRouter]) -> None:
    paths = {route.path for router in routers for route in router.routes}  # type: ignore[attr-defined]
    assert paths == {*BODIES, "/agents/route/{token}", "/agents/score/{token}", "/reports/{project}"}


@pytest.mark.parametrize("path", BODIES)
def test_a_call_that_does_not_verify_does_no_work(app: FastAPI, witness: Witness, path: str) -> None:
    own, content = BODIES[path]
    body = json.dumps(content).encode()
    good = signed(body, own)
    others = [signed(body, secret) for other, (secret, _) in BODIES.items() if other != path]
    bad: list[dict[str, str]] = [
        {},
        *others,
        signed(body + b" ", own),
        good | {"X-Encord-Timestamp": str(int(time.time()) - 301)},
        good | {"X-Encord-Signature": good["X-Encord-Signature"].upper()},
        {"X-Encord-Signature": good["X-Encord-Signature"]},
        {"Origin": EDITOR_ORIGIN},
        {"Authorization": f"Bearer {REPORT_TOKEN}"},
    ]
    assert [call(app, path, body, headers) for headers in bad] == [401] * len(bad)
    assert witness.called == []
    assert call(app, path, body, good) == 200
    assert len(witness.called) == 1


@pytest.mark.parametrize("path", ["/agents/route", "/agents/score"])
def test_an_editors_call_needs_token_and_origin_and_no_false_signature(
    app: FastAPI, witness: Witness, path: str
) -> None:
    body = json.dumps(agent_body()).encode()
    page = {"Origin": EDITOR_ORIGIN}
    assert call(app, f"{path}/{EDITOR_TOKEN}x", body, page) == 401
    assert call(app, f"{path}/{EDITOR_TOKEN}", body, page | signed(body, "another-secret")) == 401
    if path == "/agents/route":  # has no token here
        assert call(app, f"{path}/{EDITOR_TOKEN}", body, page) == 401
        assert witness.called == []
        return
    assert call(app, f"{path}/{EDITOR_TOKEN}", body, {}) == 403
    assert call(app, f"{path}/{EDITOR_TOKEN}", body, {"Origin": "https://evil.example"}) == 403
    assert witness.called == []
    assert call(app, f"{path}/{EDITOR_TOKEN}", body, page) == 200
    assert witness.called == ["editor_score"]


def test_a_report_needs_the_operators_token(app: FastAPI, witness: Witness) -> None:
    path = "/reports/7a000000-0000-4000-8000-000000000001"
    for given in ("", "Bearer ", f"Bearer {REPORT_TOKEN}x", f"Bearer {EDITOR_TOKEN}", f"Digest {REPORT_TOKEN}"):
        assert call(app, path, b"", {"Authorization": given}, "GET") == 401
    assert witness.called == []
    assert call(app, path, b"", {"Authorization": f"Bearer {REPORT_TOKEN}"}, "GET") == 200


def test_a_full_line_sends_the_next_one_away_at_once_and_takes_others_later() -> None:
    async def scenario() -> None:
        line, done = WaitingLine(2, may_wait=3), anyio.Event()

        async def take() -> None:
            async with line.turn():
                await done.wait()

        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(take)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(ServiceFull):
                async with line.turn():
                    raise AssertionError("it was full")
            done.set()
        async with line.turn():
            pass

    anyio.run(scenario)
    assert status_of(ServiceFull) == 503


@pytest.mark.parametrize("path", BODIES)
def test_the_check_notices_an_endpoint_that_does_not_verify(
    app: FastAPI, witness: Witness, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    verify = SignedEndpoint.verify

    def but_here(self: SignedEndpoint, request: Request, body: bytes) -> None:
        if self.name != path:
            verify(self, request, body)

    monkeypatch.setattr(SignedEndpoint, "verify", but_here)
    with pytest.raises(AssertionError):
        test_a_call_that_does_not_verify_does_no_work(app, witness, path)
    witness.called.clear()
    for other in BODIES:
        if other != path:
            test_a_call_that_does_not_verify_does_no_work(app, witness, other)
            witness.called.clear()


def takes_everything(*_: object) -> bool:
    return True


@pytest.mark.parametrize(
    ("what", "instead"),
    [
        ("benchmark_qa.service.endpoints.custom_agents.compare_digest", takes_everything),
        ("benchmark_qa.service.endpoints.custom_agents.is_signed", lambda _: False),
        ("benchmark_qa.service.endpoints.custom_agents.AllowedOrigins.require", takes_everything),
    ],
)
def test_the_check_notices_an_editors_url_that_looks_at_no_token_signature_or_origin(
    app: FastAPI, witness: Witness, monkeypatch: pytest.MonkeyPatch, what: str, instead: Any
) -> None:
    monkeypatch.setattr(what, instead)
    with pytest.raises(AssertionError):
        test_an_editors_call_needs_token_and_origin_and_no_false_signature(app, witness, "/agents/score")


def test_the_check_notices_a_report_for_everybody(
    app: FastAPI, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmark_qa.service.endpoints.reports.compare_digest", takes_everything)
    with pytest.raises(AssertionError):
        test_a_report_needs_the_operators_token(app, witness)
