"""Failures that are answered alike, whichever room they come from. So light that naming one loads none of the rooms."""

import traceback
from collections.abc import Iterator


class TryAgainLater(Exception):
    """Something that the work needs cannot be reached now; doing it again does no harm."""

    retry_after = 10
    """Seconds"""


class MissingExtraError(Exception):
    """What was asked for needs an extra of this package that is not installed; the message names it."""


class RefusalError(Exception):
    """Base: the request is understood and cannot be served as things are."""


def places_and_kinds(error: BaseException) -> Iterator[str]:
    """A traceback without the exceptions' messages: libraries quote answers, labels, statements and settings there."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from places_and_kinds(before)
        yield "which led to\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}\n"
