"""Label rows read from Encord, cached on disk: a later run reads only changed rows.

A row is found by its label hash. It is current while its last edit on Encord and the ontology are unchanged (objects of
archived classes are not served). Each bundle is on disk before the next one is requested, so that a run can be killed
at any point.
"""

import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from benchmark_qa.errors import RefusalError
from benchmark_qa.formats.encord_writer import FORMAT_VERSION, canonical_bytes, canonical_row

_UNSETTLED = timedelta(seconds=5)


class ExportUnderWay(RefusalError):
    """Another process writes to the same folder."""


class RowsNotKept(RefusalError):
    """The rows cannot be stored on disk; the message says where and why."""


class RowsRead:
    """The cache of rows. For one process at a time.

    Args:
        path: of the file.
        structure: hash of the ontology's structure.

    Raises:
        ExportUnderWay, RowsNotKept
    """

    def __init__(self, path: Path, structure: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._structure = structure
        self._connection = _open(path)

    def close(self) -> None:
        """Close the file and keep it on disk."""
        self._connection.close()

    def current(self, edited_at: Mapping[str, datetime | None]) -> set[str]:
        """The label hashes whose cached rows are as of their last edit."""
        known = self._connection.execute("SELECT label_hash, edited_at FROM rows")
        return {
            label_hash
            for label_hash, key in known
            if label_hash in edited_at and key == self._key(edited_at[label_hash])
        }

    def keep(self, rows: Mapping[str, Mapping[str, Any]], edited_at: Mapping[str, datetime | None]) -> None:
        """Store a bundle of rows, by label hash, in canonical form."""
        now = datetime.now(UTC)
        entries = [
            (label_hash, self._key(edited_at[label_hash], now), zlib.compress(canonical_bytes(canonical_row(row)), 1))
            for label_hash, row in rows.items()
        ]
        try:
            with self._connection:
                self._connection.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", entries)
        except sqlite3.OperationalError as error:
            raise RowsNotKept(f"{self._path} cannot be written: {error}") from None

    def row(self, label_hash: str) -> dict[str, Any]:
        """One row; raises KeyError if it is not cached."""
        found = self._connection.execute("SELECT json FROM rows WHERE label_hash = ?", (label_hash,)).fetchone()
        if found is None:
            raise KeyError(label_hash)
        row: dict[str, Any] = orjson.loads(zlib.decompress(found[0]))
        return row

    def _key(self, edited_at: datetime | None, now: datetime | None = None) -> str:
        """The key that tells whether a row is current; `now` is when it was read.

        Encord may give whole seconds, and a second edit within that second would be missed: a row that was read too
        soon after such an edit is not current.
        """
        if edited_at is None:
            return self._structure
        unsettled = now is not None and edited_at.microsecond == 0 and abs(now - edited_at) < _UNSETTLED
        return f"{edited_at.isoformat()} {self._structure}{' unsettled' if unsettled else ''}"

    def forget_all_but(self, label_hashes: Iterable[str]) -> None:
        """Drop rows that are no longer part of the export."""
        wanted = set(label_hashes)
        known = self._connection.execute("SELECT label_hash FROM rows").fetchall()
        dropped = [(label_hash,) for (label_hash,) in known if label_hash not in wanted]
        with self._connection:
            self._connection.executemany("DELETE FROM rows WHERE label_hash = ?", dropped)


def _open(path: Path) -> sqlite3.Connection:
    try:
        return _opened(path)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise ExportUnderWay(f"another export writes to the folder: {path} is in use") from None
        raise RowsNotKept(f"{path} cannot be written: {error}") from None
    except sqlite3.DatabaseError:  # a damaged file: it is only a cache
        path.unlink()
        return _open(path)


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=1)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        if connection.execute("PRAGMA user_version").fetchone() != (FORMAT_VERSION,):
            connection.execute("DROP TABLE IF EXISTS rows")
            connection.execute("CREATE TABLE rows (label_hash TEXT PRIMARY KEY, edited_at TEXT, json BLOB)")
            connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
        connection.commit()
    except sqlite3.Error:
        connection.close()
        raise
    return connection
