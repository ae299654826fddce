"""What anybody may send: nothing breaks the service, nothing unverified reaches Encord, nothing secret is logged."""

import ast
import inspect
import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from encord_agents.core.webhooks import verify_signature
from hypothesis import HealthCheck, Phase, given, settings

from benchmark_qa.service.endpoints import custom_agents
from tests.integration.service import fuzz
from tests.integration.service.sandbox import (
    COMPLETED_SECRET,
    EDITOR_TOKEN,
    KEY,
    NOTIFICATION_SECRET,
    PRODUCTION,
    ROUTE_SECRET,
    ROUTING_STAGE,
    SCORE_SECRET,
    SCORING_STAGE,
    SUBMITTED_SECRET,
    Sandbox,
    Unit,
    sandbox,
    signed,
    uuid,
)

SECRETS = {
    "/agents/route": ROUTE_SECRET,
    "/agents/route/{token}": ROUTE_SECRET,
    "/agents/score": SCORE_SECRET,
    "/agents/score/{token}": SCORE_SECRET,
    "/notifications/task-ready": NOTIFICATION_SECRET,
    "/events/task-submitted": SUBMITTED_SECRET,
    "/events/task-completed": COMPLETED_SECRET,
}
EXAMPLES = 40
LIMIT, EVENT_LIMIT = 256 * 1024, 2 * 1024 * 1024
MOST_CHUNKS = 100


@pytest.fixture(scope="module")
def units(pedestrians: dict[str, Any]) -> list[Unit]:
    images = [image for image in pedestrians["images"] if image["ground_truth"]]
    return [Unit(image, stage="Score") for image in images[:3]]


@pytest.fixture(scope="module")
def running(units: list[Unit]) -> Iterator[Sandbox]:
    with sandbox(units, variables={"LOG_LEVEL": "DEBUG", "API_DOCS": "true"}) as both:
        both.route(units[0].data_hash)
        yield both


@pytest.fixture(scope="module")
def schema(running: Sandbox) -> Any:
    return schemathesis.openapi.from_url(f"{running.service}/openapi.json")


def call_everything(schema: Any, service: str, *, sign: bool) -> list[tuple[str, int]]:
    """Every operation of the schema with generated arguments; (path, status) of each answer."""
    answers: list[tuple[str, int]] = []
    session = requests.Session()

    def exercise(operation: Any) -> None:
        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        def send(case: Any) -> None:
            request = requests.Request(**case.as_transport_kwargs(base_url=service)).prepare()
            secret = SECRETS.get(operation.path)
            if sign and secret:
                body = request.body or b""
                body = body.encode() if isinstance(body, str) else body
                request.headers.update(signed(body, secret))
            answers.append((operation.path, session.send(request, timeout=60).status_code))

        send()

    for result in schema.get_all_operations():
        exercise(result.ok())
    return answers


def test_generated_calls_without_signature_meet_no_5xx_and_do_not_reach_encord(running: Sandbox, schema: Any) -> None:
    running.forget_requests()
    answers = call_everything(schema, running.service, sign=False)
    assert {path for path, _ in answers} >= set(SECRETS)
    assert [each for each in answers if each[1] >= 500] == []
    assert {status for path, status in answers if path in SECRETS} <= {200, 401, 403, 404, 405, 422}
    assert running.requests_of_service() == {}


def test_generated_calls_that_are_signed_get_past_verification_and_meet_no_5xx(running: Sandbox, schema: Any) -> None:
    answers = call_everything(schema, running.service, sign=True)
    assert [each for each in answers if each[1] >= 500] == []
    guarded = [status for path, status in answers if path in SECRETS]
    assert len(guarded) >= EXAMPLES
    past = sum(status != 401 for status in guarded) / len(guarded)
    assert past >= 0.8, f"only {past:.0%} of {len(guarded)} got past verification"


def check_fuzzing(running: Sandbox, number: int) -> None:
    running.forget_requests()
    refused = fuzz.fuzz(running.service, number // 2, seed=1, headers_of=fuzz.unverified_headers)
    assert [status for status in refused if status >= 500] == []
    assert set(refused) <= {400, 401, 403, 413, 417, 431}, refused
    assert running.requests_of_service() == {}, "an unverified request has reached Encord"
    verified = fuzz.fuzz(running.service, number - number // 2, seed=2, headers_of=fuzz.rightly_signed)
    assert [status for status in verified if status >= 500 and status != 501] == [], verified
    assert sum(count for status, count in verified.items() if status in (200, 404, 422)) > number // 10


def test_bent_bodies_and_headers_meet_no_5xx_and_do_not_reach_encord_unverified(running: Sandbox) -> None:
    check_fuzzing(running, 3_000)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_hundred_thousand_bent_requests_meet_no_5xx(running: Sandbox) -> None:
    check_fuzzing(running, 100_000)


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/agents/route", LIMIT), ("/notifications/task-ready", LIMIT), ("/events/task-submitted", EVENT_LIMIT)],
)
def test_a_body_over_the_limit_is_refused_and_one_at_the_limit_is_read(running: Sandbox, path: str, limit: int) -> None:
    over = b" " * (limit + 1)
    assert running.send(path, over, signed(over, SECRETS[path])).status_code == 413
    full = b" " * limit
    assert running.send(path, full, signed(full, SECRETS[path])).status_code == 422


@pytest.mark.parametrize(("number", "status"), [(10_000, 200), (10_001, 422)])
def test_an_event_may_name_ten_thousand_data_units_and_no_more(running: Sandbox, number: int, status: int) -> None:
    hashes = [uuid(f"submitted/{n}") for n in range(number)]
    answer = running.event("task-submitted", SUBMITTED_SECRET, "task_submitted_event", hashes)
    assert answer.status_code == status, answer.text
    if status == 200:
        assert answer.json() == {"message": f"0 scored, {number} left alone"}


def test_an_endless_body_is_not_read_to_its_end(running: Sandbox) -> None:
    """Chunk after chunk without a length: the service answers 413 and hangs up; it does not collect them."""
    host, port = running.service.removeprefix("http://").split(":")
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    sent, answered = 0, b""
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"POST /agents/route HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.settimeout(0.05)  # for whatever the service says after each chunk
        while not answered and sent < MOST_CHUNKS:
            try:
                connection.sendall(chunk)
                sent += 1
                answered = connection.recv(1000)
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break  # it has hung up on what it would not read; the answer may be lost with that
    assert not answered or answered.startswith(b"HTTP/1.1 413")
    assert sent < MOST_CHUNKS


def test_a_replay_outside_the_tolerance_is_refused_before_encord_is_asked(running: Sandbox, units: list[Unit]) -> None:
    body = json.dumps({"projectHash": PRODUCTION, "dataHash": units[0].data_hash}).encode()
    running.forget_requests()
    recorded = signed(body, ROUTE_SECRET, at=time.time() - 301)
    assert running.send("/agents/route", body, recorded).status_code == 401
    assert running.requests_of_service() == {}


def test_a_foreign_project_is_refused_before_encord_is_asked(running: Sandbox, units: list[Unit]) -> None:
    running.forget_requests()
    assert running.route(units[0].data_hash, project=uuid("somebody else's project")).status_code == 403
    assert running.requests_of_service() == {}


def test_signatures_and_tokens_are_compared_in_constant_time() -> None:
    """By what `hmac` offers for it, in the library that verifies and in our own token check; never with `==`."""
    library, ours = inspect.getsource(verify_signature), inspect.getsource(custom_agents)
    assert "hmac.compare_digest(" in library
    assert not re.search(r"signature\s*[!=]=\s*\w", library.replace("signature is None", ""))
    assert "compare_digest(expected.encode()" in ours
    for file in Path(custom_agents.__file__).parents[1].rglob("*.py"):
        for comparison in (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Compare)):
            assert not re.search(r"secret_value|\bexpected\b", ast.unparse(comparison)), (
                f"{file.name}: {comparison.lineno}"
            )


def test_no_secret_key_token_or_label_content_is_ever_logged(pedestrians: dict[str, Any]) -> None:
    """At the most talkative level, through success, refusal, breakdown and labels that cannot be read."""
    images = [image for image in pedestrians["images"] if len(image["ground_truth"]) >= 3]
    units = [Unit(image, stage="Score") for image in images[:3]]
    with sandbox(units, variables={"LOG_LEVEL": "DEBUG"}, change_world=spoil_the_last_truth) as both:
        both.route(units[0].data_hash)
        both.score(units[0].data_hash)
        assert both.score(units[2].data_hash).status_code == 422
        both.ask_in_editor(units[1].data_hash)
        both.ask_in_editor(units[1].data_hash, token="x" * 30)
        both.ask_in_editor(units[1].data_hash, origin="https://evil.example")
        both.send("/agents/route", b"{}", {})
        both.send("/agents/route", b'{"projectHash": "secret-in-a-body"}', signed(b"x", ROUTE_SECRET))
        both.notify(ROUTING_STAGE)
        both.notify(SCORING_STAGE)
        both.break_platform("drop", times=100)
        both.route(units[0].data_hash)
        both.mend_platform()
        log = both.log()
    assert len(log.splitlines()) > 10
    key_lines = [line for line in KEY.private.splitlines() if line and "-----" not in line]
    for secret in [*SECRETS.values(), EDITOR_TOKEN, *key_lines, "secret-in-a-body"]:
        assert secret not in log
    boxes = [box for unit in units for box in [*unit.image["ground_truth"], *next(iter(unit.annotations.values()))]]
    coordinates = {str(each) for x, y, _, _ in boxes for each in (x, y, x / 1280, y / 720)}
    long_enough = [each for each in coordinates if len(each) >= 6]  # `12.5` may be a number of milliseconds
    assert len(long_enough) > 20
    assert [each for each in long_enough if each in log] == []
    for content in ("object00", "PedestrX", SPOILT):
        assert content not in log


SPOILT = "a value that nobody may read"


def spoil_the_last_truth(world: dict[str, Any]) -> dict[str, Any]:
    """The ground truth of the last unit is not as Encord writes it."""
    label = [each for each in world["labels"] if each.get("branch_name", "main") == "main"][-1]
    (unit,) = label["labels"]["data_units"].values()
    unit["labels"]["objects"][0]["boundingBox"] = {"x": SPOILT, "y": None, "w": [], "h": {}}
    return world
