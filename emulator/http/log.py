"""The request log: counts by caller and operation, and the latest requests."""

from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from emulator.wire import iso

KEPT = 10_000
NOT_EMULATED = "not emulated"


@dataclass(frozen=True, slots=True)
class Logged:
    """One request: no headers, no bodies."""

    at: datetime
    caller: str
    operation: str
    method: str
    target: str
    status: int
    seconds: float
    trace: str | None


class RequestLog:
    """Counts every request; keeps the latest."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, int]] = Counter()
        self._latest: deque[Logged] = deque(maxlen=KEPT)

    def add(self, request: Logged) -> None:
        """Counts a request."""
        self._counts[request.caller, request.operation, request.status] += 1
        self._latest.append(request)

    def clear(self) -> None:
        """Starts counting anew."""
        self._counts.clear()
        self._latest.clear()

    def counts(self) -> list[dict[str, Any]]:
        """Counts by caller and operation, and how many of them failed."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for (caller, operation, status), number in self._counts.items():
            entry = found.setdefault(
                (caller, operation), {"caller": caller, "operation": operation, "count": 0, "failed": 0}
            )
            entry["count"] += number
            entry["failed"] += number if status >= 400 else 0
        return sorted(found.values(), key=lambda entry: (entry["caller"], entry["operation"]))

    def latest(self, limit: int) -> list[dict[str, Any]]:
        """The latest requests, oldest first."""
        newest = list(self._latest)[-limit:] if limit else []
        return [
            {
                "at": iso(r.at),
                "caller": r.caller,
                "operation": r.operation,
                "method": r.method,
                "target": r.target,
                "status": r.status,
                "seconds": round(r.seconds, 6),
                "trace": r.trace,
            }
            for r in newest
        ]
