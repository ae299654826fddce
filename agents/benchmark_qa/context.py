"""The trace and the deadline of one unit of work, which apply to every request to Encord.

They are context variables, because concurrent requests share one SDK client: a trace id stored in the client (as
`encord_agents.core.utils.get_user_client(trace_id=...)` does) would also apply to other requests.
"""

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import uuid4

_trace_id: ContextVar[str | None] = ContextVar("encord_trace_id", default=None)


_deadline: ContextVar[float | None] = ContextVar("encord_deadline", default=None)


_TRACE_ID = re.compile(r"[0-9a-fA-F]{1,64}\Z")


@contextmanager
def unit_of_work(*, trace_header: str | None = None, seconds: float | None = None) -> Iterator[str]:
    """Bind trace and deadline for everything called inside.

    Args:
        trace_header: an incoming `X-Cloud-Trace-Context` value, `TRACE_ID/SPAN;o=1`; a new id if absent.
        seconds: time budget; a nearer deadline that is already set wins.

    Yields:
        The trace id in force.
    """
    candidate = (trace_header or "").split("/")[0]
    trace_id = candidate if _TRACE_ID.match(candidate) else _trace_id.get() or uuid4().hex
    nearest = min(
        (t for t in (_deadline.get(), time.monotonic() + seconds if seconds is not None else None) if t is not None),
        default=None,
    )
    trace_token, deadline_token = _trace_id.set(trace_id), _deadline.set(nearest)
    try:
        yield trace_id
    finally:
        _trace_id.reset(trace_token)
        _deadline.reset(deadline_token)


def current_trace_id() -> str | None:
    """The trace id of the unit of work in progress, if any."""
    return _trace_id.get()


def outgoing_trace_header() -> str:
    """The `X-Cloud-Trace-Context` value for one request to Encord: same trace, a new span."""
    return f"{_trace_id.get() or uuid4().hex}/{random.getrandbits(63)};o=1"


def remaining_seconds(default: float) -> float:
    """Seconds until the deadline of the unit of work, or `default` if there is none."""
    deadline = _deadline.get()
    return default if deadline is None else max(0.0, deadline - time.monotonic())


Progress = Callable[[int], None]
"""Called with the number of tasks processed since the last call."""


def no_progress(_: int) -> None:
    """Ignore the progress."""
