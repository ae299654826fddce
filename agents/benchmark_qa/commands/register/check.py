"""Check any registration file against the SDK's models and Encord's limits."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TextIO

from benchmark_qa.commands.register.entries import MODELS, check_limits, key_of, model_of, plain, urls_of
from benchmark_qa.commands.register.errors import EntryError, Faults, LineFault
from benchmark_qa.commands.register.files import Limits, MalformedFile, Value, values
from benchmark_qa.commands.register.key_frames import MetadataSchema, checked_reserved, require_finite
from benchmark_qa.encord_api.models import Model

_CACHE_KIB = 32 * 1024


@contextmanager
def scratch_database(schema: str) -> Iterator[sqlite3.Connection]:
    """An empty database with that schema."""
    connection = sqlite3.connect("", isolation_level=None)  # empty name: a temporary database on disk
    try:
        connection.executescript(
            f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE;"
            f"PRAGMA cache_size = -{_CACHE_KIB}; {schema}"
        )
        yield connection
    finally:
        connection.close()


def repeated_urls(connection: sqlite3.Connection) -> Iterator[tuple[int, int]]:
    """(line, earlier line) of every URL in the table `files` that an earlier line has too."""
    return connection.execute(
        "SELECT line, first FROM (SELECT line, MIN(line) OVER (PARTITION BY url) AS first,"
        " ROW_NUMBER() OVER (PARTITION BY url ORDER BY line) AS turn FROM files) WHERE turn > 1 ORDER BY line"
    )


_SWITCHES = frozenset({"skipduplicateurls", "upsertmetadata"})


_ENTRIES_AT_A_TIME = 2_000


@dataclass(frozen=True, slots=True)
class RegisteredEntry:
    """One item of a registration file; `key` is the documented form of its key."""

    line: int
    key: str
    model: Model


@dataclass(slots=True)
class Checked:
    """The result of a check."""

    items: Counter[str] = field(default_factory=Counter)
    """Number of items by key"""
    urls: int = 0
    faults: tuple[LineFault, ...] = ()
    """The first hundred faults"""
    total_faults: int = 0


def check(text: TextIO, *, limits: Limits | None = None, schema: MetadataSchema | None = None) -> Checked:
    """Find every fault of a registration file; URLs are compared on disk, so memory stays constant.

    With a schema, client metadata is checked against the organisation's types too.
    """
    limits, faults, found = limits or Limits(), Faults(), Checked()
    with scratch_database("CREATE TABLE files (line INTEGER, url TEXT)") as files:
        urls = _urls(text, found, faults, schema)
        files.execute("BEGIN")
        while batch := list(islice(urls, _ENTRIES_AT_A_TIME)):
            files.executemany("INSERT INTO files VALUES (?, ?)", batch)
            found.urls += len(batch)
        files.execute("COMMIT")
        for line, earlier in repeated_urls(files):
            faults.add(line, f"the same URL as on line {earlier:,}: it would be skipped, or registered twice")
    _check_size(found, limits, faults)
    found.faults, found.total_faults = tuple(sorted(faults.kept)), faults.total
    return found


def registered_entries(text: TextIO) -> Iterator[RegisteredEntry]:
    """Yield the items of a checked registration file in order, one at a time.

    Raises:
        MalformedFile, EntryError: the file has changed since it was checked.
    """
    for value in values(text):
        if value.in_list:
            yield _entry(value)


def _urls(text: TextIO, found: Checked, faults: Faults, schema: MetadataSchema | None) -> Iterator[tuple[int, str]]:
    try:
        for value in values(text):
            try:
                if not value.in_list:
                    _check_switch(value)
                    continue
                entry = _entry(value)
                check_limits(entry.model)
                require_finite(value.value, entry.key)
                _check_metadata(getattr(entry.model, "client_metadata", None) or {}, schema)
            except EntryError as error:
                faults.add(value.line, str(error))
                continue
            found.items[entry.key] += 1
            yield from ((value.line, url) for url in urls_of(entry.model))
    except MalformedFile as error:
        faults.add(error.line, error.reason)


def _entry(value: Value) -> RegisteredEntry:
    key = key_of(value.key)
    if key is None:
        raise EntryError(f"{value.key!r} is not a kind of data that can be registered: {', '.join(MODELS)}")
    return RegisteredEntry(value.line, key, model_of(key, value.value))


def _check_metadata(metadata: Mapping[str, Any], schema: MetadataSchema | None) -> None:
    if schema is not None:
        schema.typed(metadata)
    else:
        checked_reserved(metadata)


def _check_switch(value: Value) -> None:
    if plain(value.key) in _SWITCHES:
        if not isinstance(value.value, bool):
            raise EntryError(f"{value.key}: must be true or false")
    elif key_of(value.key) is not None:
        raise EntryError(f"{value.key}: must be a list")
    else:
        raise EntryError(f"{value.key!r} is not a key of a registration file")


def _check_size(found: Checked, limits: Limits, faults: Faults) -> None:
    items = found.items.total()
    if items > limits.items:
        faults.add(1, f"{items:,} items, at most {limits.items:,} are allowed in a file")
    if found.urls > limits.urls:
        faults.add(1, f"{found.urls:,} URLs, at most {limits.urls:,} are allowed in a file")
    if not items and not faults.total:
        faults.add(1, "there is nothing to register in it")
