"""A refused signature leaves a trace that says which fault it is, and nothing of the request."""

import asyncio
import hashlib
import hmac
import logging
import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import HTTPException, Request
from pydantic import SecretStr

from benchmark_qa.config.settings import Settings
from benchmark_qa.service.errors import Refusals
from benchmark_qa.service.observability import SELDOM_SECONDS, ReportPace
from benchmark_qa.service.signatures import MAX_BODY_BYTES, SignedEndpoint, is_signed, read_body, signed_endpoint

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


def endpoint(pace: ReportPace | None = None, *secrets: str) -> SignedEndpoint:
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
    here = endpoint(ReportPace(clock))

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
    pace = ReportPace(Clock())
    told = [pace.next(f"kind {number}") for number in range(10_000)]
    assert sum(each is not None for each in told) < 300
    assert len(pace._told) < 300


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> float:
    """The time that every clock shows."""
    monkeypatch.setattr("time.time", lambda: 1_772_366_400.0)
    return 1_772_366_400.0


def told(request: Request, caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Reason and line of each record about one refused request."""
    with pytest.raises(HTTPException):
        endpoint().verify(request, BODY)
    return [(cast(Any, record).reason, record.getMessage()) for record in caplog.records]


@pytest.mark.parametrize("seconds", [-300, 300])
def test_a_signature_at_the_edge_of_the_tolerance_verifies(noon: float, seconds: int) -> None:
    endpoint().verify(request_signed(OWN, at=noon + seconds), BODY)


@pytest.mark.parametrize(
    ("seconds", "reason", "words"), [(-301, "stale", "stale by 301 s"), (301, "from the future", "future by 301 s")]
)
def test_a_second_beyond_the_tolerance_it_is_refused_and_the_line_says_by_how_much(
    noon: float, seconds: int, reason: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    ((why, line),) = told(request_signed(OWN, at=noon + seconds), caplog)
    assert why == reason
    assert line.endswith(words)


@pytest.mark.parametrize(("seconds", "words"), [(300, ""), (-300, ""), (-301, "and 301 s old"), (301, "and -301 s")])
def test_the_age_of_a_forged_request_is_told_where_it_is_out_of_tolerance(
    noon: float, seconds: int, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    ((why, line),) = told(request_signed("a guess of somebody's", at=noon + seconds), caplog)
    assert why == "wrong signature"
    assert (words in line) if words else line.endswith("wrong signature")


def test_a_newer_scheme_is_named_beside_the_missing_signature(caplog: pytest.LogCaptureFixture) -> None:
    newer = {"X-Encord-Signature-V3": "c", "X-Encord-Signature-V2": "b" * 300, "X-Other": "x"}
    (first, line), (second, _) = told(request_signed(None, **newer), caplog)
    assert (first, second) == ("newer signature scheme", "no signature")
    told_of = "refused a request to /agents/route: newer signature scheme"
    assert line == f"{told_of} x-encord-signature-v2, x-encord-signature-v3: upgrade"
    caplog.clear()
    (_, line), _ = told(request_signed(None, **{f"X-Encord-Signature-{'9' * 300}": "x"}), caplog)
    assert line == f"{told_of} x-encord-signature-{'9' * 181}: upgrade"


@pytest.mark.parametrize(
    ("secrets", "headers", "reason"),
    [
        ([OWN], {"X-Encord-Signature": ""}, "no signature"),
        ([], {}, "no secret configured"),
        ([OLD], {}, "wrong signature"),
        ([OTHERS], {"X-Encord-Signature": "0" * 64}, "wrong signature"),
    ],
)
def test_a_reason_without_further_facts_is_told_alone(
    secrets: list[str], headers: dict[str, str], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    here = SignedEndpoint("/agents/route", [SecretStr(each) for each in secrets], 300, Refusals())
    with pytest.raises(HTTPException):
        here.verify(request_signed(OWN, **headers), BODY)
    assert [record.getMessage() for record in caplog.records] == [f"refused a request to /agents/route: {reason}"]


def test_of_a_missing_timestamp_and_of_another_secret_nothing_more_is_told(caplog: pytest.LogCaptureFixture) -> None:
    ((_, line),) = told(request_signed(None, **{"X-Encord-Signature": "a" * 64}), caplog)
    assert line.endswith(": no timestamp")
    caplog.clear()
    ((_, line),) = told(request_signed(OTHERS), caplog)
    assert line.endswith(": of another endpoint's secret")


def test_a_newer_scheme_beside_one_that_verifies_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    endpoint().verify(request_signed(OWN, **{"X-Encord-Signature-V2": "b"}), BODY)
    assert caplog.records == []


@pytest.mark.parametrize("timestamp", ["1" * 13, "-5", "1.5", "12x"])
def test_a_timestamp_that_is_no_number_of_seconds_is_malformed(
    timestamp: str, caplog: pytest.LogCaptureFixture
) -> None:
    ((why, _),) = told(request_signed(OWN, **{"X-Encord-Timestamp": timestamp}), caplog)
    assert why == "malformed timestamp"


@pytest.mark.parametrize(
    ("headers", "claims"),
    [
        ({"X-Encord-Signature": "a"}, True),
        ({"X-Encord-Timestamp": "1"}, True),
        ({"X-Encord-Signature-V2": "a"}, True),
        ({"X-Encord-Other": "a"}, False),
        ({}, False),
    ],
)
def test_a_request_is_signed_where_any_header_of_a_signature_is_there(headers: dict[str, str], claims: bool) -> None:
    assert is_signed(request_signed(None, **headers)) is claims


def body_read(chunks: Sequence[bytes], *limit: int) -> tuple[bytes | int, int]:
    """The body or the status of the refusal, and how many chunks were asked for."""
    asked = []

    async def receive() -> dict[str, Any]:
        asked.append(chunks[len(asked)])
        return {"type": "http.request", "body": asked[-1], "more_body": len(asked) < len(chunks)}

    request = Request({"type": "http", "method": "POST", "path": "/", "headers": []}, receive)
    try:
        return asyncio.run(read_body(request, *limit)), len(asked)
    except HTTPException as refused:
        return refused.status_code, len(asked)


def test_a_body_as_long_as_the_limit_is_read_whole() -> None:
    assert body_read([b"abc", b"", b"de"], 5) == (b"abcde", 3)


def test_a_longer_body_is_refused_and_not_read_to_its_end() -> None:
    assert body_read([b"abc", b"def", b"ghi", b"jkl"], 5) == (413, 2)
    assert body_read([b"x" * MAX_BODY_BYTES, b"x", b"y"]) == (413, 2)


def test_an_endpoint_has_the_secrets_of_its_variable_and_knows_those_of_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    secrets = {"ROUTE_SECRET": (SecretStr(OWN), SecretStr(OLD)), "SCORE_SECRET": (SecretStr(OTHERS),)}
    settings = SimpleNamespace(signing_secrets=lambda: secrets, signature_tolerance_seconds=60)
    refusals = Refusals(ReportPace(Clock()))
    made = signed_endpoint(cast(Settings, settings), "/agents/route", "ROUTE_SECRET", refusals)
    assert made == SignedEndpoint("/agents/route", secrets["ROUTE_SECRET"], 60, refusals, [SecretStr(OTHERS)])
    assert made.refusals is refusals
