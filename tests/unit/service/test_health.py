"""`/readyz` is open to everybody: it must not be a lever against the rest of the service."""

import asyncio
import threading

import anyio.to_thread
from fastapi import FastAPI
from starlette.types import Message

from benchmark_qa.service.endpoints.health import health
from benchmark_qa.tasks.checks import Finding


def test_many_who_ask_while_encord_does_not_answer_take_no_thread_from_the_agents() -> None:
    answered, looked = threading.Event(), []

    def look() -> list[Finding]:
        looked.append(1)
        answered.wait(30)
        return [Finding("key", True, "fine")]

    async def ask() -> list[int]:
        app = FastAPI()
        app.include_router(health(look))
        threads = anyio.to_thread.current_default_thread_limiter()
        waiting = [asyncio.create_task(_status_of_get(app, "/readyz")) for _ in range(100)]
        while not looked:
            await asyncio.sleep(0.01)
        in_use = threads.borrowed_tokens
        answered.set()
        statuses = await asyncio.gather(*waiting)
        assert in_use == 0
        return statuses

    assert asyncio.run(ask()) == [200] * 100
    assert len(looked) == 1


async def _status_of_get(app: FastAPI, path: str) -> int:
    """What a server would send: one request, by the protocol between server and application."""
    statuses = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
    }
    await app(scope, receive, send)
    return statuses[0]
