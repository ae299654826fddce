"""What an error of the SDK means for the caller, and how long is waited before the next attempt."""

from collections.abc import Callable, Iterator
from json import JSONDecodeError

import pytest
from encord import exceptions as sdk

from benchmark_qa.context import unit_of_work
from benchmark_qa.encord_api import retries, sdk_internals
from benchmark_qa.encord_api.errors import (
    AccessRefused,
    AnswerTooLarge,
    EncordUnavailable,
    NotFoundOnPlatform,
    PlatformError,
    RequestRejected,
    UnexpectedAnswer,
    UnparsableAnswer,
)
from benchmark_qa.encord_api.retries import ATTEMPTS, DEFAULT_RETRY_AFTER, batches, call, translate
from benchmark_qa.encord_api.sdk_internals import HttpAnswer, OversizedAnswer


@pytest.fixture
def answered() -> Iterator[Callable[..., None]]:
    """Sets Encord's last answer."""
    token = sdk_internals._last_answer.set(None)
    yield lambda status, retry_after=None: sdk_internals._last_answer.set(HttpAnswer(status, retry_after, 0)) and None
    sdk_internals._last_answer.reset(token)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses, without waiting; the jittered back-off alone asks for 0.5 seconds."""
    made: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", made.append)
    monkeypatch.setattr(retries, "_backoff", lambda _: 0.5)
    return made


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (sdk.AuthenticationError("x"), AccessRefused, "does not know this key (AuthenticationError)"),
        (sdk.AuthorisationError("x"), AccessRefused, "refuses the service's key (AuthorisationError)"),
        (sdk.SshKeyNotFound("x"), AccessRefused, "refuses the service's key (SshKeyNotFound)"),
        (sdk.ResourceNotFoundError("x"), NotFoundOnPlatform, "does not know what was asked for"),
        (sdk.InvalidArgumentsError("x"), RequestRejected, "rejects the request (InvalidArgumentsError)"),
        (sdk.OperationNotAllowed("x"), RequestRejected, "rejects the request (OperationNotAllowed)"),
        (sdk.PayloadTooLargeError("x"), RequestRejected, "rejects the request (PayloadTooLargeError)"),
    ],
)
def test_what_no_retry_would_help_is_told_by_its_cause(
    error: sdk.EncordException, kind: type[PlatformError], words: str, answered: Callable[..., None]
) -> None:
    answered(503)
    told = translate(error)
    assert type(told) is kind
    assert words in str(told)


def test_an_answer_that_is_too_large_is_told_as_such_whatever_the_sdk_makes_of_it() -> None:
    error = sdk.AuthenticationError("x")
    error.__cause__ = OversizedAnswer("more than 5 bytes")
    told = translate(error)
    assert type(told) is AnswerTooLarge
    assert str(told).endswith("more than 5 bytes")


@pytest.mark.parametrize(
    ("error", "answer", "reason", "wanted"),
    [
        (sdk.RateLimitExceededError(retry_after=7), (429, None), "too many requests", 7),
        (sdk.RateLimitExceededError(retry_after=0), (429, None), "too many requests", 0),
        (sdk.UnknownException("x"), (503, 0), "HTTP 503", 0),
        (sdk.RateLimitExceededError(), (429, 3), "too many requests", DEFAULT_RETRY_AFTER),
        (sdk.UnknownException("x"), (500, None), "HTTP 500", DEFAULT_RETRY_AFTER),
        (sdk.UnknownException("x"), (503, 4), "HTTP 503", 4),
        (sdk.UnknownException("x"), None, "no connection", DEFAULT_RETRY_AFTER),
        (sdk.RequestException("x"), (200, None), "RequestException", DEFAULT_RETRY_AFTER),
        (sdk.RequestException("x"), (399, None), "RequestException", DEFAULT_RETRY_AFTER),
        (sdk.RequestException("x"), (400, 5), "HTTP 400", 5),
        (sdk.RequestException("x"), None, "no connection", DEFAULT_RETRY_AFTER),
    ],
)
def test_what_may_pass_is_an_outage_with_its_reason_and_pause(
    error: sdk.EncordException,
    answer: tuple[int, int | None] | None,
    reason: str,
    wanted: int,
    answered: Callable[..., None],
) -> None:
    if answer is not None:
        answered(*answer)
    told = translate(error)
    assert isinstance(told, EncordUnavailable)
    assert (told.reason, told.retry_after) == (reason, wanted)


@pytest.mark.parametrize("status", [200, 404, 499])
def test_an_answer_that_the_sdk_cannot_read_is_unexpected(status: int, answered: Callable[..., None]) -> None:
    answered(status)
    told = translate(sdk.UnknownException("x"))
    assert type(told) is UnexpectedAnswer
    assert str(told) == f"Encord answered HTTP {status} (UnknownException)"


@pytest.mark.parametrize(
    ("status", "is_object", "kind"),
    [(200, True, UnparsableAnswer), (200, False, EncordUnavailable), (502, True, EncordUnavailable)],
)
def test_whole_json_that_cannot_be_parsed_is_no_outage(status: int, is_object: bool, kind: type[PlatformError]) -> None:
    error = sdk.RequestException("x")
    error.__cause__ = JSONDecodeError("depth limit exceeded", "{}", 1)
    token = sdk_internals._last_answer.set(HttpAnswer(status, None, 5, is_object))
    told = translate(error)
    sdk_internals._last_answer.reset(token)
    assert type(told) is kind


class Operation:
    """Fails so many times with an SDK error, then answers."""

    def __init__(self, failures: int, error: sdk.EncordException | None = None) -> None:
        self.left = failures
        self.asked = 0
        self.error = error or sdk.UnknownException("x")

    def __call__(self) -> str:
        self.asked += 1
        self.left -= 1
        if self.left >= 0:
            raise self.error
        return "the answer"


@pytest.mark.parametrize("failures", range(ATTEMPTS))
def test_a_failure_that_passes_is_not_seen_by_the_caller(
    failures: int, answered: Callable[..., None], pauses: list[float]
) -> None:
    answered(503)
    operation = Operation(failures)
    assert call(operation) == "the answer"
    assert pauses == [0.5] * failures


def test_a_failure_that_stays_is_told_after_the_last_attempt(
    answered: Callable[..., None], pauses: list[float]
) -> None:
    answered(503)
    operation = Operation(99)
    with pytest.raises(EncordUnavailable) as failed:
        call(operation)
    assert (operation.asked, len(pauses)) == (ATTEMPTS, ATTEMPTS - 1)
    assert failed.value.__cause__ is operation.error


def test_other_errors_go_through_as_they_are_and_at_once(pauses: list[float]) -> None:
    def broken() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        call(broken)
    assert pauses == []


@pytest.mark.parametrize(("asked_for", "pause"), [(0, 0.5), (1, 1.0), (20, 20.0), (None, 0.5)])
def test_the_pause_is_the_longer_of_the_back_off_and_what_encord_asks_for(
    asked_for: int | None, pause: float, answered: Callable[..., None], pauses: list[float]
) -> None:
    """The usual pause that is told to callers is not waited for."""
    answered(503, asked_for)
    call(Operation(1))
    assert pauses == [pause]


def test_a_pause_of_more_than_twenty_seconds_is_left_to_the_caller(
    answered: Callable[..., None], pauses: list[float]
) -> None:
    answered(503, 21)
    with unit_of_work(seconds=3600), pytest.raises(EncordUnavailable) as failed:
        call(Operation(1))
    assert (pauses, failed.value.retry_after) == ([], 21)


@pytest.mark.parametrize(("seconds", "waits"), [(0.4, False), (5.0, True), (None, True)])
def test_no_pause_is_begun_that_ends_after_the_deadline(
    seconds: float | None, waits: bool, answered: Callable[..., None], pauses: list[float]
) -> None:
    answered(503)
    with unit_of_work(seconds=seconds):
        if waits:
            assert call(Operation(1)) == "the answer"
        else:
            with pytest.raises(EncordUnavailable):
                call(Operation(1))
    assert pauses == [0.5] * waits


def test_without_a_deadline_no_pause_is_longer_than_a_minute(
    answered: Callable[..., None], pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(503)
    for pause, waits in ((59.9, True), (60.0, False)):
        pauses.clear()
        monkeypatch.setattr(retries, "_backoff", lambda _, pause=pause: pause)
        if waits:
            call(Operation(1))
        else:
            with pytest.raises(EncordUnavailable):
                call(Operation(1))
        assert pauses == [pause] * waits


def test_without_any_answer_only_the_back_off_is_waited_for(answered: Callable[..., None], pauses: list[float]) -> None:
    call(Operation(1))
    assert pauses == [0.5]


@pytest.mark.parametrize("number", range(8))
def test_requests_of_a_bounded_size_hold_every_item_once(number: int) -> None:
    items = list(range(number))
    found = [list(each) for each in batches(items, 3)]
    assert [each for batch in found for each in batch] == items
    assert all(len(each) == 3 for each in found[:-1])
    assert all(found)
