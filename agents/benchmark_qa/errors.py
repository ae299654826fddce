"""Base errors that are answered alike, whichever package raises them.

Importing this module loads no package.
"""

import traceback
from collections.abc import Iterable, Iterator
from difflib import get_close_matches


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """A question with the known word that is nearest to `given`, or the list of all known words.

    >>> did_you_mean("Scor", ["Score", "Route"])
    "did you mean 'Score'?"
    >>> did_you_mean("x", ["Score", "Route"])
    "there are 'Score', 'Route'"
    """
    words = list(known)
    folded = {word.casefold(): word for word in words}
    near = get_close_matches(given.casefold(), folded, n=1)
    if near:
        return f"did you mean '{folded[near[0]]}'?"
    return f"there are {', '.join(repr(word) for word in words)}" if words else "there is none"


class TryAgainLater(Exception):
    """Something that the work needs is not available now. A retry does no harm."""

    retry_after = 10
    """Seconds."""


class MissingExtraError(Exception):
    """The request needs an extra of this package that is not installed; the message names it."""


class RefusalError(Exception):
    """Base class: the request is valid and cannot be served in the present state."""


def places_and_kinds(error: BaseException) -> Iterator[str]:
    """The lines of a traceback without messages, which may quote answers, labels, statements and settings."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from places_and_kinds(before)
        yield "which led to\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}\n"
