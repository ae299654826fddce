"""Translate SDK exceptions, repeat transient failures within the deadline, and bound the size of requests."""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from json import JSONDecodeError
from typing import TypeVar

from encord import exceptions as sdk
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_random_exponential

from benchmark_qa.context import remaining_seconds
from benchmark_qa.encord_api.errors import (
    NO_CONNECTION,
    AccessRefused,
    AnswerTooLarge,
    EncordUnavailable,
    NotFoundOnPlatform,
    PlatformError,
    RequestRejected,
    UnexpectedAnswer,
    UnparsableAnswer,
)
from benchmark_qa.encord_api.sdk_internals import OversizedAnswer, last_answer

ATTEMPTS = 4


DEFAULT_RETRY_AFTER = 10


_LONGEST_WAIT = 20.0


_NO_DEADLINE = 60.0


_log = logging.getLogger(__name__)


_backoff = wait_random_exponential(multiplier=0.25, max=5)


T = TypeVar("T")


_UNKNOWN_STAGE = re.compile(r"WorkflowNode\.stageType\n.*\[type=enum, input_value='([^']{1,100})'")


_REFUSED = (sdk.AuthorisationError, sdk.SshKeyNotFound)


_REJECTED = (
    sdk.InvalidArgumentsError,
    sdk.MultiLabelLimitError,
    sdk.PayloadTooLargeError,
    sdk.OperationNotAllowed,
)


def call(operation: Callable[[], T]) -> T:
    """Run one SDK call; translates its exceptions and repeats transient failures with jitter.

    Raises:
        EncordUnavailable: it still fails after `ATTEMPTS` attempts, or no time is left for another.
        AccessRefused, NotFoundOnPlatform, RequestRejected, UnexpectedAnswer, UnparsableAnswer: a retry would not help.
    """
    retrying = Retrying(
        retry=retry_if_exception_type(EncordUnavailable),
        stop=_stop,
        wait=_wait,
        reraise=True,
    )
    answer: T = retrying(_translated, operation)
    return answer


def _translated(operation: Callable[[], T]) -> T:
    try:
        return operation()
    except sdk.EncordException as error:
        raise translate(error) from error


def translate(error: sdk.EncordException) -> PlatformError:
    """The error for an SDK exception; uses the last answer that the pooled session recorded."""
    if isinstance(error.__cause__, OversizedAnswer):
        return AnswerTooLarge(f"Encord's answer is too large to be read here: {error.__cause__}")
    name = type(error).__name__
    if isinstance(error, sdk.AuthenticationError):
        return AccessRefused(f"Encord does not know this key ({name}): is ENCORD_DOMAIN where it is registered?")
    if isinstance(error, _REFUSED):
        return AccessRefused(f"Encord refuses the service's key ({name}): is its user an admin of the project?")
    if isinstance(error, sdk.ResourceNotFoundError):
        return NotFoundOnPlatform("Encord does not know what was asked for")
    if isinstance(error, _REJECTED):
        return RequestRejected(f"Encord rejects the request ({name})")
    return _transient(error, name)


def _transient(error: sdk.EncordException, name: str) -> PlatformError:
    """The error for other SDK exceptions, by HTTP status."""
    answer = last_answer()
    status, retry_after = (answer.status, answer.retry_after) if answer else (None, None)
    if answer and status == 200 and answer.is_object and isinstance(error.__cause__, JSONDecodeError):
        # What is cut off on its way ends elsewhere, or is shorter than announced.
        return UnparsableAnswer("Encord's answer is not JSON that can be read")
    if isinstance(error, sdk.RateLimitExceededError):
        return EncordUnavailable("too many requests", retry_after=_pause(error.retry_after))
    # A 5xx, an incomplete answer or a dropped connection may be temporary.
    if status is None or status >= 500 or isinstance(error, sdk.RequestException):
        reason = NO_CONNECTION if status is None else f"HTTP {status}" if status >= 400 else name
        return EncordUnavailable(reason, retry_after=_pause(retry_after))
    unknown = _UNKNOWN_STAGE.search(str(error))
    if unknown:
        # The SDK reads nothing of a project with such a stage. It knows no parallel annotation.
        return UnexpectedAnswer(
            f"the project has a stage of type '{unknown[1]}', which the SDK does not know, so nothing of it can be "
            "read, routed or scored; parallel annotation (classes divided among people) is not supported: use a "
            "consensus block"
        )
    return UnexpectedAnswer(f"Encord answered HTTP {status} ({name})")


def _pause(asked: int | None) -> int:
    """Seconds after which a retry makes sense; Encord may ask for 0."""
    return DEFAULT_RETRY_AFTER if asked is None else asked


def _stop(state: RetryCallState) -> bool:
    return stop_after_attempt(ATTEMPTS)(state) or _wait(state) >= remaining_seconds(default=_NO_DEADLINE)


def _wait(state: RetryCallState) -> float:
    """Seconds of jittered exponential back-off, but at least as long as Encord asked for."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, EncordUnavailable) and _was_asked() else 0
    if asked > _LONGEST_WAIT:
        return float("inf")  # answer 503 now instead of keeping the caller's connection open
    return max(float(asked), _backoff(state))


def _was_asked() -> bool:
    answer = last_answer()
    return answer is not None and answer.retry_after is not None


ROWS_PER_REQUEST = 1_000


ACTIONS_PER_REQUEST = 1_000


TASKS_PER_PAGE = 100
"""Tasks on a page from Encord."""


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in slices of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
