"""The index of pictures: one SQLite file with figures, hash, vector and thumbnail of each picture.

An entry is known by item and version: what has been read is not read again. Entries are written in batches, each in one
transaction, so a killed run goes on after its last batch.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.errors import RefusalError
from benchmark_qa.images.picture_groups import Vectors
from benchmark_qa.images.quality_lists import Measures

FORMAT = 1
"""Version of the file's layout"""
_SCHEMA = """
create table if not exists facts (name text primary key, value text not null);
create table if not exists pictures (
    item text primary key,
    version text not null,
    title text not null,
    metadata text not null,
    reason text,
    digest text,
    measures text,
    fingerprint text,
    model text,
    vector blob,
    thumbnail blob
) without rowid;
create table if not exists places (place text, item text, primary key (place, item)) without rowid;
create table if not exists figures (item text, name text, value, primary key (item, name)) without rowid;
"""


class IndexFileError(RefusalError):
    """The file is no index, or cannot answer the question."""


@dataclass(frozen=True, slots=True)
class IndexedItem:
    """A picture of a source."""

    item: str
    """A path under the folder, or the uuid of the stored item"""
    version: str
    title: str
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index keeps of one picture; `reason` says why it could not be read."""

    item: IndexedItem
    reason: str | None = None
    digest: str | None = None
    measures: Measures | None = None
    fingerprint: int | None = None
    vector: NDArray[np.float32] | None = None
    thumbnail: bytes | None = None


class Index:
    """An index file. For one writing process at a time."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    @contextmanager
    def open(cls, path: Path, *, make: bool = False) -> Iterator[Self]:
        """Open an index file; `make` creates it if it is missing.

        Raises:
            IndexFileError: there is none, or the file is something else.
        """
        if not make and not path.is_file():
            raise IndexFileError(f"{path}: there is no index; make it with 'benchmark-qa curate index --index {path}'")
        try:
            connection = sqlite3.connect(path)
        except sqlite3.Error as error:
            raise IndexFileError(f"{path}: no index of pictures ({error})") from None
        try:
            try:
                connection.execute("pragma journal_mode = wal")
                connection.execute("pragma synchronous = normal")
                connection.executescript(_SCHEMA)
                found = connection.execute("select value from facts where name = 'format'").fetchone()
                if found is None:
                    connection.execute("insert into facts values ('format', ?)", (str(FORMAT),))
                    connection.commit()
            except sqlite3.DatabaseError as error:
                raise IndexFileError(f"{path}: no index of pictures ({error})") from None
            if found is not None and found[0] != str(FORMAT):
                raise IndexFileError(f"{path}: was made by another version; delete it and index again")
            yield cls(path, connection)
        finally:
            with suppress(sqlite3.Error):  # of a file that cannot be read, closing fails too
                connection.close()

    # --- writing -------------------------------------------------------------------------------------------------

    @property
    def model(self) -> str | None:
        """Name of the network that made the vectors; None: no vectors yet."""
        found = self._connection.execute("select value from facts where name = 'model'").fetchone()
        return None if found is None else str(found[0])

    def use_model(self, name: str) -> None:
        """Make `name` the network of this index. Vectors of another network are forgotten."""
        if self.model != name:
            with self._connection:
                self._connection.execute("update pictures set vector = null, model = null")
                self._connection.execute("insert or replace into facts values ('model', ?)", (name,))

    def known(self) -> dict[str, tuple[str, str | None]]:
        """Version and network of every entry that was read. An unreadable picture is tried again."""
        query = "select item, version, model from pictures where reason is null"
        return {item: (version, model) for item, version, model in self._connection.execute(query)}

    def write(self, entries: Sequence[Entry], model: str | None) -> None:
        """Store entries in one transaction."""
        with self._connection:
            self._connection.executemany(
                "insert or replace into pictures values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [_row(entry, model) for entry in entries],
            )

    def settle(self, place: str, items: Sequence[IndexedItem]) -> int:
        """Make a place hold these items; returns how many pictures are forgotten, because no place has them any more.

        Titles and metadata are renewed: they can change without a new version.
        """
        with self._connection:
            self._connection.execute("delete from places where place = ?", (place,))
            self._connection.executemany("insert into places values (?, ?)", [(place, one.item) for one in items])
            self._connection.executemany(
                "update pictures set title = ?, metadata = ? where item = ?",
                [(one.title, json.dumps(dict(one.metadata)), one.item) for one in items],
            )
            gone = self._connection.execute("delete from pictures where item not in (select item from places)")
        return gone.rowcount

    def take_vectors(self, vectors: Mapping[str, NDArray[np.float32]], model: str) -> int:
        """Store vectors that the team has already, by item or title; returns how many pictures got one."""
        self.use_model(model)
        rows = [
            (np.asarray(vectors[key], dtype=np.float16).tobytes(), model, item)
            for item, title in self._connection.execute("select item, title from pictures where reason is null")
            for key in (item, title)
            if key in vectors
        ]
        with self._connection:
            self._connection.executemany("update pictures set vector = ?, model = ? where item = ?", rows)
        return len({row[2] for row in rows})

    def note_figures(self, name: str, values: Mapping[str, Any]) -> None:
        """Store one figure of pictures, such as the cluster number, in place of the figure of that name."""
        with self._connection:
            self._connection.execute("delete from figures where name = ?", (name,))
            rows = [(item, name, value) for item, value in values.items()]
            self._connection.executemany("insert into figures values (?, ?, ?)", rows)

    # --- reading -------------------------------------------------------------------------------------------------

    @cached_property
    def unread(self) -> list[tuple[IndexedItem, str]]:
        """Pictures that could not be read, with the reason."""
        query = "select item, version, title, metadata, reason from pictures where reason is not null"
        return [(_item(row[:4]), row[4]) for row in self._connection.execute(query)]

    @cached_property
    def pictures(self) -> "Pictures":
        """Everything but vectors and thumbnails of the pictures that were read, in the order of their items."""
        query = (
            "select item, version, title, metadata, digest, measures, fingerprint from pictures "
            "where reason is null order by item"
        )
        rows = self._connection.execute(query).fetchall()
        places: dict[str, list[str]] = defaultdict(list)
        for place, item in self._connection.execute("select place, item from places order by place"):
            places[item].append(place)
        return Pictures(
            items=[_item(row[:4]) for row in rows],
            digests=[row[4] for row in rows],
            measures=[Measures(**json.loads(row[5])) for row in rows],
            fingerprints=[None if row[6] is None else int(row[6], 16) for row in rows],
            places=[tuple(places[row[0]]) for row in rows],
        )

    def vectors(self) -> Vectors:
        """A row for each of `pictures`, (n, d); zeros for a picture without a vector.

        Raises:
            IndexFileError: no picture has a vector, or vectors differ in length.
        """
        query = "select vector from pictures where reason is null order by item"
        found = [
            None if blob is None else np.frombuffer(blob, np.float16) for (blob,) in self._connection.execute(query)
        ]
        sizes = {len(one) for one in found if one is not None}
        if len(sizes) != 1:
            why = "has no vectors; run 'curate index' with a model" if not sizes else "has vectors of several lengths"
            raise IndexFileError(f"{self.path}: {why}")
        vectors = np.zeros((len(found), sizes.pop()), dtype=np.float32)
        for at, one in enumerate(found):
            if one is not None:
                vectors[at] = one
        return vectors

    def thumbnails(self, items: Sequence[str] | None = None) -> Iterator[tuple[str, bytes]]:
        """Item and WebP of pictures, all in the order of their items or those asked for."""
        query = "select item, thumbnail from pictures where reason is null and thumbnail is not null"
        if items is None:
            yield from self._connection.execute(f"{query} order by item")
            return
        for item in items:
            yield from self._connection.execute(f"{query} and item = ?", (item,))

    def figures(self, name: str) -> dict[str, Any]:
        """A figure of `note_figures`, by item."""
        return dict(self._connection.execute("select item, value from figures where name = ?", (name,)))

    def figure_names(self) -> list[str]:
        """Names of the figures that are stored."""
        return [row[0] for row in self._connection.execute("select distinct name from figures order by name")]


@dataclass(frozen=True)
class Pictures:
    """Columns of the pictures that were read; the same index in each is one picture."""

    items: Sequence[IndexedItem]
    digests: Sequence[str]
    measures: Sequence[Measures]
    fingerprints: Sequence[int | None]
    places: Sequence[tuple[str, ...]]
    """Folders, datasets and projects that have the picture"""

    @property
    def titles(self) -> list[str]:
        """Title of each picture."""
        return [item.title for item in self.items]

    def place_of(self, wanted: str) -> int:
        """Index of a picture by item or title.

        Raises:
            IndexFileError: there is none, or several have the title.
        """
        by_item = [at for at, item in enumerate(self.items) if item.item == wanted]
        found = by_item or [at for at, item in enumerate(self.items) if item.title == wanted]
        if len(found) != 1:
            raise IndexFileError(f"{'several pictures are' if found else 'no picture is'} called {wanted!r}")
        return found[0]


def _row(entry: Entry, model: str | None) -> tuple[Any, ...]:
    item = entry.item
    return (
        item.item,
        item.version,
        item.title,
        json.dumps(dict(item.metadata)),
        entry.reason,
        entry.digest,
        None if entry.measures is None else json.dumps(asdict(entry.measures)),
        None if entry.fingerprint is None else f"{entry.fingerprint:016x}",
        model if entry.vector is not None else None,
        None if entry.vector is None else entry.vector.astype(np.float16).tobytes(),
        entry.thumbnail,
    )


def _item(row: Sequence[Any]) -> IndexedItem:
    return IndexedItem(row[0], row[1], row[2], json.loads(row[3]))
