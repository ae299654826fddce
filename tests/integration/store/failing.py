"""A PostgreSQL server whose operator makes it fail in every way that scoring has to withstand."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psycopg

from benchmark_qa.store.database import Database
from benchmark_qa.store.errors import REFUSED_SECONDS
from tests.postgresql import Cluster, NoServerError, full_disk, postgresql_cluster, small_disk

NAME = "failing"

Statements = dict[str, tuple[str, ...]]


class Operator:
    """Who can make the database fail, and mend it."""

    def __init__(self, cluster: Cluster, disk: Path | None, *, slow_seconds: float = 0.8) -> None:
        self.cluster = cluster
        self.slow_seconds = slow_seconds
        self.disk = disk
        """Where the database is, if it is a small disk."""

    def do(self, *statements: str, database: str = "postgres") -> None:
        if not statements:
            return
        with psycopg.connect(f"postgresql://postgres@{self.cluster.address}/{database}", autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    @property
    def url(self) -> str:
        """What the service uses."""
        return f"postgresql+psycopg://qa@{self.cluster.address}/{NAME}"

    def begin_anew(self) -> None:
        """Empty tables of today's schema."""
        self.do("DROP SCHEMA IF EXISTS public CASCADE", "CREATE SCHEMA public AUTHORIZATION qa", database=NAME)
        database = Database(self.url)
        database.upgrade()
        database.close()
        self.do("GRANT USAGE ON SCHEMA public TO qa", database=NAME)

    def end_connections(self) -> None:
        self.do(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{NAME}' AND usename = 'qa'")

    @contextmanager
    def failing(self, how: str) -> Iterator[None]:
        """The database fails in this way while the block runs; it works again afterwards."""
        with ExitStack() as stack:
            if how in FAILURES:
                stack.enter_context(self._refusing(*FAILURES[how]))
            elif how == "restarted":
                stack.enter_context(self._meanwhile(self.cluster.stop, self.cluster.start))
            elif how == "down":
                self.cluster.stop()
                stack.callback(self.cluster.start)
            elif how == "disk full":
                assert self.disk is not None
                self.do("CHECKPOINT")  # what was dropped or truncated is removed now, and not while the disk is full
                stack.enter_context(full_disk(self.disk))
            elif how == "slow":
                stack.enter_context(
                    self._locked("score_records", "ACCESS EXCLUSIVE", lambda: time.sleep(self.slow_seconds))
                )
            elif how == "killed while writing":
                stack.enter_context(self._locked("current_scores", "SHARE", self._end_who_waits_for_a_lock))
            elif how != "working":
                raise AssertionError(how)
            yield
        time.sleep(2 * REFUSED_SECONDS)

    @contextmanager
    def _refusing(self, begin: Statements, end: Statements) -> Iterator[None]:
        self.do(*begin.get("postgres", ()))
        self.do(*begin.get(NAME, ()), database=NAME)
        self.end_connections()
        try:
            yield
        finally:
            self.do(*end.get("postgres", ()))
            self.do(*end.get(NAME, ()), database=NAME)

    @contextmanager
    def _meanwhile(self, first: Callable[[], None], then: Callable[[], None]) -> Iterator[None]:
        """Do the second thing beside the block."""
        first()
        thread = threading.Thread(target=then)
        thread.start()
        try:
            yield
        finally:
            thread.join()

    @contextmanager
    def _locked(self, table: str, mode: str, until: Callable[[], None]) -> Iterator[None]:
        with psycopg.connect(f"postgresql://postgres@{self.cluster.address}/{NAME}") as connection:
            connection.execute(f"LOCK TABLE {table} IN {mode} MODE")

            def release() -> None:
                until()
                connection.rollback()

            with self._meanwhile(lambda: None, release):
                yield

    def _end_who_waits_for_a_lock(self) -> None:
        """A transaction that has written records and now waits to make them current."""
        with psycopg.connect(f"postgresql://postgres@{self.cluster.address}/{NAME}", autocommit=True) as connection:
            for _ in range(500):
                ended = connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE usename = 'qa' AND wait_event_type = 'Lock' AND backend_xid IS NOT NULL"
                ).fetchall()
                if ended:
                    return
                time.sleep(0.01)
        raise AssertionError("nobody was writing")


FAILURES: dict[str, tuple[Statements, Statements]] = {
    "refusing": (
        {"postgres": (f"ALTER DATABASE {NAME} ALLOW_CONNECTIONS false",)},
        {"postgres": (f"ALTER DATABASE {NAME} ALLOW_CONNECTIONS true",)},
    ),
    "out of connections": (
        {"postgres": ("ALTER ROLE qa CONNECTION LIMIT 0",)},
        {"postgres": ("ALTER ROLE qa CONNECTION LIMIT -1",)},
    ),
    "read-only": (
        {"postgres": ("ALTER ROLE qa SET default_transaction_read_only = on",)},
        {"postgres": ("ALTER ROLE qa RESET default_transaction_read_only",)},
    ),
    "without tables": (
        {NAME: ("ALTER SCHEMA public RENAME TO away", "CREATE SCHEMA public")},
        {NAME: ("DROP SCHEMA public CASCADE", "ALTER SCHEMA away RENAME TO public")},
    ),
    "rulings unreadable": (
        {NAME: ("REVOKE SELECT ON actions FROM qa",)},
        {NAME: ("GRANT SELECT ON actions TO qa",)},
    ),
}


@contextmanager
def operated_server(*, slow_seconds: float = 0.8) -> Iterator[Operator]:
    """A server with the role `qa` and its database, on a small disk where one can be mounted. Raises NoServerError."""
    with ExitStack() as stack:
        cluster = stack.enter_context(postgresql_cluster())
        disk = None
        with suppress(NoServerError):
            disk = stack.enter_context(small_disk(megabytes=60))
        stack.callback(cluster.stop)  # before the disk goes
        operator = Operator(cluster, disk, slow_seconds=slow_seconds)
        operator.do("CREATE ROLE qa LOGIN")
        if disk is not None:
            operator.do(f"CREATE TABLESPACE small LOCATION '{disk}'")
        operator.do(f"CREATE DATABASE {NAME} OWNER qa" + (" TABLESPACE small" if disk else ""))
        operator.do("ALTER SCHEMA public OWNER TO qa", database=NAME)
        yield operator
