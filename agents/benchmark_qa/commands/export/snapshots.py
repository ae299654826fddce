"""Snapshots: label branches with copies of chosen rows of `main`, to repeat an export.

Encord copies rows in batches, and copying may be interrupted. A snapshot is complete when it is sealed: its first row
is copied once more, to a branch `NAME.sealed.DIGEST`, whose name holds the digest of the row selection. The next run
completes a snapshot without a seal. Encord lets people edit any branch in the label editor: rows that were edited after
the seal are counted and reported.
"""

import re
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from benchmark_qa.encord_api.label_rows import BranchRow, LabelBranches
from benchmark_qa.encord_api.models import ENCORDS_PREFIX, MAIN
from benchmark_qa.errors import RefusalError
from benchmark_qa.formats.encord_writer import FORMAT_VERSION, canonical_bytes, canonical_row

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


_SEALED = ".sealed."


_ROWS_PER_CALL = 1_000


class SnapshotRefused(RefusalError):
    """The name cannot be used for this export; the message says why."""


@dataclass(frozen=True)
class Snapshot:
    """A frozen label branch."""

    name: str
    made_at: datetime | None
    rows: tuple[BranchRow, ...]
    """Sorted by data hash"""

    @property
    def edited_since(self) -> int:
        """Number of rows edited on the branch since it was sealed."""
        made_at = self.made_at
        return sum(
            made_at is not None and row.last_edited_at is not None and row.last_edited_at > made_at for row in self.rows
        )


def check_name(name: str) -> None:
    """Refuse a name that Encord rejects, or whose branch would be scored as an annotator's work.

    Raises:
        SnapshotRefused
    """
    if not NAME.fullmatch(name) or name == MAIN or name.startswith(ENCORDS_PREFIX) or _SEALED in name:
        raise SnapshotRefused(
            f"{name!r} cannot name a snapshot: up to 100 letters, digits, '-', '_' and '.', not 'main', "
            "not 'encord-...' (annotators' branches)"
        )


def sealed_snapshot(branches: LabelBranches, name: str, digest: str) -> Snapshot | None:
    """The snapshot, or None if it does not exist. 1 request, and 2 more if it exists.

    Raises:
        SnapshotRefused: it was made with another row selection, or its rows are gone.
    """
    check_name(name)
    seals = [branch for branch in branches.names() if branch.startswith(name + _SEALED)]
    if not seals:
        return None
    if _seal(name, digest) not in seals:
        raise SnapshotRefused(f"snapshot {name!r} was made by other filters: give the same ones, or another name")
    rows = _on_branch(branches, name)
    if not rows:
        raise SnapshotRefused(f"nothing is left of snapshot {name!r}: its rows were deleted, give another name")
    (sealed,) = branches.rows(_seal(name, digest), data_hashes=[rows[0].data_hash])
    return Snapshot(name, sealed.created_at, rows)


def make_snapshot(
    branches: LabelBranches, name: str, digest: str, chosen: Sequence[BranchRow], progress: Callable[[int], None]
) -> Snapshot:
    """Copy the chosen rows and seal the copy. Can be killed and run again.

    5 requests per 1,000 rows, 1 per 1,000 that nobody has opened, and 4 more.

    Raises:
        SnapshotRefused: nothing was chosen, or the branch holds rows that were not chosen.
    """
    if not chosen:
        raise SnapshotRefused("no data unit is chosen: there is nothing to freeze")
    labelled = [row.label_hash for row in chosen if row.label_hash is not None]
    for start in range(0, len(labelled), _ROWS_PER_CALL):
        batch = labelled[start : start + _ROWS_PER_CALL]
        branches.copy(batch, name)
        progress(len(batch))
    # Answers without labels have no row to copy: an empty row takes their place.
    empty = [row.data_hash for row in chosen if row.label_hash is None]
    if empty:
        branches.open(empty, name)
        progress(len(empty))
    rows = _on_branch(branches, name)
    _refuse_others(name, rows, chosen)
    seal = _seal(name, digest)
    first = next((row for row in chosen if row.label_hash is not None), None)
    if first is None or first.label_hash is None or first.data_hash != rows[0].data_hash:
        branches.open([rows[0].data_hash], seal)
    else:
        branches.copy([first.label_hash], seal)
    (sealed,) = branches.rows(seal, data_hashes=[rows[0].data_hash])
    return Snapshot(name, sealed.created_at, rows)


def _on_branch(branches: LabelBranches, name: str) -> tuple[BranchRow, ...]:
    rows = [row for row in branches.rows(name) if row.label_hash is not None]
    return tuple(sorted(rows, key=lambda row: row.data_hash))


def _refuse_others(name: str, rows: Sequence[BranchRow], chosen: Sequence[BranchRow]) -> None:
    there, wanted = {row.data_hash for row in rows}, {row.data_hash for row in chosen}
    if wanted - there:
        raise SnapshotRefused(f"Encord did not copy {len(wanted - there)} of {len(wanted)} rows to branch {name!r}")
    if there - wanted:
        raise SnapshotRefused(
            f"branch {name!r} holds {len(there - wanted)} rows that are not chosen now: give another name"
        )


def _seal(name: str, digest: str) -> str:
    return f"{name}{_SEALED}{digest}"


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
