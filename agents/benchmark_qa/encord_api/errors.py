"""Errors of the access to Encord, without any SDK class."""

from collections.abc import Callable

NO_CONNECTION = "no connection"
"""Reason of an `EncordUnavailable` if there was no answer at all."""


class PlatformError(Exception):
    """Base class of the errors of `encord_api`."""


class EncordUnavailable(PlatformError):
    """Encord did not answer, or asked to retry later.

    Attributes:
        retry_after: seconds after which a retry makes sense.
    """

    def __init__(self, reason: str, *, retry_after: int) -> None:
        super().__init__(f"Encord is not available right now ({reason}); try again in {retry_after} s")
        self.reason = reason
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[Callable[..., Exception], tuple[str, int]]:
        """Support pickling: worker processes send errors to the server."""
        return _unavailable, (self.reason, self.retry_after)


def _unavailable(reason: str, retry_after: int) -> EncordUnavailable:
    return EncordUnavailable(reason, retry_after=retry_after)


class AccessRefused(PlatformError):
    """Encord does not know the service's key, or the key may not see this project."""


class NotFoundOnPlatform(PlatformError):
    """Encord has no such project, label row or stage."""


class RequestRejected(PlatformError):
    """Encord understood the request and refused it. For task actions: a task has left the stage."""


class AnswerTooLarge(PlatformError):
    """The answer is larger than the limit of this process. A worker process may read it."""


class UnexpectedAnswer(PlatformError):
    """The SDK could not read Encord's answer, and a retry did not help."""


class UnparsableAnswer(UnexpectedAnswer):
    """The whole answer came, and it cannot be parsed: it is nested too deeply, or has NaN or half a character."""


class UnusableKey(PlatformError):
    """Encord does not accept the private key. The message never contains the key."""
