"""The record of every outbound call."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

from emulator.world import new_uuid

Kind = Literal["agent", "notification", "webhook"]
Outcome = Literal["pending", "delivered", "failed"]

KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: the answer's status and text, or why there was none."""

    at: datetime
    status: int | None
    answer: str
    error: str | None
    seconds: float


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
