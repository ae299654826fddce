"""The tables: made, brought up to date, refused."""

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from benchmark_qa.store.errors import SchemaBehindError
from benchmark_qa.store.migrate import configuration, newest_revision
from benchmark_qa.store.schema import HEAD, metadata, score_records
from benchmark_qa.store.score_store import SqlScoreStore
from tests.integration.store.test_score_store import assert_sums_are_those_of
from tests.records import NOON, PROJECT, record


def test_the_newest_migration_is_the_one_that_the_tables_say() -> None:
    assert newest_revision() == HEAD


def test_migrations_and_tables_agree(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
        metadata.drop_all(connection)
    with engine.begin() as connection:
        from alembic import command

        command.upgrade(configuration(connection), "head")
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_an_empty_sqlite_file_is_made_ready_and_an_empty_postgresql_is_refused(empty_url: str) -> None:
    store = SqlScoreStore(empty_url)
    if empty_url.startswith("sqlite"):
        store.save([record()])
        assert store.latest(PROJECT) == [record()]
        return
    with pytest.raises(SchemaBehindError, match="benchmark-qa db upgrade"):
        store.save([record()])
    assert store.database.upgrade() == (None, HEAD)
    store.save([record()])
    assert store.latest(PROJECT) == [record()]


def first_revision(url: str) -> None:
    """A database as the first version of this software left it, with two records."""
    engine = create_engine(url)
    new_columns = {"attributes_correct", "attributes_total", "dataset_hash", "sketch", "submitted_at", "late"}
    with engine.begin() as connection:
        from alembic import command

        command.upgrade(configuration(connection), "0001")
    store = SqlScoreStore(url)
    names = [column.name for column in score_records.columns if column.name not in new_columns]
    from benchmark_qa.store.schema import columns_of

    columns = columns_of([record(number, score=number / 10) for number in range(2)])
    with engine.begin() as connection:
        for number in range(2):
            old = {name: columns[name][number] for name in names}
            connection.execute(score_records.insert().values(old))
        connection.execute(text("DROP TABLE alembic_version"))
    engine.dispose()
    store.close()


def test_a_database_of_the_first_version_keeps_its_records_and_gets_its_sums(empty_url: str) -> None:
    first_revision(empty_url)
    store = SqlScoreStore(empty_url)
    if not empty_url.startswith("sqlite"):
        with pytest.raises(SchemaBehindError, match="revision 0001, behind"):
            store.latest(PROJECT)
        assert store.database.upgrade() == ("0001", HEAD)
    expected = [record(number, score=number / 10, submitted_at=NOON) for number in range(2)]
    assert store.latest(PROJECT) == expected
    assert_sums_are_those_of(store, expected)


def test_a_database_newer_than_this_software_is_refused(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(SchemaBehindError):
        SqlScoreStore(url).latest(PROJECT)


def test_upgrading_twice_changes_nothing(url: str) -> None:
    store = SqlScoreStore(url)
    store.save([record()])
    assert store.database.upgrade() == (HEAD, HEAD)
    assert store.latest(PROJECT) == [record()]


def test_a_new_sqlite_file_is_served_without_loading_alembic(tmp_path: object) -> None:
    code = (
        "import sys; from benchmark_qa.store.score_store import SqlScoreStore;"
        f"SqlScoreStore('sqlite:///{tmp_path}/fresh.sqlite').totals('p');"
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_many_processes_may_open_a_new_sqlite_file_at_once(tmp_path: object) -> None:
    code = (
        "from benchmark_qa.store.score_store import SqlScoreStore; from tests.records import record;"
        f"SqlScoreStore('sqlite:///{tmp_path}/fresh.sqlite').save([record(n) for n in range(20)])"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert len(SqlScoreStore(f"sqlite:///{tmp_path}/fresh.sqlite").latest(PROJECT)) == 20
