"""Record refused requests: a counter, and a log line with endpoint and reason."""

import logging
from typing import Literal

from benchmark_qa import telemetry
from benchmark_qa.service.observability import Pace

Reason = Literal[
    "no signature",
    "no timestamp",
    "malformed timestamp",
    "stale",
    "from the future",
    "of another endpoint's secret",
    "wrong signature",
    "no secret configured",
    "newer signature scheme",
    "foreign web page",
    "wrong token",
]
_log = logging.getLogger(__name__)


class Refusals:
    """Counts refused requests. Logs the first of each kind at once, and later ones at intervals.

    A line never contains a secret, a signature or a part of the body. Alarms match the field `event`.
    """

    def __init__(self, pace: Pace | None = None) -> None:
        self._pace = pace or Pace()

    def note(self, endpoint: str, reason: Reason, detail: str = "") -> None:
        """Record one refused request.

        Args:
            endpoint: as declared, without a token.
            reason: the kind of refusal.
            detail: further facts, e.g. "by 412 s".
        """
        event = "access_refused" if reason in ("foreign web page", "wrong token") else "signature_refused"
        telemetry.refusals.add(1, {"endpoint": endpoint, "reason": reason})
        left_out = self._pace.next(f"{endpoint}: {reason}")
        if left_out is None:
            return
        _log.warning(
            "refused a request to %s: %s",
            endpoint,
            f"{reason} {detail}".strip(),
            extra={"event": event, "endpoint": endpoint, "reason": reason, "left_out": left_out},
        )
