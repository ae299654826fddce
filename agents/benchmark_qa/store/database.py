"""One SQL database: connections, transactions, and whether its tables are ours.

A SQLite file is the service's own: it is made, and brought up to date, on first use. A PostgreSQL database has
other users and a person in charge: tables that are behind are refused, with the command that mends them.
"""

import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    InternalError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from benchmark_qa.store.errors import Outage, SchemaBehindError, StoreAway, StoreError
from benchmark_qa.store.retrying import READ_SECONDS, WRITE_SECONDS, persistently
from benchmark_qa.store.schema import HEAD, metadata

SQLITE_BUSY_SECONDS = 15
CONNECTIONS = 4
"""Of one process, to PostgreSQL, unless a setting says otherwise"""
LOOK_SECONDS = 3
"""For each statement of a look at whether the database can be used"""
WAIT_SECONDS = 20.0
"""For a connection of the pool"""
T = TypeVar("T")
FIRST = "0001"
"""The revision of databases from before revisions were written down"""


class Database:
    """A SQLite file or a PostgreSQL database. Thread-safe; connects on first use.

    Args:
        url: SQLAlchemy URL, e.g. `sqlite:///scores.sqlite` or `postgresql+psycopg://user@host/db`.
        connections: to PostgreSQL, at most; more callers wait their turn.
        prepared_statements: False behind a pool that gives each transaction another connection (PgBouncer).

    Raises:
        StoreError: the URL is not understood, or the driver is not installed.
    """

    def __init__(self, url: str, *, connections: int = CONNECTIONS, prepared_statements: bool = True) -> None:
        self._engine = _engine(url, connections, prepared_statements)
        # A query alone needs no transaction: without one it is one round trip instead of three. One pool for both.
        self._readers = (
            self._engine.execution_options(isolation_level="AUTOCOMMIT") if self.is_postgresql else self._engine
        )
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
        with self._ready(), _writer(self._engine) as connection:
            try:
                with connection.begin():
                    yield connection
            except DBAPIError as error:
                if _may_pass(error):  # a server that has become read-only stays so: the next try asks for the new one
                    connection.invalidate()
                raise

    def read(self, work: Callable[[Connection], T]) -> T:
        """What `work` finds with a connection of `reading`; tried again while the store is away. Raises StoreError."""

        def once() -> T:
            with self.reading() as connection:
                return work(connection)

        return persistently(once, READ_SECONDS)

    def write(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns from a transaction; the whole is tried again while the store is away.

        Whether a transaction was committed whose answer was lost nobody knows: `work` must do no harm when it is done
        twice. Raises StoreError.
        """

        def once() -> T:
            with self.writing() as connection:
                return work(connection)

        return persistently(once, WRITE_SECONDS)

    def require_writable(self) -> None:
        """Look whether a score could be recorded now: something is written and taken back again. 3 s at most, about.

        Raises:
            SchemaBehindError: the tables are not of this software.
            StoreError
        """
        with _as_store_errors(), _writer(self._engine) as connection:
            try:
                with connection.begin() as transaction:
                    if self.is_postgresql:
                        connection.execute(text(f"SET LOCAL statement_timeout = '{LOOK_SECONDS}s'"))
                    revision = revision_of(connection)
                    if self.is_postgresql or revision is not None:
                        _require_head(revision)
                        connection.execute(text("UPDATE alembic_version SET version_num = version_num"))
                    transaction.rollback()
            except DBAPIError:
                connection.invalidate()
                raise

    def upgrade(self) -> tuple[str | None, str]:
        """Bring the tables up to date, whatever they are. Returns the revision before and after.

        Raises:
            StoreError
        """
        with _as_store_errors(), self._engine.connect() as connection:
            before = revision_of(connection)
        if before != HEAD:
            from benchmark_qa.store.migrate import migrate  # noqa: PLC0415 - Alembic only where it is needed

            with _as_store_errors():
                before = migrate(self._engine)
        self._checked = True
        return before, HEAD

    def rebuild(self) -> None:
        """Make anew what follows from the score records: which of them count, and the sums. Raises StoreError."""
        from benchmark_qa.store.rebuild import rebuild  # noqa: PLC0415 - a repair, not a cold start

        with self.writing() as connection:
            rebuild(connection)

    def listen(self, note: Callable[..., None]) -> None:
        """Call `note` before every statement, with the arguments of SQLAlchemy's `before_cursor_execute`."""
        event.listen(self._engine, "before_cursor_execute", note)

    def close(self) -> None:
        """Give back every connection."""
        self._engine.dispose()

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
                _require_head(revision_of(connection))
            return
        with _writer(self._engine) as connection, connection.begin():
            revision = revision_of(connection)
            if revision is None:
                create_tables(connection)
        if revision not in (None, HEAD):
            self.upgrade()


def create_tables(connection: Connection) -> None:
    """Every table as the migrations would leave it, without loading them: a test holds the two against each other."""
    metadata.create_all(connection)
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def revision_of(connection: Connection) -> str | None:
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


def _engine(url: str, connections: int, prepared_statements: bool) -> Engine:
    try:
        engine = create_engine(
            url,
            hide_parameters=True,  # errors would quote labels and people
            json_serializer=_json,
            json_deserializer=orjson.loads,
            **_pool(url, connections, prepared_statements),
        )
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise StoreError(f"DATABASE_URL is not understood ({type(error).__name__})") from None
    except ModuleNotFoundError as error:
        raise StoreError(f"DATABASE_URL needs a driver that is not installed: {error.name}") from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "do_connect", partial(_require_folder, engine.url.database))
        event.listen(engine, "do_connect", _own_file)
        event.listen(engine, "connect", _sqlite_for_many_writers)
        event.listen(engine, "begin", _begin_sqlite)
    elif engine.dialect.name == "postgresql":
        event.listen(engine, "do_connect", Outage().connect)
    else:
        raise StoreError(f"DATABASE_URL names {engine.dialect.name!r}; SQLite and PostgreSQL are supported")
    return engine


def _require_folder(file: str | None, *_: Any) -> None:
    """SQLite makes the file and not the folder; its own message names neither."""
    if file and file != ":memory:" and not file.startswith("file:") and not Path(file).absolute().parent.is_dir():
        raise StoreError(f"DATABASE_URL names {file}, and its folder does not exist: make it, or correct DATABASE_URL")


def _pool(url: str, connections: int, prepared_statements: bool) -> dict[str, Any]:
    """One small pool a process, whose connections are asked whether they live before they are used."""
    if not url.startswith("postgresql"):
        return {}
    options: dict[str, Any] = {
        "pool_size": connections,
        "max_overflow": 0,
        "pool_timeout": WAIT_SECONDS,
        "pool_pre_ping": True,
    }
    if not prepared_statements and url.startswith("postgresql+psycopg:"):
        options["connect_args"] = {"prepare_threshold": None}
    return options


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


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
        kind = StoreAway if _may_pass(error) else StoreError
        raise kind(f"the score store cannot be used ({type(error).__name__})") from error


def _may_pass(error: SQLAlchemyError) -> bool:
    """Restarts, failovers (connections that end, servers that are read-only), full disks, locks, no free connection."""
    if isinstance(error, DBAPIError) and type(error.orig).__name__ == "ConnectionTimeout":
        return False  # nobody waits for a server that does not even refuse
    return isinstance(error, OperationalError | InterfaceError | InternalError | PoolTimeoutError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )
