"""A backup made while scores are recorded is restored as docs/backup.md says; `evaluate` makes up the rest."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from benchmark_qa.encord_api.tasks import QueuedRow
from benchmark_qa.store.database import Database
from benchmark_qa.store.erasure import erase_person
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.tasks import recovery
from benchmark_qa.tasks.drain import drain_scoring_stage
from benchmark_qa.tasks.recovery import evaluate_project
from tests.integration.store.test_score_store import assert_sums_are_those_of
from tests.postgresql import Cluster, create_database, or_skip, postgresql_cluster
from tests.records import PROJECT, record
from tests.unit.tasks.fake_encord import COMPLETE, DATASET, PRODUCTION, platform, scorer_on, unit


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with or_skip(postgresql_cluster()) as cluster:
        yield cluster


class Backups:
    """The commands of docs/backup.md for one kind of database."""

    def __init__(self, kind: str, cluster: Cluster | None, folder: Path) -> None:
        self.kind, self.cluster, self.folder = kind, cluster, folder

    def new_url(self, name: str) -> str:
        if self.cluster is None:
            return f"sqlite:///{self.folder / name}.sqlite"
        return create_database(self.cluster.address, f"{self.folder.name}_{name}".lower())

    def backup(self, url: str) -> Path:
        file = self.folder / "backup"
        file.unlink(missing_ok=True)
        if self.cluster is None:
            source = sqlite3.connect(url.removeprefix("sqlite:///"))
            source.execute("VACUUM INTO ?", [str(file)])
            source.close()
            return file
        # The server's account writes no file into the test's folder: the dump goes through its own.
        dump = Path("dump")
        self.cluster.run("pg_dump", "--format=custom", "--no-owner", f"--file={dump}", url.rpartition("/")[2])
        return dump

    def restore(self, file: Path, url: str) -> None:
        if self.cluster is None:
            Path(url.removeprefix("sqlite:///")).write_bytes(file.read_bytes())
            return
        name = url.rpartition("/")[2]
        self.cluster.run("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={name}", str(file))


@pytest.fixture(params=["sqlite", "postgresql"])
def backups(request: pytest.FixtureRequest, tmp_path: Path) -> Backups:
    postgresql = request.param == "postgresql"
    return Backups(request.param, request.getfixturevalue("cluster") if postgresql else None, tmp_path)


def ready(url: str) -> SqlScoreStore:
    database = Database(url)
    database.upgrade()
    database.close()
    return SqlScoreStore(url)


def test_a_backup_made_while_scores_are_recorded_holds_whole_transactions(backups: Backups) -> None:
    url = backups.new_url("one")
    store = ready(url)
    store.save([record(number) for number in range(20)])
    over, begun = threading.Event(), threading.Event()

    def record_on() -> None:
        number = 20
        while not over.is_set():
            store.save([record(number + n) for n in range(5)])
            number += 5
            begun.set()

    writer = threading.Thread(target=record_on)
    writer.start()
    try:
        assert begun.wait(60)
        file = backups.backup(url)
    finally:
        over.set()
        writer.join()
    other = backups.new_url("two")
    backups.restore(file, other)
    restored = SqlScoreStore(other)
    kept = restored.latest(PROJECT)
    assert len(kept) >= 20
    assert len(kept) % 5 == 0
    assert kept == store.latest(PROJECT)[: len(kept)]
    assert_sums_are_those_of(restored, kept)
    restored.save(store.latest(PROJECT))
    assert restored.latest(PROJECT) == store.latest(PROJECT)
    restored.close()
    store.close()


def test_what_was_scored_after_the_backup_is_made_up_by_evaluate(
    backups: Backups, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = platform(3)
    url = backups.new_url("one")
    ready(url).close()
    scorer = scorer_on(fake, url)
    stage = scorer.projects.deployment.stages.scoring[0]
    drain_scoring_stage(scorer, stage, data_hashes=[unit(0)])
    file = backups.backup(url)
    drain_scoring_stage(scorer, stage)
    assert len(scorer.store.latest(PRODUCTION)) == 3
    before = {record.identity.key: record.score for record in scorer.store.latest(PRODUCTION)}
    scorer.store.close()
    other = backups.new_url("two")
    backups.restore(file, other)
    again = scorer_on(fake, other)
    assert len(again.store.latest(PRODUCTION)) == 1
    monkeypatch.setattr(recovery, "_actions", lambda _: iter(()))
    monkeypatch.setattr(
        recovery, "queued_rows", lambda *_: [QueuedRow(h, DATASET, row.stage, None) for h, row in fake.work.items()]
    )
    evaluate_project(again)
    assert {record.identity.key: record.score for record in again.store.latest(PRODUCTION)} == before
    assert {row.stage for row in fake.work.values()} == {COMPLETE}
    again.store.close()


def test_a_person_who_was_erased_comes_back_with_an_older_backup_and_is_erased_again(backups: Backups) -> None:
    url = backups.new_url("one")
    store = ready(url)
    store.save([record(0), record(1, annotator="ann@example.com")])
    file = backups.backup(url)
    assert erase_person(store.database, "ann@example.com", operator="test") == 1
    store.close()
    other = backups.new_url("two")
    backups.restore(file, other)
    restored = SqlScoreStore(other)
    assert {each.annotator for each in restored.latest(PROJECT)} == {"zoë@example.com", "ann@example.com"}
    assert erase_person(restored.database, "ann@example.com", operator="test") == 1
    assert {each.annotator for each in restored.latest(PROJECT)} == {"zoë@example.com"}
    restored.close()


def test_a_restored_database_of_an_earlier_version_is_refused_until_it_is_upgraded(cluster: Cluster) -> None:
    url = create_database(cluster.address, "restored_earlier")
    ready(url).close()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0003'")
    database = Database(url)
    with pytest.raises(Exception, match="db upgrade"):
        database.require_writable()
    database.close()
