"""The record of every outbound call, and the signature that the platform puts on it."""

import hashlib
import hmac
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

from emulator.spec import new_uuid

Kind = Literal["agent", "notification", "webhook"]
Outcome = Literal["pending", "delivered", "failed"]

Headers = Literal["current", "both", "next"]

_NAMES: dict[Headers, tuple[str, ...]] = {
    "current": ("X-Encord-Signature",),
    "both": ("X-Encord-Signature", "X-Encord-Signature-V2"),
    "next": ("X-Encord-Signature-V2",),
}

KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: the answer's status and text, or why there was none."""

    at: datetime
    status: int | None
    answer: str
    error: str | None
    seconds: float
    retry_after: float = 0


@dataclass(slots=True, eq=False)
class Delivery:
    """One outbound call with its attempts."""

    kind: Kind
    url: str
    request: dict[str, Any]
    project_hash: str
    stage_uuid: str
    created_at: datetime
    task_uuid: str | None = None
    uuid: str = field(default_factory=new_uuid)
    trace_id: str = field(default_factory=lambda: uuid4().hex)
    attempts: list[Attempt] = field(default_factory=list)
    outcome: Outcome = "pending"
    detail: str = ""


class Deliveries:
    """The latest deliveries, oldest first."""

    def __init__(self) -> None:
        self._all: deque[Delivery] = deque(maxlen=KEPT)

    def add(self, delivery: Delivery) -> Delivery:
        """Keeps a delivery; the oldest goes when there are too many."""
        self._all.append(delivery)
        return delivery

    def __iter__(self) -> Iterator[Delivery]:
        return iter(self._all)


def signed_headers(secret: str, timestamp: int, body: bytes, headers: Headers = "current") -> dict[str, str]:
    """The headers of a signed request: HMAC-SHA256 over `timestamp` (unix seconds), a dot and the raw body.

    What a second signature would hold is not known: here it is the same digest behind a version.
    """
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    values = {"X-Encord-Signature": digest, "X-Encord-Signature-V2": f"v2={digest}"}
    return {"X-Encord-Timestamp": str(timestamp), **{name: values[name] for name in _NAMES[headers]}}
