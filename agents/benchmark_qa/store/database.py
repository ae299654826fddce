"""One SQL database: connections, transactions, and whether its tables are ours.

A SQLite file is the service's own: it is made, and brought up to date, on first use. A PostgreSQL database has
other users and a person in charge: tables that are behind are refused, with the command that mends them.
"""

import math
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import ArgumentError, DisconnectionError, NoSuchModuleError, SQLAlchemyError

from benchmark_qa.store.errors import Outage, SchemaBehindError, StoreError
from benchmark_qa.store.schema import HEAD, metadata

SQLITE_BUSY_SECONDS = 15
UNASKED_SECONDS = 5.0
"""After a longer pause a connection is asked whether it lives before it is used"""
FIRST = "0001"
"""The revision of databases from before revisions were written down"""


class Database:
    """A SQLite file or a PostgreSQL database. Thread-safe; connects on first use.

    Args:
        url: SQLAlchemy URL, e.g. `sqlite:///scores.sqlite` or `postgresql+psycopg://user@host/db`.

    Raises:
        StoreError: the URL is not understood, or the driver is not installed.
    """

    def __init__(self, url: str) -> None:
        outage = Outage()
        self._engine = _engine(url, outage)
        # A query alone needs no transaction: without one it is one round trip instead of three.
        self._readers = _engine(url, outage, isolation_level="AUTOCOMMIT") if self.is_postgresql else self._engine
        self._checking = threading.Lock()
        self._checked = False

    @property
    def is_postgresql(self) -> bool:
        """PostgreSQL, or else SQLite."""
        return self._engine.dialect.name == "postgresql"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for queries, each of which sees what is committed. Raises StoreError."""
        with self._ready(), self._readers.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction. On SQLite it holds the only write lock from its start. Raises StoreError."""
        with self._ready(), _writer(self._engine) as connection, connection.begin():
            yield connection

    def upgrade(self) -> tuple[str | None, str]:
        """Bring the tables up to date, whatever they are. Returns the revision before and after.

        Raises:
            StoreError
        """
        with _as_store_errors(), self._engine.connect() as connection:
            before = _revision(connection)
        if before != HEAD:
            from benchmark_qa.store.migrate import migrate  # noqa: PLC0415 - Alembic only where it is needed

            with _as_store_errors():
                migrate(self._engine)
        self._checked = True
        return before, HEAD

    def rebuild(self) -> None:
        """Make anew what follows from the score records: which of them count, and the sums. Raises StoreError."""
        from benchmark_qa.store.rebuild import rebuild  # noqa: PLC0415 - a repair, not a cold start

        with self.writing() as connection:
            rebuild(connection)

    def listen(self, note: Callable[..., None]) -> None:
        """Call `note` before every statement, with the arguments of SQLAlchemy's `before_cursor_execute`."""
        for engine in {self._engine, self._readers}:
            event.listen(engine, "before_cursor_execute", note)

    def close(self) -> None:
        """Give back every connection."""
        self._engine.dispose()
        self._readers.dispose()

    @contextmanager
    def _ready(self) -> Iterator[None]:
        with _as_store_errors():
            if not self._checked:
                with self._checking:
                    if not self._checked:
                        self._check()
                        self._checked = True
            yield

    def _check(self) -> None:
        if self.is_postgresql:
            with self._engine.connect() as connection:
                _require_head(_revision(connection))
            return
        with _writer(self._engine) as connection, connection.begin():
            revision = _revision(connection)
            if revision is None:
                create_tables(connection)
        if revision not in (None, HEAD):
            self.upgrade()


def create_tables(connection: Connection) -> None:
    """Every table as the migrations would leave it, without loading them: a test holds the two against each other."""
    metadata.create_all(connection)
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def _revision(connection: Connection) -> str | None:
    """None: the database is empty."""
    tables = inspect(connection)
    if not tables.has_table("alembic_version"):
        return FIRST if tables.has_table("score_records") else None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


def _require_head(revision: str | None) -> None:
    if revision == HEAD:
        return
    if revision is not None and revision > HEAD:
        raise SchemaBehindError(
            f"the score store's tables are of revision {revision}, newer than this software ({HEAD}): upgrade it"
        )
    state = "has no tables yet" if revision is None else f"is at revision {revision}, behind {HEAD}"
    raise SchemaBehindError(f"the score store {state}: run 'benchmark-qa db upgrade'")


def _engine(url: str, outage: Outage, **options: Any) -> Engine:
    try:
        engine = create_engine(
            url,
            hide_parameters=True,  # errors would quote labels and people
            json_serializer=_json,
            json_deserializer=orjson.loads,
            **options,
        )
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise StoreError(f"DATABASE_URL is not understood ({type(error).__name__})") from None
    except ModuleNotFoundError as error:
        raise StoreError(f"DATABASE_URL needs a driver that is not installed: {error.name}") from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "do_connect", _own_file)
        event.listen(engine, "connect", _sqlite_for_many_writers)
        event.listen(engine, "begin", _begin_sqlite)
    elif engine.dialect.name == "postgresql":
        event.listen(engine, "do_connect", outage.connect)
        event.listen(engine, "checkin", _note_time)
        event.listen(engine, "checkout", partial(_ping_after_a_pause, engine))
    else:
        raise StoreError(f"DATABASE_URL names {engine.dialect.name!r}; SQLite and PostgreSQL are supported")
    return engine


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _note_time(_connection: Any, record: Any) -> None:
    record.info["used_at"] = time.monotonic()


def _ping_after_a_pause(engine: Engine, connection: Any, record: Any, _proxy: Any) -> None:
    """Connections that were in use a moment ago are believed to live: a ping before every query is a round trip."""
    if time.monotonic() - record.info.get("used_at", math.inf) < UNASKED_SECONDS:
        return
    try:
        engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise DisconnectionError from error


def _own_file(_dialect: Any, _record: Any, arguments: Any, _parameters: Any) -> None:
    """Before SQLite opens its file: people's names and scores are for the account that the service runs under."""
    path = str(arguments[0]) if arguments else ":memory:"
    if path.startswith(("file:", ":memory:")) or not path:
        return
    with suppress(OSError):  # SQLite says what is wrong with the path
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    for name in (path, f"{path}-wal", f"{path}-shm"):
        with suppress(OSError):  # another account's file, or none
            if stat.S_IMODE(os.stat(name).st_mode) & 0o077:
                os.chmod(name, 0o600)


def _sqlite_for_many_writers(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where the driver thinks
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A reader that turns writer half-way may find that it read old news, and fail: writers say so at once.
    immediate = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def _writer(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection.execution_options(writes=True)


@contextmanager
def _as_store_errors() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreError(f"the score store cannot be used ({type(error).__name__})") from error
