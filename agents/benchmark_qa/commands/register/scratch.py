"""A private database on disk for the length of one build or check: SQLite removes it when it is closed.

It is what keeps memory from growing with the manifest: rows are grouped, ordered and compared by SQLite's sorter, which
works in files.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

_CACHE_KIB = 32 * 1024


@contextmanager
def scratch_database(schema: str) -> Iterator[sqlite3.Connection]:
    """An empty database with that schema."""
    connection = sqlite3.connect("", isolation_level=None)  # an empty name: temporary, on disk
    try:
        connection.executescript(
            f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE;"
            f"PRAGMA cache_size = -{_CACHE_KIB}; {schema}"
        )
        yield connection
    finally:
        connection.close()


def repeated_urls(connection: sqlite3.Connection) -> Iterator[tuple[int, int]]:
    """(line, earlier line) of every URL of the table `files` that an earlier line has already."""
    return connection.execute(
        "SELECT line, first FROM (SELECT line, MIN(line) OVER (PARTITION BY url) AS first,"
        " ROW_NUMBER() OVER (PARTITION BY url ORDER BY line) AS turn FROM files) WHERE turn > 1 ORDER BY line"
    )
