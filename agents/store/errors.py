"""What may go wrong with the database."""


class StoreError(Exception):
    """The database cannot be reached, or refuses. The message holds no password."""


class SchemaBehindError(StoreError):
    """The tables are older or newer than this software."""
