"""Label rows that have been read from Encord, in a file on disk: a later run reads only what has changed since.

A row is known by its label hash, and is current while Encord says the same moment of its last edit. Each bundle is on
disk before the next is asked for, so that a run can be killed at any point.
"""

import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from agents.interchange.canonical import FORMAT_VERSION, canonical_bytes, canonical_row
from agents.workflows.errors import RefusalError


class ExportUnderWay(RefusalError):
    """Another process writes to the same folder."""


class RowsRead:
    """The rows read so far. For one process at a time.

    Raises:
        ExportUnderWay
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = _open(path)

    def close(self) -> None:
        """Let go of the file, which stays."""
        self._connection.close()

    def current(self, edited_at: Mapping[str, datetime | None]) -> set[str]:
        """Those of these label hashes whose rows are here as of their last edit."""
        known = self._connection.execute("SELECT label_hash, edited_at FROM rows")
        return {
            label_hash
            for label_hash, moment in known
            if label_hash in edited_at and moment == _key(edited_at[label_hash])
        }

    def keep(self, rows: Mapping[str, Mapping[str, Any]], edited_at: Mapping[str, datetime | None]) -> None:
        """Keep a bundle of rows, by label hash, in their canonical form."""
        entries = [
            (label_hash, _key(edited_at[label_hash]), zlib.compress(canonical_bytes(canonical_row(row)), 1))
            for label_hash, row in rows.items()
        ]
        with self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", entries)

    def row(self, label_hash: str) -> dict[str, Any]:
        """One row; KeyError where it is not here."""
        found = self._connection.execute("SELECT json FROM rows WHERE label_hash = ?", (label_hash,)).fetchone()
        if found is None:
            raise KeyError(label_hash)
        row: dict[str, Any] = orjson.loads(zlib.decompress(found[0]))
        return row

    def forget_all_but(self, label_hashes: Iterable[str]) -> None:
        """Drop what is not part of the export any more."""
        wanted = set(label_hashes)
        known = self._connection.execute("SELECT label_hash FROM rows").fetchall()
        dropped = [(label_hash,) for (label_hash,) in known if label_hash not in wanted]
        with self._connection:
            self._connection.executemany("DELETE FROM rows WHERE label_hash = ?", dropped)


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=1)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        if connection.execute("PRAGMA user_version").fetchone() != (FORMAT_VERSION,):
            connection.execute("DROP TABLE IF EXISTS rows")
            connection.execute("CREATE TABLE rows (label_hash TEXT PRIMARY KEY, edited_at TEXT, json BLOB)")
            connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
        connection.commit()
    except sqlite3.OperationalError:
        connection.close()
        raise ExportUnderWay(f"another export uses {path}") from None
    except sqlite3.DatabaseError:  # what a torn disk left: it is only a copy
        connection.close()
        path.unlink()
        return _open(path)
    return connection


def _key(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
