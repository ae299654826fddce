"""Requests as nobody sends them: bodies and headers of real calls, bent by a seeded random generator."""

import http.client
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.integration.service.sandbox import (
    COMPLETED_SECRET,
    NOTIFICATION_SECRET,
    PRODUCTION,
    ROUTE_SECRET,
    ROUTING_STAGE,
    SCORE_SECRET,
    SUBMITTED_SECRET,
    signed,
    uuid,
)

Headers = dict[str, str]
Bend = Callable[[random.Random, bytes], bytes]

NASTY: list[Any] = [
    None, True, -1, 0, 2**63, 10**400, 1.5, float("nan"), float("inf"), "", " ", "\x00", "\ud800", "ｅ́" * 50,
    "x" * 5_000,
    [], {}, [[[[[[]]]]]], {"": ""}, "../../etc/passwd", "' OR 1=1 --", "${jndi:ldap://x}", "%s%n", PRODUCTION.upper(),
    PRODUCTION.replace("-", ""), "{" + PRODUCTION + "}", "urn:uuid:" + PRODUCTION, [PRODUCTION], {"uuid": PRODUCTION},
]  # fmt: skip


@dataclass(frozen=True)
class Endpoint:
    path: str
    secret: str
    body: Mapping[str, Any]


def _agent(path: str, secret: str) -> Endpoint:
    return Endpoint(path, secret, {"projectHash": PRODUCTION, "dataHash": uuid("nowhere"), "frame": 0})


def _event(name: str, kind: str, secret: str) -> Endpoint:
    payload = {"project_hash": PRODUCTION, "data_hashes": [uuid("nowhere")], "label_hashes": []}
    return Endpoint(f"/events/{name}", secret, _envelope(kind, payload))


def _envelope(kind: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "uid": uuid("delivery"), "version": 1, "source": "Encord", "event_type": kind,
        "event_created_timestamp": "2026-03-01T12:00:00.000000+00:00", "payload": payload,
    }  # fmt: skip


ENDPOINTS = [
    _agent("/agents/route", ROUTE_SECRET),
    _agent("/agents/score", SCORE_SECRET),
    _agent("/agents/score/a-token-that-is-not-the-right-one", SCORE_SECRET),
    Endpoint(
        "/notifications/task-ready",
        NOTIFICATION_SECRET,
        _envelope(
            "agent_stage_work_available_event",
            {
                "project_hash": PRODUCTION,
                "stage_uuid": ROUTING_STAGE,
                "pending_count": 1,
                "reason": "batch_size_reached",
            },
        ),
    ),
    _event("task-submitted", "task_submitted_event", SUBMITTED_SECRET),
    _event("task-completed", "task_completed_event", COMPLETED_SECRET),
]


def another_value(dice: random.Random, value: Any) -> Any:
    """The JSON value with something in it replaced, left out or added."""
    if isinstance(value, dict) and value and dice.random() < 0.8:
        key = dice.choice(list(value))
        changed = dict(value)
        kind = dice.randrange(4)
        if kind == 0:
            del changed[key]
        elif kind == 1:
            changed[key] = another_value(dice, value[key])
        elif kind == 2:
            changed[key] = dice.choice(NASTY)
        else:
            changed[dice.choice(["", "__proto__", key.upper(), "frame", "objectHashes"])] = dice.choice(NASTY)
        return changed
    return dice.choice(NASTY)


def bend_bytes(dice: random.Random, body: bytes) -> bytes:
    """The body with bytes flipped, cut off, doubled or put in."""
    cut = dice.randrange(len(body) + 1)
    return dice.choice(
        [
            body[:cut],
            body + body,
            body[:cut] + bytes([dice.randrange(256)]) + body[cut:],
            body[:cut] + dice.randbytes(dice.randrange(1, 60)) + body[cut + 7 :],
            b"\xef\xbb\xbf" + body,
            body.decode().encode("utf-16"),
            b"[" * dice.randrange(1, 20_000),
            b'{"a":' * dice.randrange(1, 5_000),
            dice.randbytes(dice.randrange(300)),
            b"",
        ]
    )


def a_body(dice: random.Random, endpoint: Endpoint) -> bytes:
    value: Any = endpoint.body
    for _ in range(dice.randrange(1, 4)):
        value = another_value(dice, value)
    body = json.dumps(value).encode("utf-8", "surrogatepass")
    return bend_bytes(dice, body) if dice.random() < 0.4 else body


def unverified_headers(dice: random.Random, body: bytes, endpoint: Endpoint) -> Headers:
    """Headers that claim something, and never the truth."""
    right = signed(body, endpoint.secret)
    digest, moment = right["X-Encord-Signature"], right["X-Encord-Timestamp"]
    wrong = [
        {},
        {"X-Encord-Signature": digest},
        {"X-Encord-Timestamp": moment},
        signed(body, "another secret"),
        signed(body + b" ", endpoint.secret),
        signed(body, endpoint.secret, at=0),
        signed(body, endpoint.secret, at=int(moment) - 301),
        signed(body, endpoint.secret, at=int(moment) + 302),
        right | {"X-Encord-Signature": digest[:-1]},
        right | {"X-Encord-Signature": digest[::-1]},
        right | {"X-Encord-Signature": "sha256=" + digest},
        right | {"X-Encord-Signature": ""},
        right | {"X-Encord-Timestamp": moment + ".0"},
        right | {"X-Encord-Timestamp": "-" + moment},
        right | {"X-Encord-Timestamp": "９" * 10},
        right | {"X-Encord-Timestamp": "9" * dice.randrange(1, 4_000)},
        {"X-Encord-Signature-V2": digest, "X-Encord-Timestamp": moment},
        {"Authorization": "Bearer " + "x" * dice.randrange(1, 3_000)},
        {"Origin": "https://app.encord.com"},
        {"Origin": "https://app.encord.com.evil.example"},
        {"X-Forwarded-For": "127.0.0.1", "X-Original-URL": "/readyz"},
    ]
    return dice.choice(wrong) | some_headers(dice)


def some_headers(dice: random.Random) -> Headers:
    """Headers that any client may send."""
    return dice.choice(
        [
            {},
            {"Content-Type": "text/plain"},
            {"Content-Type": "multipart/form-data; boundary=" + "b" * dice.randrange(1, 90)},
            {"Content-Encoding": "gzip"},
            {"X-Cloud-Trace-Context": dice.choice(["", "/", "x" * 3_000, "0/0;o=2", "\xff\xfe", "ab/../cd"])},
            {"Accept": "application/xml"},
            {"Cookie": "a=" + "b" * dice.randrange(3_000)},
            {"Expect": "200-ok"},
        ]
    )


@dataclass
class Client:
    """One kept connection; opened again when the server has closed it."""

    host: str
    port: int
    _connection: http.client.HTTPConnection | None = None

    def post(self, path: str, body: bytes, headers: Headers) -> int:
        """The status of the answer."""
        for attempt in (1, 2):
            if self._connection is None:
                self._connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
            try:
                encoded = {name: value.encode("utf-8") for name, value in headers.items()}
                self._connection.request("POST", path, body, encoded)  # type: ignore[arg-type]
                answer = self._connection.getresponse()
                answer.read()
            except (http.client.HTTPException, ConnectionError):
                self._connection.close()
                self._connection = None
                if attempt == 2:
                    raise
            else:
                if answer.will_close:
                    self._connection = None
                return answer.status
        raise AssertionError("unreachable")


def fuzz(
    service: str, number: int, *, seed: int, headers_of: Callable[[random.Random, bytes, Endpoint], Headers]
) -> dict[int, int]:
    """Send so many bent requests; how many were answered with each status."""
    host, port = service.removeprefix("http://").split(":")
    client = Client(host, int(port))
    dice = random.Random(seed)
    statuses: dict[int, int] = {}
    for _ in range(number):
        endpoint = dice.choice(ENDPOINTS)
        body = a_body(dice, endpoint)
        status = client.post(endpoint.path, body, headers_of(dice, body, endpoint))
        statuses[status] = statuses.get(status, 0) + 1
    return statuses


def rightly_signed(dice: random.Random, body: bytes, endpoint: Endpoint) -> Headers:
    """Verified: what is bent is the body, and headers that do not matter."""
    return some_headers(dice) | {
        name: value for name, value in signed(body, endpoint.secret).items() if name != "Content-Type"
    }
