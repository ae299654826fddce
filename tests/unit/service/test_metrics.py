"""Metrics where the extra is not installed, and asked for with a wrong token."""

import asyncio
import sys
from unittest.mock import patch

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.types import Message

from benchmark_qa.service.observability import install_metrics


def test_a_token_without_the_extra_stops_no_start() -> None:
    app = FastAPI()
    with patch.dict(sys.modules, {"opentelemetry.exporter": None}):  # as Python says that there is no such package
        sys.modules.pop("opentelemetry.exporter.prometheus", None)
        install_metrics(app, SecretStr("metrics-token-of-the-test-0123456789"), lambda: None)
    assert "/metrics" not in {getattr(route, "path", "") for route in app.routes}


@pytest.mark.parametrize("given", [b"Bearer another", b"", b"Basic x"])
def test_a_wrong_token_is_refused_and_noted(given: bytes) -> None:
    app, noted, statuses = FastAPI(), [], []
    install_metrics(app, SecretStr("metrics-token-of-the-test-0123456789"), lambda: noted.append(1))

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    scope = {"type": "http", "method": "GET", "path": "/metrics", "headers": [(b"authorization", given)]}
    asyncio.run(app({**scope, "query_string": b""}, receive, send))
    assert (statuses, noted) == ([401], [1])
