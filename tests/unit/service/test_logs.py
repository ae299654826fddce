"""What the log says of failures."""

import asyncio
import io
import json
import logging
import sys
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from fastapi import FastAPI, HTTPException
from starlette.types import Message

from benchmark_qa.service.errors import install_error_handlers
from benchmark_qa.service.observability import NOISY, JsonLines, log_as_json

LABELS = '{"objects": [{"x": 0.25, "y": 0.5}]}'


def test_a_traceback_tells_where_and_what_kind_and_quotes_no_message() -> None:
    def parse() -> None:
        raise ValueError(f"not JSON: {LABELS}")

    try:
        try:
            parse()
        except ValueError as error:
            raise RuntimeError(f"while reading {LABELS}") from error
    except RuntimeError:
        record = logging.LogRecord("agents", logging.ERROR, __file__, 1, "a job failed", (), sys.exc_info())
    line = json.loads(JsonLines().format(record))
    assert "0.25" not in str(line)
    assert "in parse" in line["exception"]
    assert [part for part in line["exception"].splitlines() if part.startswith("builtins.")] == [
        "builtins.ValueError",
        "builtins.RuntimeError",
    ]


SECRETS = ["route-secret-0123456789", 'a "quoted" secret/with+signs=', "ünïcode-secret-0123456789"]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What `serve` writes at its most talkative level."""
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    levels = {name: logging.getLogger(name).level for name in (*NOISY, "root")}
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session/token+of=lambda")
    for name in ("uvicorn", "uvicorn.error"):  # as `serve` has them, whatever servers other tests ran
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
        monkeypatch.setattr(logging.getLogger(name), "disabled", False)
    log_as_json("DEBUG", SECRETS)
    yield written
    root.handlers[:] = before
    for name, level in levels.items():
        logging.getLogger(None if name == "root" else name).setLevel(level)


@pytest.mark.parametrize("secret", [*SECRETS, "session/token+of=lambda"])
def test_no_line_of_any_logger_holds_a_secret_in_any_form(log: io.StringIO, secret: str) -> None:
    forms = [secret, quote(secret, safe=""), repr(secret)]
    for form in forms:
        logging.getLogger("some.library").debug(
            "GET /agents/score/%s", form, extra={"url": form, "headers": {"a": form}}
        )
    assert len(log.getvalue().splitlines()) == len(forms)
    for line in log.getvalue().splitlines():
        said = str(json.loads(line))
        assert secret not in said
        assert quote(secret, safe="") not in said
        assert said.count("(secret)") == 3


@pytest.mark.parametrize("name", [*NOISY, "boto3", "botocore.auth", "encord.http", "google.auth", "mangum", "urllib3"])
def test_libraries_that_log_addresses_and_headers_are_quiet_at_every_level(log: io.StringIO, name: str) -> None:
    for level in (logging.DEBUG, logging.INFO):
        logging.getLogger(f"{name}.below").log(level, "POST /agents/score/a-token")
    assert log.getvalue() == ""


@pytest.mark.parametrize("name", ["asyncio", "uvicorn.error"])
def test_what_anybody_can_cause_is_logged_once_in_a_while(log: io.StringIO, name: str) -> None:
    for _ in range(1000):
        logging.getLogger(name).warning("Invalid HTTP request received.")
        logging.getLogger(name).error("socket.accept() out of system resource")
    assert len(log.getvalue().splitlines()) == 2


@pytest.mark.parametrize(("status", "is_logged"), [(413, True), (422, True), (501, True), (404, False), (401, False)])
def test_a_request_that_cannot_be_used_leaves_one_line_with_endpoint_and_reason(
    log: io.StringIO, status: int, is_logged: bool
) -> None:
    app = FastAPI()
    install_error_handlers(app)

    @app.post(f"/for-{status}")
    async def refuse() -> None:
        raise HTTPException(status, "the reason")

    scope = {"type": "http", "method": "POST", "path": f"/for-{status}", "headers": [], "query_string": b""}

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Message) -> None:
        pass

    for _ in range(3):
        asyncio.run(app(dict(scope), receive, send))
    lines = [json.loads(line) for line in log.getvalue().splitlines() if "request_unusable" in line]
    assert [(each["endpoint"], each["message"]) for each in lines] == [
        (f"/for-{status}", f"refused a request to /for-{status} with {status}: the reason")
    ] * is_logged
