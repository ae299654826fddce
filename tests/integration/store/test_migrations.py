"""The tables: made, brought up to date, refused."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from benchmark_qa.store import migrate
from benchmark_qa.store.database import Database
from benchmark_qa.store.errors import SchemaBehindError
from benchmark_qa.store.migrate import configuration, newest_revision
from benchmark_qa.store.schema import HEAD, metadata, score_records
from benchmark_qa.store.score_store import SqlScoreStore
from tests.integration.store.test_score_store import assert_sums_are_those_of
from tests.postgresql import create_database
from tests.records import NOON, PROJECT, record


def test_the_newest_migration_is_the_one_that_the_tables_say() -> None:
    assert newest_revision() == HEAD


def test_migrations_and_tables_agree(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
        metadata.drop_all(connection)
    with engine.begin() as connection:
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


def change(url: str, *statements: str) -> None:
    """Make the tables those of a newer revision."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in (*statements, "UPDATE alembic_version SET version_num = '9999'"):
            connection.execute(text(statement))
    engine.dispose()


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("ALTER TABLE score_records DROP COLUMN sketch", "score_records.sketch is gone"),
        ("ALTER TABLE score_records RENAME COLUMN late TO tardy", "score_records.late is gone"),
        ("DROP TABLE excluded_truth", "excluded_truth is gone"),
        ("CREATE UNIQUE INDEX one_each ON score_records (annotator)", "one_each is unique"),
    ],
)
def test_newer_tables_without_what_this_software_uses_are_refused(url: str, statement: str, named: str) -> None:
    change(url, statement)
    store = SqlScoreStore(url)
    for use in (lambda: store.latest(PROJECT), store.database.require_writable, store.database.upgrade):
        with pytest.raises(SchemaBehindError, match=f"9999, newer than this software .*{named}.*: upgrade it"):
            use()


@pytest.mark.parametrize("added", ["moment TIMESTAMP NOT NULL", "late_by INTEGER NOT NULL"])
def test_a_newer_column_that_needs_a_value_is_refused(postgresql: str, added: str) -> None:
    url = create_database(postgresql, f"needs {added}")
    Database(url).upgrade()
    change(url, f"ALTER TABLE score_records ADD COLUMN {added}")
    with pytest.raises(SchemaBehindError, match=rf"score_records\.{added.split(maxsplit=1)[0]} needs a value"):
        SqlScoreStore(url).save([record()])


def test_newer_tables_that_hold_what_this_software_uses_are_used(url: str) -> None:
    """After a rollback: the former version goes on with the newer tables, and leaves them as they are."""
    change(
        url,
        "ALTER TABLE score_records ADD COLUMN mood VARCHAR",
        "ALTER TABLE current_scores ADD COLUMN weight INTEGER NOT NULL DEFAULT 1",
        "CREATE TABLE moods (mood VARCHAR PRIMARY KEY)",
        "CREATE INDEX ix_mood ON score_records (mood)",
    )
    store = SqlScoreStore(url)
    assert store.database.upgrade() == ("9999", "9999")
    store.save([record()])
    store.database.require_writable()
    assert store.latest(PROJECT) == [record()]
    assert_sums_are_those_of(store, [record()])


def test_a_migration_gives_way_to_a_long_query_and_is_tried_again(
    postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for a table holds up every call behind it."""
    url = create_database(postgresql, "of a long query")
    first_revision(url)
    monkeypatch.setattr(migrate, "GIVE_WAY_SECONDS", 0.2)
    reader, database = create_engine(url), Database(url)
    with ThreadPoolExecutor() as pool:
        with reader.connect() as connection:
            connection.execute(text("SELECT count(*) FROM score_records"))  # in a transaction that stays open
            upgrade = pool.submit(database.upgrade)
            with reader.connect() as other:
                for _ in range(20):
                    other.execute(text("SET statement_timeout = '2s'"))
                    other.execute(text("UPDATE score_records SET passed = passed"))
                    other.commit()
                    time.sleep(0.05)
            assert not upgrade.done()
        assert upgrade.result(timeout=30) == ("0001", HEAD)
    reader.dispose()


@pytest.mark.parametrize(
    ("before", "last", "kept"),
    [("0002", "0003", True), ("0002", "0004", False), ("0003", "0004", False), (None, "0003", False)],
)
def test_sums_are_made_anew_unless_every_revision_keeps_them(
    before: str | None, last: str, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, rebuilt = create_engine("sqlite://"), list[object]()
    monkeypatch.setattr(migrate, "HEAD", last)
    monkeypatch.setattr(migrate, "rebuild_sums", rebuilt.append)
    with engine.begin() as connection:
        if before is not None:
            command.upgrade(configuration(connection), before)
    migrate.run_migrations(engine)
    assert bool(rebuilt) != kept


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
