"""A PostgreSQL server that does not answer costs one try, not one for every call."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from benchmark_qa.store.database import Database
from benchmark_qa.store.errors import StoreAway, StoreError
from benchmark_qa.store.score_store import SqlScoreStore
from tests.postgresql import create_database
from tests.records import PROJECT, record


@contextmanager
def silent_server() -> Iterator[tuple[int, list[socket.socket]]]:
    """A port that takes connections and says nothing; the connections it has taken."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take)
        thread.start()
        try:
            yield server.getsockname()[1], taken
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for each in taken:
                each.close()


def test_a_silent_server_is_tried_once_and_not_by_every_call() -> None:
    with silent_server() as (port, taken):
        store = SqlScoreStore(f"postgresql+psycopg://nobody@127.0.0.1:{port}/scores?connect_timeout=2")
        with pytest.raises(StoreError, match="cannot be used"):
            store.find(["key"])
        for _ in range(3):
            with pytest.raises(StoreError, match="did not answer a moment ago"):
                store.find(["key"])
            with pytest.raises(StoreError, match="did not answer a moment ago"):
                store.save([record()])
        assert len(taken) == 1
        store.close()


def test_a_server_that_refuses_is_waited_for(postgresql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = create_database(postgresql, "closed_for_a_while")
    Database(url).upgrade()
    store = SqlScoreStore(url)
    with psycopg.connect(f"postgresql://postgres@{postgresql}/postgres", autocommit=True) as operator:
        operator.execute("ALTER DATABASE closed_for_a_while ALLOW_CONNECTIONS false")
        with monkeypatch.context() as impatient:
            impatient.setattr("benchmark_qa.store.database.WRITE_SECONDS", 0.2)
            with pytest.raises(StoreAway):
                store.save([record()])
        saving = threading.Thread(target=store.save, args=([record()],))
        saving.start()
        time.sleep(0.5)
        assert saving.is_alive()
        operator.execute("ALTER DATABASE closed_for_a_while ALLOW_CONNECTIONS true")
        saving.join()
    assert store.latest(PROJECT) == [record()]
    store.close()


def test_a_locked_table_holds_nobody_up_for_longer_than_a_statement_may_take(
    postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = create_database(postgresql, "locked_for_long")
    Database(url).upgrade()
    store = SqlScoreStore(url)
    for name, seconds in (("STATEMENT_SECONDS", 1), ("READ_SECONDS", 0.1), ("WRITE_SECONDS", 0.1)):
        monkeypatch.setattr(f"benchmark_qa.store.database.{name}", seconds)
    with psycopg.connect(f"postgresql://postgres@{postgresql}/locked_for_long") as holder:
        holder.execute("LOCK TABLE score_records, current_scores IN ACCESS EXCLUSIVE MODE")
        for work in (
            lambda: store.find(["key"]),
            lambda: store.counting(PROJECT, ["unit"]),
            lambda: store.save([record()]),
        ):
            with pytest.raises(StoreAway):
                work()
    store.save([record()])
    assert store.latest(PROJECT) == [record()]
    store.close()
