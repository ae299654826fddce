"""Every test of the store runs against a SQLite file and against a real PostgreSQL server."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark_qa.store.database import Database
from benchmark_qa.store.score_store import SqlScoreStore
from tests.postgresql import create_database, or_skip, postgresql_server

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    with or_skip(postgresql_server()) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'scores.sqlite'}"
    return create_database(request.getfixturevalue("postgresql"), f"test_{next(_numbers)}")


@pytest.fixture
def url(empty_url: str) -> str:
    """A database that is up to date."""
    database = Database(empty_url)
    database.upgrade()
    database.close()
    return empty_url


@pytest.fixture
def store(url: str) -> Iterator[SqlScoreStore]:
    store = SqlScoreStore(url)
    yield store
    store.close()
