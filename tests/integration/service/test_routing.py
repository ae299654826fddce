"""Routing over real sockets: signed calls in, one request to Encord out."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.service.sandbox import (
    PRODUCTION,
    ROUTE_SECRET,
    SCORE_SECRET,
    Sandbox,
    Unit,
    sandbox,
    signed,
    uuid,
)

pytestmark = pytest.mark.encord

ORDINARY = uuid("production/0")


@pytest.fixture(scope="module")
def running(pedestrians: dict[str, Any]) -> Iterator[Sandbox]:
    with sandbox([Unit(image) for image in pedestrians["images"][:3]]) as both:
        yield both


@pytest.fixture
def benchmark_unit(pedestrians: dict[str, Any]) -> str:
    return Unit(pedestrians["images"][0]).data_hash


def test_benchmark_data_units_go_through_yes_and_others_through_no(running: Sandbox, benchmark_unit: str) -> None:
    assert running.route(benchmark_unit).json() == {"decision": "Yes"}
    assert running.route(ORDINARY).json() == {"decision": "No"}


def test_a_warm_routing_decision_costs_one_request_to_encord(running: Sandbox, benchmark_unit: str) -> None:
    running.route(benchmark_unit)
    running.forget_requests()
    running.route(benchmark_unit)
    assert running.requests_of_service() == {"legacy labelrowmetadata.GET": 1}


def test_a_missing_frame_is_no_reason_to_refuse(running: Sandbox) -> None:
    body = f'{{"projectHash": "{PRODUCTION}", "dataHash": "{ORDINARY}"}}'.encode()
    assert running.send("/agents/route", body, signed(body, ROUTE_SECRET)).json() == {"decision": "No"}


@pytest.mark.parametrize("age", [-301, 301, 86_400])
def test_a_stale_or_early_signature_is_refused_however_right_it_is(running: Sandbox, age: int) -> None:
    import time

    answer = running.route(ORDINARY, at=time.time() - age)
    assert (answer.status_code, answer.json()) == (401, {"message": "the request's signature does not verify"})


def test_a_replay_within_the_tolerance_gets_the_same_answer_again(running: Sandbox) -> None:
    body = f'{{"projectHash": "{PRODUCTION}", "dataHash": "{ORDINARY}", "frame": 0}}'.encode()
    headers = signed(body, ROUTE_SECRET)
    answers = [running.send("/agents/route", body, headers).json() for _ in range(2)]
    assert answers == [{"decision": "No"}] * 2


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Encord-Timestamp": "now", "X-Encord-Signature": "00"},
        {"X-Encord-Timestamp": "9" * 400, "X-Encord-Signature": "00"},
        {"X-Encord-Signature": "00"},
        {"X-Encord-Signature-V2": "00"},
    ],
)
def test_what_encord_did_not_sign_never_reaches_encord(running: Sandbox, headers: dict[str, str]) -> None:
    running.forget_requests()
    body = f'{{"projectHash": "{PRODUCTION}", "dataHash": "{ORDINARY}", "frame": 0}}'.encode()
    answer = running.send("/agents/route", body, headers)
    assert answer.status_code == 401
    assert "message" in answer.json()
    assert running.requests_of_service() == {}


def test_each_endpoint_has_its_own_secret(running: Sandbox) -> None:
    assert running.post("/agents/route", ORDINARY, secret=SCORE_SECRET).status_code == 401
    assert running.post("/agents/score", ORDINARY, secret=ROUTE_SECRET).status_code == 401


def test_a_changed_body_breaks_the_signature(running: Sandbox, benchmark_unit: str) -> None:
    body = f'{{"projectHash": "{PRODUCTION}", "dataHash": "{ORDINARY}", "frame": 0}}'.encode()
    headers = signed(body, ROUTE_SECRET)
    assert (
        running.send("/agents/route", body.replace(ORDINARY.encode(), benchmark_unit.encode()), headers).status_code
        == 401
    )


def test_a_project_that_is_not_served_is_refused_without_asking_encord(running: Sandbox) -> None:
    running.forget_requests()
    answer = running.route(ORDINARY, project=uuid("somebody else's project"))
    assert answer.status_code == 403
    assert "is not served by this deployment" in answer.json()["message"]
    assert running.requests_of_service() == {}


def test_a_data_unit_in_neither_dataset_is_named_in_the_refusal(running: Sandbox) -> None:
    stranger = uuid("no such data unit")
    answer = running.route(stranger)
    assert (answer.status_code, answer.json()) == (404, {"message": f"the project has no data unit {stranger}"})


@pytest.mark.parametrize(
    ("body", "field"),
    [(b"", ""), (b"[]", ""), (b'{"projectHash": 1}', "projectHash"), (b'{"frame": -1}', "frame"), (b"\xff\xfe", "")],
)
def test_a_signed_body_that_is_no_agent_request_is_refused_by_field(running: Sandbox, body: bytes, field: str) -> None:
    answer = running.send("/agents/route", body, signed(body, ROUTE_SECRET))
    assert answer.status_code == 422
    assert field in answer.json()["message"]


def test_a_body_without_end_is_not_read_to_its_end(running: Sandbox) -> None:
    body = b"x" * (2 * 1024 * 1024)
    answer = running.send("/agents/route", body, signed(body, ROUTE_SECRET))
    assert answer.status_code == 413


def test_listed_production_datasets_leave_every_other_dataset_out(pedestrians: dict[str, Any]) -> None:
    units = [Unit(pedestrians["images"][0])]
    with sandbox(units, config={"production_datasets": [uuid("another dataset")]}) as both:
        answer = both.route(ORDINARY)
        assert answer.status_code == 409
        assert "neither attached to a benchmark project nor listed" in answer.json()["message"]
        assert both.route(units[0].data_hash).json() == {"decision": "Yes"}


def test_what_the_calls_missed_is_routed_by_hand(pedestrians: dict[str, Any]) -> None:
    with sandbox([Unit(image) for image in pedestrians["images"][:3]], production_images=4) as both:
        done = both.command("route")
        assert done.returncode == 0, done.stderr
        assert "7 tasks sent on" in done.stdout
        stages = {
            stage["title"]: stage["tasks"]
            for project in both.control("GET", "state")["projects"] if project["hash"] == PRODUCTION
            for stage in project["stages"]
        }  # fmt: skip
        assert (stages["Consensus"], stages["Annotate"], stages["Routing"]) == (3, 4, 0)
        assert "0 tasks sent on" in both.command("route").stdout
