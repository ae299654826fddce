"""A refused signature leaves a trace that says which fault it is, and nothing of the request."""

import hashlib
import hmac
import logging
import time
from collections.abc import Callable

import pytest
from fastapi import HTTPException, Request
from pydantic import SecretStr

from benchmark_qa.service.errors import Refusals
from benchmark_qa.service.observability import SELDOM_SECONDS, Pace
from benchmark_qa.service.signatures import SignedEndpoint

OWN, OLD, OTHERS = "secret-of-this-endpoint", "secret-before-this-one", "secret-of-another-endpoint"
BODY = b'{"projectHash": "a project"}'


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def request_signed(secret: str | None, *, at: float | None = None, **headers: str) -> Request:
    timestamp = str(int(time.time() if at is None else at))
    if secret is not None:
        digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + BODY, hashlib.sha256).hexdigest()
        headers = {"X-Encord-Signature": digest, "X-Encord-Timestamp": timestamp} | headers
    raw = [(name.lower().replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/agents/route", "headers": raw})


def endpoint(pace: Pace | None = None, *secrets: str) -> SignedEndpoint:
    return SignedEndpoint(
        "/agents/route", [SecretStr(each) for each in secrets or (OLD, OWN)], 300, Refusals(pace), [SecretStr(OTHERS)]
    )


@pytest.mark.parametrize("secret", [OWN, OLD])
def test_either_secret_of_a_rotation_verifies(secret: str) -> None:
    endpoint().verify(request_signed(secret), BODY)


@pytest.mark.parametrize(
    ("make", "reason", "words"),
    [
        (lambda: request_signed(None), "no signature", "no signature"),
        (lambda: request_signed(OWN, **{"X-Encord-Signature": ""}), "no signature", "no signature"),
        (lambda: request_signed(OWN, **{"X-Encord-Timestamp": ""}), "malformed timestamp", "malformed timestamp"),
        (lambda: request_signed(OWN, **{"X-Encord-Timestamp": "now"}), "malformed timestamp", "malformed timestamp"),
        (lambda: request_signed(None, **{"X-Encord-Signature": "a" * 64}), "no timestamp", "no timestamp"),
        (lambda: request_signed(OTHERS), "of another endpoint's secret", "of another endpoint's secret"),
        (lambda: request_signed(OTHERS, at=time.time() - 4000), "of another endpoint's secret", "another endpoint"),
        (lambda: request_signed("a guess of somebody's"), "wrong signature", "wrong signature"),
        (lambda: request_signed(OLD, at=time.time() - 412), "stale", "stale by 4"),
        (lambda: request_signed(OWN, at=time.time() + 3600), "from the future", "from the future by 3"),
    ],
)
def test_the_line_names_endpoint_and_reason(
    make: Callable[[], Request], reason: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    request_ = make()  # signed now: collecting the tests may take a while
    with pytest.raises(HTTPException) as refused:
        endpoint().verify(request_, BODY)
    assert refused.value.status_code == 401
    (record,) = caplog.records
    assert (record.levelno, record.event, record.endpoint, record.reason) == (  # type: ignore[attr-defined]
        logging.WARNING,
        "signature_refused",
        "/agents/route",
        reason,
    )
    assert words in record.getMessage()
    for kept in (OWN, OLD, OTHERS, "a project", request_.headers.get("X-Encord-Signature") or OWN):
        assert kept not in str(vars(record))


def test_an_endpoint_without_a_secret_says_so(caplog: pytest.LogCaptureFixture) -> None:
    nothing = SignedEndpoint("/agents/route", [], 300, Refusals())
    with pytest.raises(HTTPException):
        nothing.verify(request_signed(OWN), BODY)
    assert "no secret configured" in caplog.text


def test_the_first_of_each_kind_is_told_at_once_and_later_ones_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    here = endpoint(Pace(clock))

    def refuse(request: Request, times: int = 1) -> None:
        for _ in range(times):
            with pytest.raises(HTTPException):
                here.verify(request, BODY)

    refuse(request_signed(None), 1000)
    refuse(request_signed(OTHERS), 1000)
    assert len(caplog.records) == 2
    clock.now += SELDOM_SECONDS
    refuse(request_signed(None))
    assert [record.left_out for record in caplog.records] == [0, 0, 999]  # type: ignore[attr-defined]


def test_kinds_that_outsiders_invent_do_not_fill_the_memory() -> None:
    pace = Pace(Clock())
    told = [pace.next(f"kind {number}") for number in range(10_000)]
    assert sum(each is not None for each in told) < 300
    assert len(pace._told) < 300
