"""Transient failures are repeated, never earlier than Encord asks for, and within the time that is left."""

from collections.abc import Callable

import pytest
import requests
from encord import exceptions as sdk
from requests.adapters import BaseAdapter

from benchmark_qa.context import unit_of_work
from benchmark_qa.encord_api.errors import AccessRefused, EncordUnavailable
from benchmark_qa.encord_api.retries import ATTEMPTS, DEFAULT_RETRY_AFTER, call
from benchmark_qa.encord_api.sdk_internals import PooledSession


class Encord(BaseAdapter):
    """Answers every request at once, without a socket."""

    def __init__(self, status: int, retry_after: str | None) -> None:
        super().__init__()
        self.status = status
        self.headers = {} if retry_after is None else {"Retry-After": retry_after}
        self.asked = 0

    def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
        self.asked += 1
        answer = requests.Response()
        answer.status_code, answer.request, answer._content = self.status, request, b"{}"
        answer.headers.update(self.headers)
        return answer

    def close(self) -> None:
        """Nothing is open."""

    def operation(self, error: sdk.EncordException) -> Callable[[], None]:
        """What the SDK does: it sends, and raises what it makes of the status."""
        session = PooledSession(pool_size=1, connect_retries=0)
        session.mount("https://", self)

        def send() -> None:
            session.send(session.prepare_request(requests.Request("GET", "https://encord.test/rows")))
            raise error

        return send


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, without any being waited for."""
    made: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", made.append)
    return made


FAILURES = [(429, sdk.RateLimitExceededError), (503, sdk.RequestException), (500, sdk.UnknownException)]


@pytest.mark.parametrize(("status", "error"), FAILURES)
def test_a_pause_that_encord_asks_for_is_made_between_all_attempts(
    status: int, error: type[sdk.EncordException], pauses: list[float]
) -> None:
    encord = Encord(status, "7")
    with pytest.raises(EncordUnavailable) as failed:
        call(encord.operation(raised(error, 7)))
    assert encord.asked == ATTEMPTS
    assert len(pauses) == ATTEMPTS - 1
    assert all(pause >= 7 for pause in pauses)
    assert failed.value.retry_after == 7


@pytest.mark.parametrize(("status", "error"), FAILURES)
def test_without_one_pauses_are_short_and_the_answer_names_the_usual_one(
    status: int, error: type[sdk.EncordException], pauses: list[float]
) -> None:
    encord = Encord(status, None)
    with pytest.raises(EncordUnavailable) as failed:
        call(encord.operation(raised(error, None)))
    assert encord.asked == ATTEMPTS
    assert all(pause <= 5 for pause in pauses)
    assert failed.value.retry_after == DEFAULT_RETRY_AFTER


@pytest.mark.parametrize(("asked", "seconds"), [("21", 300.0), ("7", 5.0)])
def test_a_pause_longer_than_the_time_left_is_passed_on_at_once(
    asked: str, seconds: float, pauses: list[float]
) -> None:
    encord = Encord(503, asked)
    with unit_of_work(seconds=seconds), pytest.raises(EncordUnavailable) as failed:
        call(encord.operation(raised(sdk.RequestException, None)))
    assert (encord.asked, pauses, failed.value.retry_after) == (1, [], int(asked))


def test_what_a_retry_would_not_help_is_not_repeated(pauses: list[float]) -> None:
    encord = Encord(403, "7")
    with pytest.raises(AccessRefused):
        call(encord.operation(raised(sdk.AuthorisationError, None)))
    assert (encord.asked, pauses) == (1, [])


def raised(error: type[sdk.EncordException], retry_after: int | None) -> sdk.EncordException:
    if error is sdk.RateLimitExceededError:
        return sdk.RateLimitExceededError(retry_after=retry_after)
    return error("no")
