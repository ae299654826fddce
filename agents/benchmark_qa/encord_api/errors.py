"""What can go wrong when talking to Encord, without any SDK class in it."""

from collections.abc import Callable

NO_CONNECTION = "no connection"
"""Reason of an `EncordUnavailable` where nothing was answered at all"""


class PlatformError(Exception):
    """Base of every error this room raises."""


class EncordUnavailable(PlatformError):
    """Encord did not answer, or asked us to come back later.

    Attributes:
        retry_after: seconds after which trying again makes sense.
    """

    def __init__(self, reason: str, *, retry_after: int) -> None:
        super().__init__(f"Encord is not available right now ({reason}); try again in {retry_after} s")
        self.reason = reason
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[Callable[..., Exception], tuple[str, int]]:
        """Errors cross from worker processes."""
        return _unavailable, (self.reason, self.retry_after)


def _unavailable(reason: str, retry_after: int) -> EncordUnavailable:
    return EncordUnavailable(reason, retry_after=retry_after)


class AccessRefused(PlatformError):
    """The service's key is unknown to Encord, or may not see this project."""


class NotFoundOnPlatform(PlatformError):
    """Encord knows no such project, label row or stage."""


class RequestRejected(PlatformError):
    """Encord understood the request and refuses it: for task actions, a task has left the stage."""


class AnswerTooLarge(PlatformError):
    """The answer is larger than what may be read in this process; a worker process may."""


class UnexpectedAnswer(PlatformError):
    """Encord answered something the SDK could not make sense of, and repeating it did not help."""


class UnusableKey(PlatformError):
    """The private key is not one that Encord accepts. The message never holds the key."""
