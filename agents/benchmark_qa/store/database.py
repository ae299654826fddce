"""One SQL database: connections, transactions, retries while it restarts, and the check of its schema.

A SQLite file belongs to the service: it is created and upgraded on first use. A PostgreSQL database has other users and
an administrator: an old schema is refused, with the command that upgrades it.
"""

import logging
import os
import random
import sqlite3
import stat
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import orjson
from sqlalchemy import URL, Connection, Engine, TextClause, create_engine, event, insert, text
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    DisconnectionError,
    InterfaceError,
    InternalError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from benchmark_qa.context import remaining_seconds
from benchmark_qa.store.errors import Outage, SchemaBehindError, StoreAway, StoreError
from benchmark_qa.store.schema import HEAD, metadata, revision_of, work_readings

READ_SECONDS = 5.0
"""Seconds to retry a read. Little work is lost after that: the next delivery starts it again."""


WRITE_SECONDS = 15.0
"""Seconds to retry a write. The labels are already read and scored, so it pays to wait for a restart."""


STATEMENT_SECONDS = 10
"""Seconds for each statement that scoring waits for. A locked or stalled server is away, like one that restarts."""


RESERVE_SECONDS = 3.0
"""Seconds kept back before the deadline, to answer."""


FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0


T = TypeVar("T")

_log = logging.getLogger(__name__)


def persistently(work: Callable[[], T], seconds: float) -> T:
    """Return the result of `work`; retry while the store is away, for `seconds` or until the deadline.

    Args:
        work: must be safe to repeat.
        seconds: after which the last error is raised.

    Raises:
        StoreError
    """
    until = time.monotonic() + min(seconds, remaining_seconds(seconds + RESERVE_SECONDS) - RESERVE_SECONDS)
    pause = FIRST_PAUSE
    while True:
        try:
            return work()
        except StoreAway as error:
            wait = pause * random.uniform(0.5, 1.0)  # noqa: S311 - only spreads the callers
            if time.monotonic() + wait > until:
                raise
            _log.info("the score store is tried again: %s", error)
            time.sleep(wait)
            pause = min(LONGEST_PAUSE, pause * 2)


SQLITE_BUSY_SECONDS = 15


CONNECTIONS = 4
"""Most connections of one process to PostgreSQL, unless a setting says otherwise."""


LOOK_SECONDS = 3
"""Seconds for each statement of the check whether the database can be used."""


WAIT_SECONDS = 20.0
"""Seconds to wait for a connection of the pool."""


UPGRADE_SECONDS = 120.0
"""Seconds to retry a migration that has given way to calls."""


class Database:
    """A SQLite file or a PostgreSQL database. Thread-safe; connects on first use.

    Args:
        url: SQLAlchemy URL, e.g. `sqlite:///scores.sqlite` or `postgresql+psycopg://user@host/db`.
        connections: most connections to PostgreSQL; further callers wait.
        prepared_statements: False behind a pool that gives each transaction another connection (PgBouncer).

    Raises:
        StoreError: the URL is not valid, or the driver is not installed.
    """

    def __init__(self, url: str, *, connections: int = CONNECTIONS, prepared_statements: bool = True) -> None:
        self._engine = _engine(url, connections, prepared_statements)
        # A query needs no transaction: without one it takes one round trip instead of three. Both engines share one
        # pool.
        self._readers = (
            self._engine.execution_options(isolation_level="AUTOCOMMIT") if self.is_postgresql else self._engine
        )
        self._checking = threading.Lock()
        self._checked = False
        self._file = _file_of(self._engine.url)
        self._checked_file: _Identity | None = None
        """The SQLite file whose tables were checked: a backup may be put in its place while this process runs."""
        self._newer_that_fit: set[str] = set()
        """Newer revisions whose tables hold everything that this software uses"""

    @property
    def is_postgresql(self) -> bool:
        """Whether the database is PostgreSQL; otherwise it is SQLite."""
        return self._engine.dialect.name == "postgresql"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for queries. Each query sees what is committed. Raises StoreError."""
        with self._ready(), self._readers.connect() as connection:
            yield connection

    @contextmanager
    def paging(self) -> Iterator[Connection]:
        """A connection whose query with `yield_per` reads its result in pages, all of one moment. Raises StoreError."""
        with self._ready():
            if self.is_postgresql:  # its cursors live in a transaction
                with self._engine.connect() as connection, connection.begin():
                    yield connection
            else:
                with self._readers.connect() as connection:
                    yield connection

    @contextmanager
    def writing(self, *, statement_seconds: int | None = None) -> Iterator[Connection]:
        """A transaction. On SQLite it holds the only write lock from its start. Raises StoreError.

        Args:
            statement_seconds: PostgreSQL cancels a statement that takes longer; None: the server's own limit.
        """
        with self._ready(), _writer(self._engine) as connection:
            try:
                with connection.begin():
                    if statement_seconds is not None and self.is_postgresql:
                        connection.execute(_limit(statement_seconds))
                    yield connection
            except DBAPIError as error:
                if _may_pass(error):  # a server that became read-only stays so; the next attempt needs the new one
                    connection.invalidate()
                raise

    def read(self, work: Callable[[Connection], T]) -> T:
        """Return the result of `work` with a connection for queries; retries while the store is away.

        Each statement may take `STATEMENT_SECONDS`. Raises StoreError.
        """

        def once() -> T:
            if not self.is_postgresql:
                with self.reading() as connection:
                    return work(connection)
            with self._ready(), self._engine.connect() as connection, connection.begin():
                connection.execute(_limit(STATEMENT_SECONDS))
                return work(connection)

        return persistently(once, READ_SECONDS)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Return the result of `work` in a transaction; retries all of it while the store is away.

        If the answer to a commit is lost, nobody knows whether it was committed. So `work` must be safe to repeat.
        Each statement may take `STATEMENT_SECONDS`. Raises StoreError.
        """

        def once() -> T:
            with self.writing(statement_seconds=STATEMENT_SECONDS) as connection:
                return work(connection)

        return persistently(once, WRITE_SECONDS)

    def require_writable(self) -> None:
        """Check that a score could be recorded now, by a write that is rolled back. Takes at most about 3 s.

        Raises:
            SchemaBehindError: the schema is of another version of this software.
            StoreError
        """
        with _as_store_errors(), _writer(self._engine) as connection:
            try:
                with connection.begin() as transaction:
                    if self.is_postgresql:
                        connection.execute(_limit(LOOK_SECONDS))
                    if self.is_postgresql or revision_of(connection) is not None:
                        self._require_usable(connection)
                        # Into a table of its own rows, because the service's user may not change the revision.
                        now = datetime.now(UTC)
                        row = {"production_project": str(uuid.uuid4()), "since": now, "read_at": now}
                        connection.execute(insert(work_readings).values(row))
                    transaction.rollback()
            except DBAPIError:
                connection.invalidate()
                raise

    def upgrade(self) -> tuple[str | None, str]:
        """Upgrade the schema from any revision. Returns the revisions before and after.

        Tables of a newer revision stay as they are if this software can use them.

        Raises:
            StoreError
        """
        with _as_store_errors(), self._engine.connect() as connection:
            before = revision_of(connection)
            if before is not None and before > HEAD:
                self._require_usable(connection)
                return before, before
        if before != HEAD:
            before = persistently(self._migrate, UPGRADE_SECONDS)
        self._note_checked()
        return before, HEAD

    def _migrate(self) -> str | None:
        from benchmark_qa.store.migrate import run_migrations  # noqa: PLC0415 - Alembic only where it is needed

        with _as_store_errors():
            return run_migrations(self._engine)

    def wipe_deleted(self) -> None:
        """Overwrite what deleted entries left in a SQLite file and its log; later, if the file is in use just now."""
        if self.is_postgresql:
            return
        with (
            _as_store_errors(),
            suppress(sqlite3.OperationalError),
            closing(self._engine.raw_connection()) as connection,
        ):
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):  # outside of any transaction
                connection.cursor().execute(statement)

    def rebuild(self) -> None:
        """Recompute what follows from the score records: the current scores and the sums. Raises StoreError."""
        from benchmark_qa.store.sums import rebuild_sums  # noqa: PLC0415 - a repair, not a cold start

        with self.writing() as connection:
            rebuild_sums(connection)

    def listen(self, note: Callable[..., None]) -> None:
        """Call `note` before every statement, with the arguments of SQLAlchemy's `before_cursor_execute`."""
        event.listen(self._engine, "before_cursor_execute", note)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def _ready(self) -> Iterator[None]:
        with _as_store_errors():
            if not self._is_checked():
                with self._checking:
                    if not self._is_checked():
                        self._check()
                        self._note_checked()
            yield

    def _is_checked(self) -> bool:
        return self._checked and (self._file is None or _identity(self._file) == self._checked_file)

    def _note_checked(self) -> None:
        if self._checked and self._file is not None and _identity(self._file) != self._checked_file:
            _log.warning("the score store %s was replaced while it was in use; the new file is used", self._file)
        self._checked_file = None if self._file is None else _identity(self._file)
        self._checked = True

    def _check(self) -> None:
        if self.is_postgresql:
            with self._engine.connect() as connection:
                self._require_usable(connection)
            return
        with _writer(self._engine) as connection, connection.begin():
            revision = revision_of(connection)
            if revision is None:
                create_tables(connection)
        if revision not in (None, HEAD):
            self.upgrade()

    def _require_usable(self, connection: Connection) -> None:
        """Require tables of this software's revision, or newer ones that hold all it uses: after a rollback."""
        revision = revision_of(connection)
        if revision == HEAD or revision in self._newer_that_fit:
            return
        if revision is None or revision < HEAD:
            state = "has no tables yet" if revision is None else f"is at revision {revision}, behind {HEAD}"
            raise SchemaBehindError(f"the score store {state}: run 'benchmark-qa db upgrade'")
        from benchmark_qa.store.migrate import unlike_ours  # noqa: PLC0415 - Alembic only where it is needed

        newer = f"the score store's tables are of revision {revision}, newer than this software ({HEAD})"
        unlike = unlike_ours(connection)
        if unlike:
            raise SchemaBehindError(f"{newer}, which cannot use them ({unlike}): upgrade it")
        _log.warning("%s, which can use them", newer)
        self._newer_that_fit.add(revision)


def create_tables(connection: Connection) -> None:
    """Create the tables as the migrations do, without loading Alembic. A test compares the two."""
    metadata.create_all(connection)
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def _engine(url: str, connections: int, prepared_statements: bool) -> Engine:
    try:
        engine = create_engine(
            url,
            hide_parameters=True,  # errors would quote labels and names
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
        if file := _file_of(engine.url):
            event.listen(engine, "connect", partial(_note_file, file))
            event.listen(engine, "checkout", partial(_require_same_file, file))
        event.listen(engine, "begin", _begin_sqlite)
    elif engine.dialect.name == "postgresql":
        event.listen(engine, "do_connect", Outage().connect)
    else:
        raise StoreError(f"DATABASE_URL names {engine.dialect.name!r}; SQLite and PostgreSQL are supported")
    return engine


_Identity = tuple[int, int]


def _file_of(url: URL) -> str | None:
    """The path of a SQLite database; None for one in memory, a URI, or another engine."""
    file = url.database
    is_file = url.get_backend_name() == "sqlite" and file and not file.startswith((":memory:", "file:"))
    return file if is_file else None


def _identity(file: str) -> _Identity | None:
    """Device and inode of a file; None if it is missing."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _note_file(file: str, _connection: Any, record: Any) -> None:
    record.info["file"] = _identity(file)


def _require_same_file(file: str, _connection: Any, record: Any, _proxy: Any) -> None:
    """Give up a connection whose file was deleted or replaced: what it writes would be lost with that file."""
    if record.info.get("file") != _identity(file):
        raise DisconnectionError


def _require_folder(file: str | None, *_: Any) -> None:
    """Require the file's folder: SQLite creates the file only, and its own message names neither."""
    if file and file != ":memory:" and not file.startswith("file:") and not Path(file).absolute().parent.is_dir():
        raise StoreError(f"the score store {file} cannot be opened: make its folder, or correct DATABASE_URL")


def _pool(url: str, connections: int, prepared_statements: bool) -> dict[str, Any]:
    """Options of one small pool per process, which tests a connection before it is used."""
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
    """Before SQLite opens its file, restrict it to the service's account: it holds names and scores."""
    path = str(arguments[0]) if arguments else ":memory:"
    if path.startswith(("file:", ":memory:")) or not path:
        return
    with suppress(OSError):  # SQLite reports what is wrong with the path
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    for name in (path, f"{path}-wal", f"{path}-shm"):
        with suppress(OSError):  # the file belongs to another account, or does not exist
            mode = os.stat(name).st_mode
            if stat.S_ISREG(mode) and stat.S_IMODE(mode) & 0o077:  # never a device, such as /dev/null
                os.chmod(name, 0o600)


def _sqlite_for_many_writers(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # this module begins transactions, not the driver
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A reader that starts to write may have read outdated rows, and then fails. So writers take the lock at once.
    immediate = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def _writer(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection.execution_options(writes=True)


def _limit(seconds: int) -> TextClause:
    """Limit the statements of this transaction, and of no other one on the same connection."""
    return text(f"SET LOCAL statement_timeout = '{seconds}s'")


@contextmanager
def _as_store_errors() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        kind = StoreAway if _may_pass(error) else StoreError
        raise kind(f"the score store cannot be used ({type(error).__name__})") from error


def _may_pass(error: SQLAlchemyError) -> bool:
    """Whether a retry may help: restart, failover, read-only server, full disk, lock, no free connection."""
    if isinstance(error, DBAPIError) and type(error.orig).__name__ == "ConnectionTimeout":
        return False  # do not wait for a server that does not answer at all
    return isinstance(error, OperationalError | InterfaceError | InternalError | PoolTimeoutError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )
