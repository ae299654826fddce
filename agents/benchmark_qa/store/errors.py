"""What may go wrong with the database."""

from benchmark_qa.errors import TryAgainLater


class StoreError(TryAgainLater):
    """The database cannot be reached, or refuses. The message holds no password."""


class SchemaBehindError(StoreError):
    """The tables are older or newer than this software."""
