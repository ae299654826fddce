"""Failures that are answered alike, whichever room they come from. So light that naming one loads none of the rooms."""


class TryAgainLater(Exception):
    """Something that the work needs cannot be reached now; doing it again does no harm."""

    retry_after = 10
    """Seconds"""


class MissingExtraError(Exception):
    """What was asked for needs an extra of this package that is not installed; the message names it."""


class RefusalError(Exception):
    """Base: the request is understood and cannot be served as things are."""
