"""Score records in a SQL database: upserts under deterministic keys, history kept."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, create_engine, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from agents.records import ScoreIdentity, ScoreRecord
from agents.store.schema import metadata, score_records

_KEYS_PER_QUERY = 500
_ROWS_PER_INSERT = 500


class StoreError(Exception):
    """The database cannot be reached, or refuses. The message holds no password."""


class SqlScoreStore:
    """Score records in SQLite or PostgreSQL. Thread-safe.

    Args:
        url: SQLAlchemy URL, e.g. `sqlite:///scores.sqlite` or `postgresql+psycopg://user@host/db`.

    Raises:
        StoreError: the URL is not understood.
    """

    def __init__(self, url: str) -> None:
        try:
            self._engine = create_engine(url, pool_pre_ping=True)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise StoreError(f"DATABASE_URL is not understood ({type(error).__name__})") from None
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _sqlite_for_many_writers)
        elif self._engine.dialect.name != "postgresql":
            raise StoreError(f"DATABASE_URL names {self._engine.dialect.name!r}; SQLite and PostgreSQL are supported")
        self._creating = threading.Lock()
        self._tables_exist = False

    def find(self, keys: Sequence[str]) -> dict[str, ScoreRecord]:
        """The records that exist under these keys. 1 query per 500 keys.

        Raises:
            StoreError
        """
        found: dict[str, ScoreRecord] = {}
        with self._transaction() as connection:
            for start in range(0, len(keys), _KEYS_PER_QUERY):
                batch = keys[start : start + _KEYS_PER_QUERY]
                rows = connection.execute(select(score_records).where(score_records.c.key.in_(batch)))
                found.update({row.key: _record(row) for row in rows})
        return found

    def save(self, records: Sequence[ScoreRecord]) -> None:
        """Insert what is new; a record that is there already stays as it is. 1 statement per 500 records.

        Raises:
            StoreError
        """
        rows = [_row(record) for record in records]
        with self._transaction() as connection:
            for start in range(0, len(rows), _ROWS_PER_INSERT):
                connection.execute(self._insert_new(), rows[start : start + _ROWS_PER_INSERT])

    def latest(self, production_project: str) -> list[ScoreRecord]:
        """The newest record of every branch of every data unit of a project, by data hash and branch.

        Raises:
            StoreError
        """
        rank = (
            func.row_number()
            .over(
                partition_by=(score_records.c.data_hash, score_records.c.branch_name),
                order_by=(score_records.c.scored_at.desc(), score_records.c.key),
            )
            .label("rank")
        )
        ranked = select(score_records, rank).where(score_records.c.production_project == production_project).subquery()
        newest = select(ranked).where(ranked.c.rank == 1).order_by(ranked.c.data_hash, ranked.c.branch_name)
        with self._transaction() as connection:
            return [_record(row) for row in connection.execute(newest)]

    def close(self) -> None:
        """Give back every connection."""
        self._engine.dispose()

    def _insert_new(self) -> Any:
        insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        return insert(score_records).on_conflict_do_nothing(index_elements=["key"])

    def _create_tables(self) -> None:
        """Make the tables on first use; other threads and processes may be doing the same."""
        with self._creating:
            if self._tables_exist:
                return
            with self._engine.begin() as connection:
                for table in metadata.sorted_tables:
                    connection.execute(CreateTable(table, if_not_exists=True))
                    for index in table.indexes:
                        connection.execute(CreateIndex(index, if_not_exists=True))
            self._tables_exist = True

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            self._create_tables()
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreError(f"the score store cannot be used ({type(error).__name__})") from error


def _sqlite_for_many_writers(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA busy_timeout=15000")
    cursor.close()


def _row(record: ScoreRecord) -> dict[str, Any]:
    fields = asdict(record)
    identity = fields.pop("identity")
    return {"key": record.identity.key, **identity, **fields}


def _record(row: Row[Any]) -> ScoreRecord:
    values = {name: _aware(value) for name, value in row._mapping.items() if name not in ("key", "rank")}
    identity = {name: values.pop(name) for name in ScoreIdentity.__dataclass_fields__}
    return ScoreRecord(identity=ScoreIdentity(**identity), **values)


def _aware(value: Any) -> Any:
    """SQLite forgets time zones; everything we store is UTC."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
