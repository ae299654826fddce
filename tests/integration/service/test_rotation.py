"""Secrets are rotated without a lost call, and a signature scheme of the future is named in the log."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.service.sandbox import PRODUCTION, ROUTE_SECRET, Sandbox, Unit, sandbox, signed

OLD, NEW = "the-old-secret-of-the-route", "the-new-secret-of-the-route"
OLD_STAGE, NEW_STAGE = "the-old-secret-of-the-stage", "the-new-secret-of-the-stage"


@pytest.fixture(scope="module")
def unit(pedestrians: dict[str, Any]) -> Unit:
    return Unit(pedestrians["images"][0])


@pytest.fixture(scope="module")
def rotating(unit: Unit) -> Iterator[Sandbox]:
    variables = {"ROUTE_SECRET": f"{OLD},{NEW}", "NOTIFICATION_SECRET": f"{OLD_STAGE}, {NEW_STAGE}"}
    with sandbox([unit], variables=variables) as both:
        yield both


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_while_a_secret_is_rotated_the_old_one_and_the_new_one_verify(
    rotating: Sandbox, unit: Unit, secret: str
) -> None:
    assert rotating.post("/agents/route", unit.data_hash, secret=secret).json() == {"decision": "Yes"}


@pytest.mark.parametrize("secret", [OLD_STAGE, NEW_STAGE])
def test_stages_secrets_are_rotated_alike(rotating: Sandbox, secret: str) -> None:
    assert rotating.notify(PRODUCTION, secret=secret).status_code == 403  # verified; there is no such stage


@pytest.mark.parametrize("secret", [ROUTE_SECRET, f"{OLD},{NEW}", f"{OLD},", NEW_STAGE, OLD[:-1]])
def test_nothing_else_verifies(rotating: Sandbox, unit: Unit, secret: str) -> None:
    assert rotating.post("/agents/route", unit.data_hash, secret=secret).status_code == 401


def test_a_signature_of_the_future_alone_is_refused_and_the_log_says_upgrade(rotating: Sandbox, unit: Unit) -> None:
    body = json.dumps({"projectHash": PRODUCTION, "dataHash": unit.data_hash}).encode()
    headers = {"X-Encord-Signature-V2": "ed25519=abc", "X-Encord-Timestamp": signed(body, NEW)["X-Encord-Timestamp"]}
    rotating.forget_requests()
    answer = rotating.send("/agents/route", body, headers)
    assert (answer.status_code, answer.json()) == (401, {"message": "the request's signature does not verify"})
    assert rotating.requests_of_service() == {}
    (line,) = [json.loads(line) for line in rotating.log().splitlines() if "upgrade" in line and "newer" in line]
    assert (line["severity"], line["reason"]) == ("WARNING", "newer signature scheme")
    assert "x-encord-signature-v2" in line["message"]


def test_a_signature_of_the_future_beside_todays_changes_nothing(rotating: Sandbox, unit: Unit) -> None:
    body = json.dumps({"projectHash": PRODUCTION, "dataHash": unit.data_hash}).encode()
    headers = signed(body, NEW) | {"X-Encord-Signature-V2": "ed25519=abc"}
    assert rotating.send("/agents/route", body, headers).json() == {"decision": "Yes"}
