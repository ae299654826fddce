"""Connections that die, stores that are away for a moment, and whether the store can be used now."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError, ProgrammingError

from benchmark_qa.context import unit_of_work
from benchmark_qa.store import database as retrying
from benchmark_qa.store.database import Database, _may_pass, _pool, persistently
from benchmark_qa.store.errors import StoreAway, StoreError
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.tasks.checks import check_store
from tests.records import PROJECT, record


def test_what_fails_for_a_moment_is_tried_again_and_what_is_wrong_is_not() -> None:
    tries: list[int] = []

    def third_time() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise StoreAway("restarting")
        return "done"

    assert persistently(third_time, 5.0) == "done"

    def wrong() -> str:
        tries.append(1)
        raise StoreError("no such table")

    with pytest.raises(StoreError):
        persistently(wrong, 5.0)
    assert len(tries) == 4


def test_the_deadline_of_the_request_ends_the_trying(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "RESERVE_SECONDS", 0.1)

    def away() -> None:
        raise StoreAway("down")

    began = time.monotonic()
    with unit_of_work(seconds=0.5), pytest.raises(StoreAway):
        persistently(away, 60.0)
    assert time.monotonic() - began < 2


def _refused(sqlstate: str) -> Exception:
    return type(sqlstate, (Exception,), {})(sqlstate)


@pytest.mark.parametrize(
    ("kind", "cause", "passes"),
    [
        (OperationalError, "AdminShutdown", True),
        (OperationalError, "TooManyConnections", True),
        (OperationalError, "DiskFull", True),
        (InternalError, "ReadOnlySqlTransaction", True),
        (InterfaceError, "ConnectionClosed", True),
        (OperationalError, "ConnectionTimeout", False),
        (ProgrammingError, "UndefinedTable", False),
        (ProgrammingError, "InsufficientPrivilege", False),
    ],
)
def test_which_failures_may_pass(kind: type[DBAPIError], cause: str, passes: bool) -> None:
    assert _may_pass(kind("SELECT 1", {}, _refused(cause))) is passes


def test_a_score_whose_commit_was_not_confirmed_is_there_once_and_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqlScoreStore(f"sqlite:///{tmp_path}/scores.sqlite")
    honest, lost = Database.writing, list[int]()

    @contextmanager
    def lossy(database: Database) -> Iterator[Connection]:
        with honest(database) as connection:
            yield connection
        if not lost:
            lost.append(1)
            raise StoreAway("the connection ended before the answer came")

    monkeypatch.setattr(Database, "writing", lossy)
    store.save([record(1)])
    assert lost
    assert store.latest(PROJECT) == store.history(PROJECT, record(1).identity.data_hash) == [record(1)]
    (totals,) = store.totals(PROJECT).values()
    assert {sums.tasks for sums in totals.values()} == {1}


def test_one_bounded_pool_serves_readers_and_writers() -> None:
    database = Database("postgresql+psycopg://nobody@127.0.0.1:1/none", connections=3)
    assert database._readers.pool is database._engine.pool
    assert database._engine.pool.size() == 3  # type: ignore[attr-defined]
    assert database._engine.pool._max_overflow == 0  # type: ignore[attr-defined]
    assert _pool("postgresql+psycopg://h/d", 3, prepared_statements=False)["connect_args"] == {
        "prepare_threshold": None
    }
    assert "connect_args" not in _pool("postgresql+psycopg://h/d", 3, prepared_statements=True)


def test_the_check_tells_a_store_that_takes_scores_from_one_that_does_not(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite"
    database = Database(f"sqlite:///{path}")
    assert check_store(database).fine
    SqlScoreStore(f"sqlite:///{path}").save([record()])
    assert check_store(database).fine
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    behind = check_store(database)
    assert not behind.fine
    assert "benchmark-qa db upgrade" in behind.remedy
    assert not check_store(Database(f"sqlite:///{tmp_path}/nowhere/scores.sqlite")).fine
    assert not check_store(Database("postgresql+psycopg://nobody@127.0.0.1:1/none")).fine
