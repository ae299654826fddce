"""The service as a Lambda function, under the runtime interface emulator, against the emulator of Encord."""

import base64
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from benchmark_qa.tasks.jobs import DrainJob
from demo.lambda_events import function_url_event
from demo.lambda_runtime import (
    HTTP_HANDLER,
    JOBS_HANDLER,
    Function,
    RuntimeEmulatorMissing,
    emulator_program,
    running_function,
)
from emulator.testing import Running, running
from tests.integration.service.sandbox import (
    PRODUCTION,
    ROUTE_SECRET,
    ROUTING_STAGE,
    SCORE_SECRET,
    SCORING_STAGE,
    Unit,
    service_environment,
    signed,
    uuid,
    world,
)

UNUSED_QUEUE = "http://127.0.0.1:9/123456789012/jobs"
"""Jobs that name their data units put nothing on a queue"""


@pytest.fixture(scope="module")
def units(pedestrians: dict[str, Any]) -> list[Unit]:
    images = pedestrians["images"][:12]
    return [Unit(image, stage="Routing" if number < 6 else "Score") for number, image in enumerate(images)]


@pytest.fixture(scope="module")
def platform(units: list[Unit]) -> Iterator[Running]:
    with running(world(units, "http://127.0.0.1:9")) as emulator:
        yield emulator


@contextmanager
def running_handler(handler: str, platform: Running) -> Iterator[Function]:
    try:
        emulator_program()
    except RuntimeEmulatorMissing as error:
        pytest.skip(str(error))
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        environment = service_environment(platform.url, Path(folder), {})
        durable = {"DURABLE_DIRECTORY": folder, "JOBS_QUEUE": UNUSED_QUEUE}
        with running_function(handler, environment | durable, output=log) as function:
            yield function


@pytest.fixture(scope="module")
def function(platform: Running) -> Iterator[Function]:
    with running_handler(HTTP_HANDLER, platform) as behind_a_url:
        yield behind_a_url


@pytest.fixture(scope="module")
def worker(platform: Running) -> Iterator[Function]:
    with running_handler(JOBS_HANDLER, platform) as behind_a_queue:
        yield behind_a_queue


def call(function: Function, path: str, body: bytes, headers: Mapping[str, str]) -> Any:
    answer = function.invoke(function_url_event("POST", path, headers, body))
    assert "statusCode" in answer, answer
    return answer["statusCode"], json.loads(answer["body"])


def agent_body(data_hash: str, **more: Any) -> bytes:
    return json.dumps({"projectHash": PRODUCTION, "dataHash": data_hash, "frame": 0, **more}).encode()


def queue_event(*bodies: str) -> dict[str, Any]:
    """What the event source mapping makes of messages on the queue."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": str(uuid4()),
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1700000000000"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:jobs",
                "awsRegion": "eu-west-1",
            }
            for number, body in enumerate(bodies)
        ]
    }


def test_a_signed_call_through_the_function_url_is_routed(function: Function, units: list[Unit]) -> None:
    benchmark, production = agent_body(units[0].data_hash), agent_body(uuid("production/0"))
    assert call(function, "/agents/route", benchmark, signed(benchmark, ROUTE_SECRET)) == (200, {"decision": "Yes"})
    assert call(function, "/agents/route", production, signed(production, ROUTE_SECRET)) == (200, {"decision": "No"})


def test_a_signed_call_through_the_function_url_is_scored(function: Function, units: list[Unit]) -> None:
    body = agent_body(units[-1].data_hash)
    status, answer = call(function, "/agents/score", body, signed(body, SCORE_SECRET))
    assert (status, answer["decision"]) == (200, "Done")


def test_a_body_that_travels_as_base64_is_verified_byte_for_byte(function: Function, units: list[Unit]) -> None:
    body = b"\xef\xbb\xbf" + agent_body(units[0].data_hash, note="\u00e9\u4e2d\U0001f600\r\n\t") + b"\r\n "
    headers = {**signed(body, ROUTE_SECRET), "Content-Type": "application/octet-stream"}
    event = function_url_event("POST", "/agents/route", headers, body)
    assert event["isBase64Encoded"]
    assert base64.b64decode(event["body"]) == body
    # Only a signature over exactly these bytes gets as far as the complaint about the byte order mark.
    assert function.invoke(event)["statusCode"] == 422
    event["body"] = base64.b64encode(body.strip()).decode()
    assert function.invoke(event)["statusCode"] == 401


def test_text_outside_of_ascii_is_verified_as_it_was_sent(function: Function, units: list[Unit]) -> None:
    body = json.dumps(
        {"projectHash": PRODUCTION, "dataHash": units[0].data_hash, "note": "\u00e9\u4e2d\U0001f600"},
        ensure_ascii=False, indent=3,
    ).encode()  # fmt: skip
    assert call(function, "/agents/route", body, signed(body, ROUTE_SECRET)) == (200, {"decision": "Yes"})


def test_an_unsigned_call_is_refused_and_asks_encord_nothing(
    function: Function, platform: Running, units: list[Unit]
) -> None:
    import requests

    requests.delete(f"{platform.url}/_emulator/requests", timeout=10)
    status, _ = call(function, "/agents/route", agent_body(units[0].data_hash), {"Content-Type": "application/json"})
    assert status == 401
    assert requests.get(f"{platform.url}/_emulator/requests", timeout=10).json()["counts"] == []


def test_the_application_answers_cors_itself(function: Function) -> None:
    event = function_url_event("OPTIONS", "/agents/score", {
        "Origin": "https://app.encord.com", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }, b"")  # fmt: skip
    answer = function.invoke(event)
    assert answer["headers"]["access-control-allow-origin"] == "https://app.encord.com"


def test_one_poisoned_record_fails_alone_and_the_others_are_worked_off(
    worker: Function, platform: Running, units: list[Unit]
) -> None:
    route_some = DrainJob(PRODUCTION, ROUTING_STAGE, tuple(unit.data_hash for unit in units[:3]))
    route_more = DrainJob(PRODUCTION, ROUTING_STAGE, tuple(unit.data_hash for unit in units[3:6]))
    score_some = DrainJob(PRODUCTION, SCORING_STAGE, tuple(unit.data_hash for unit in units[6:9]))
    answer = worker.invoke(
        queue_event(route_some.to_json(), '{"version":1,"kind":"drain"}', score_some.to_json(), route_more.to_json())
    )
    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}
    stages = stages_of(platform)
    assert {stages[unit.data_hash] for unit in units[:6]} == {"Consensus"}
    assert {stages[unit.data_hash] for unit in units[6:9]} == {"Complete"}
    assert {stages[unit.data_hash] for unit in units[9:]} == {"Score"}


def test_a_batch_delivered_twice_changes_nothing(worker: Function, platform: Running, units: list[Unit]) -> None:
    event = queue_event(DrainJob(PRODUCTION, SCORING_STAGE, tuple(unit.data_hash for unit in units[6:])).to_json())
    assert worker.invoke(event) == {"batchItemFailures": []}
    before = stages_of(platform)
    assert worker.invoke(event) == {"batchItemFailures": []}
    assert stages_of(platform) == before


def test_a_job_of_a_project_that_is_not_served_fails(worker: Function) -> None:
    job = DrainJob(uuid("somebody else's project"), ROUTING_STAGE, (uuid("x"),))
    assert worker.invoke(queue_event(job.to_json())) == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}


def test_who_may_call_the_public_function_cannot_hand_in_a_job(
    function: Function, platform: Running, units: list[Unit]
) -> None:
    before = stages_of(platform)
    job = DrainJob(PRODUCTION, SCORING_STAGE, tuple(unit.data_hash for unit in units))
    assert "errorMessage" in function.invoke(queue_event(job.to_json()))
    assert stages_of(platform) == before


def stages_of(platform: Running) -> dict[str, str]:
    """data hash -> title of the stage its task is at"""
    import requests

    tasks = requests.get(f"{platform.url}/_emulator/projects/{PRODUCTION}/tasks", timeout=10).json()
    return {task["data_hash"]: task["stage"]["title"] for task in tasks["tasks"]}
