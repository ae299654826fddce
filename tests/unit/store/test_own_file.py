"""The database's file is for its own account and may be replaced; a forgotten person is in no entry of it."""

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from benchmark_qa.store.action_log import ActionLog
from benchmark_qa.store.database import Database
from benchmark_qa.store.erasure import ERASED, UnknownPersonError, erase_person
from benchmark_qa.store.errors import StoreError
from benchmark_qa.store.schema import accepted_answers, actions, alert_states, excluded_truth
from benchmark_qa.store.truth_rulings import TruthRulings

PROJECT = "7a000000-0000-4000-8000-000000000001"
ITEM = "5e0b3a44-0000-4000-8000-000000000001"


@pytest.mark.parametrize("made_before", [False, True])
def test_nobody_else_reads_the_file_or_what_lies_beside_it(tmp_path: Path, made_before: bool) -> None:
    file = tmp_path / "scores.sqlite"
    before = os.umask(0o022)
    try:
        if made_before:
            with closing(sqlite3.connect(file)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
        database = Database(f"sqlite:///{file}")
        ActionLog(database).record(PROJECT, kind="k", operator="o", subject="s", reason="r")
        modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert set(modes) == {"scores.sqlite", "scores.sqlite-wal", "scores.sqlite-shm"}
    assert set(modes.values()) == {0o600}


def test_what_is_no_file_keeps_its_mode(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    pipe.chmod(0o666)
    with pytest.raises(StoreError):
        ActionLog(Database(f"sqlite:///{pipe}")).record(PROJECT, kind="k", operator="o", subject="s", reason="r")
    assert pipe.stat().st_mode & 0o777 == 0o666


def test_a_file_that_was_deleted_or_replaced_by_a_backup_is_noticed_by_the_next_write(tmp_path: Path) -> None:
    file, backup = tmp_path / "scores.sqlite", tmp_path / "backup.sqlite"
    database, elsewhere = Database(f"sqlite:///{file}"), Database(f"sqlite:///{backup}")
    for each in (database, elsewhere):
        ActionLog(each).record(PROJECT, kind="k", operator="o", subject="before", reason="r")
    elsewhere.close()
    for replace in (lambda: backup.replace(file), file.unlink):
        for beside in ("-wal", "-shm"):
            Path(f"{file}{beside}").unlink(missing_ok=True)
        replace()
        ActionLog(database).record(PROJECT, kind="k", operator="o", subject="after", reason="r")
        with closing(sqlite3.connect(file)) as connection:
            assert "after" in [subject for (subject,) in connection.execute("SELECT subject FROM actions")]


@pytest.mark.parametrize("person", ["ann@example.com", "a_n%n@example.com", "ann+qa@example.com"])
def test_a_forgotten_person_is_put_out_in_others_entries_and_others_are_not(tmp_path: Path, person: str) -> None:
    database = Database(f"sqlite:///{tmp_path / 'scores.sqlite'}")
    other, longer = f"jo{person}", f"{person}.au"
    said = f"{person.upper()}, {other} and {longer} differ; ask {person}."
    kept = f"{ERASED}, {other} and {longer} differ; ask {ERASED}."
    TruthRulings(database).exclude(PROJECT, ITEM, reason=said, operator=person)
    ActionLog(database).record(
        PROJECT, kind="released", operator=person, subject=ITEM, reason=said, facts={"to": [{"who": person}], "n": 1}
    )
    with database.writing() as connection:
        connection.execute(
            insert(accepted_answers).values(
                production_project=PROJECT, data_hash=ITEM, label_hash="l", branch_name="b", operator=person,
                accepted_at=ActionLog(database).entries(PROJECT)[0].taken_at,
            )
        )  # fmt: skip
    erase_person(database, person, operator="lead@example.com")
    with database.reading() as connection:
        assert connection.execute(select(excluded_truth.c.reason, excluded_truth.c.operator)).one() == (kept, ERASED)
        assert connection.scalars(select(accepted_answers.c.operator)).one() == ERASED
        entry = connection.execute(select(actions).where(actions.c.kind == "released")).one()
    assert (entry.operator, entry.reason, entry.facts) == (ERASED, kept, {"to": [{"who": ERASED}], "n": 1})


def test_a_person_is_found_whatever_the_case_and_no_byte_of_the_file_names_them_afterwards(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'scores.sqlite'}")
    with database.writing() as connection:
        connection.execute(
            insert(alert_states).values(
                production_project=PROJECT, rule="r", annotator="Ann@Example.com", state="below", told=True,
                changed_at=datetime.now(UTC),
            )
        )  # fmt: skip
    ActionLog(database).record(PROJECT, kind="released", operator="o", subject="Ann@Example.com", reason="r")
    erase_person(database, " ann@example.COM ", operator="ann@example.com")
    with database.reading() as connection:
        assert connection.execute(select(alert_states)).all() == []
    assert not any(b"ann@example" in each.read_bytes().lower() for each in tmp_path.iterdir())


@pytest.mark.parametrize("address", ["", "  ", "nobody@example.com"])
def test_an_address_that_nothing_holds_is_refused_and_changes_nothing(tmp_path: Path, address: str) -> None:
    database = Database(f"sqlite:///{tmp_path / 'scores.sqlite'}")
    TruthRulings(database).exclude(PROJECT, ITEM, reason="the truth is wrong", operator="lead")
    with pytest.raises(UnknownPersonError):
        erase_person(database, address, operator="lead")
    with database.reading() as connection:
        assert connection.scalars(select(excluded_truth.c.reason)).one() == "the truth is wrong"
