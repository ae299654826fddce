"""Every way of scoring against every way in which PostgreSQL fails: a task that has moved has its score, once."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import psycopg
import pytest

from benchmark_qa.config.settings import Settings
from benchmark_qa.encord_api.models import Task
from benchmark_qa.encord_api.tasks import QueuedRow
from benchmark_qa.service.service import Service
from benchmark_qa.store.database import Database
from benchmark_qa.store.errors import REFUSED_SECONDS, StoreError
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.tasks import recovery
from benchmark_qa.tasks.connections import Connections
from benchmark_qa.tasks.drain import drain_scoring_stage
from benchmark_qa.tasks.events import handle_event
from benchmark_qa.tasks.jobs import DrainJob, JobRunner
from benchmark_qa.tasks.recovery import evaluate_project
from benchmark_qa.tasks.recovery import rescore_project as rescore
from benchmark_qa.tasks.score import Scorer
from tests.postgresql import Cluster, NoServerError, full_disk, pgbouncer, postgresql_cluster, small_disk
from tests.unit.tasks.fake_encord import (
    COMPLETE,
    DATASET,
    OTHER,
    PRODUCTION,
    RIGHT,
    SCORE,
    FakeEncord,
    platform,
    scorer_on,
    unit,
)

UNITS = [unit(number) for number in range(3)]
NAME = "failing"

Statements = dict[str, tuple[str, ...]]


class Operator:
    """Who can make the database fail, and mend it."""

    def __init__(self, cluster: Cluster, disk: Path | None) -> None:
        self.cluster = cluster
        self.disk = disk
        """Where the database is, if it is a small disk."""

    def do(self, *statements: str, database: str = "postgres") -> None:
        if not statements:
            return
        with psycopg.connect(f"postgresql://postgres@{self.cluster.address}/{database}", autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def end_connections(self) -> None:
        self.do(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{NAME}' AND usename = 'qa'")

    @contextmanager
    def failing(self, how: str, fake: FakeEncord) -> Iterator[None]:
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
                stack.enter_context(full_disk(self.disk))
            elif how == "slow":
                stack.enter_context(self._locked("score_records", lambda: time.sleep(0.8)))
            elif how == "killed while writing":
                stack.enter_context(self._locked("current_scores", self._end_who_waits_for_a_lock))
            elif how in ("killed while scoring", "behind PgBouncer"):
                fake.meanwhile = lambda asked: self.end_connections() if asked == "labels" else None
            else:
                raise AssertionError(how)
            yield
        fake.meanwhile = lambda _: None
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
    def _locked(self, table: str, until: Callable[[], None]) -> Iterator[None]:
        with psycopg.connect(f"postgresql://postgres@{self.cluster.address}/{NAME}") as connection:
            connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")

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
PASSING = ("restarted", "killed while scoring", "killed while writing", "slow", "behind PgBouncer")
"""The database works again before the work is given up"""
ALL = (*FAILURES, "down", "disk full", *PASSING)
SOON = ("refusing", "disk full", "killed while writing")
"""Run by `make test` for every way of scoring; all of them for drains"""


def drain(scorer: Scorer) -> None:
    drain_scoring_stage(scorer, scorer.projects.deployment.stages.scoring[0])


def event(scorer: Scorer) -> None:
    handle_event(scorer, PRODUCTION, UNITS)


def job(scorer: Scorer) -> None:
    JobRunner(scorer).run(DrainJob(PRODUCTION, SCORE, tuple(UNITS)))


def auto_call(scorer: Scorer, retries: int = 0) -> None:
    """Encord calls for each task, and moves it by the answer; what fails is called again so often."""
    settings = Settings.model_construct(config=scorer.projects.deployment)
    service, connections = Service(settings), Connections(settings)
    connections.__dict__.update(projects=scorer.projects, store=scorer.store, scorer=scorer)
    service.__dict__["connections"] = connections
    failed: StoreError | None = None
    for data_hash in UNITS:
        for _ in range(1 + retries):
            try:
                answer = service._score_and_decide(PRODUCTION, data_hash)
            except StoreError as error:
                failed = error
                continue
            assert answer.decision is not None
            scorer.projects.encord.proceed(PRODUCTION, SCORE, [(Task(data_hash, data_hash, ""), answer.decision)])
            break
    if failed:
        raise failed


def evaluate(scorer: Scorer) -> None:
    evaluate_project(scorer)


WAYS: dict[str, Callable[[Scorer], None]] = {
    "drain": drain,
    "event": event,
    "job": job,
    "Auto call": auto_call,
    "Auto call, 3 retries": partial(auto_call, retries=3),
    "evaluate": evaluate,
}


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(postgresql_cluster())
        except NoServerError as missing:
            pytest.skip(str(missing))
        try:
            disk = stack.enter_context(small_disk(megabytes=60))
        except NoServerError:
            disk = None
        stack.callback(cluster.stop)  # before the disk goes
        operator = Operator(cluster, disk)
        operator.do("CREATE ROLE qa LOGIN")
        if disk is not None:
            operator.do(f"CREATE TABLESPACE small LOCATION '{disk}'")
        operator.do(f"CREATE DATABASE {NAME} OWNER qa" + (" TABLESPACE small" if disk else ""))
        operator.do("ALTER SCHEMA public OWNER TO qa", database=NAME)
        yield operator


@pytest.fixture
def url(operator: Operator) -> str:
    url = f"postgresql+psycopg://qa@{operator.cluster.address}/{NAME}"
    operator.do("DROP SCHEMA IF EXISTS public CASCADE", "CREATE SCHEMA public AUTHORIZATION qa", database=NAME)
    database = Database(url)
    database.upgrade()
    database.close()
    operator.do("GRANT USAGE ON SCHEMA public TO qa", database=NAME)
    return url


@contextmanager
def scorer_of(
    fake: FakeEncord, url: str, operator: Operator, how: str, patience: pytest.MonkeyPatch
) -> Iterator[Scorer]:
    """A scorer whose store gives up soon, or late where the database comes back."""
    if how == "disk full" and operator.disk is None:
        pytest.skip("no small disk can be mounted here (it takes root): a full disk is not tried")
    seconds = 30.0 if how in PASSING else 0.7
    patience.setattr("benchmark_qa.store.database.READ_SECONDS", seconds)
    patience.setattr("benchmark_qa.store.database.WRITE_SECONDS", seconds)
    patience.setattr(recovery, "_actions", lambda _: iter(()))
    patience.setattr(
        recovery, "queued_rows", lambda *_: [QueuedRow(h, DATASET, row.stage, None) for h, row in fake.work.items()]
    )
    with ExitStack() as stack:
        scorer = scorer_on(fake, url)
        if how == "behind PgBouncer":
            try:
                server = stack.enter_context(pgbouncer(operator.cluster.address, "qa"))
            except NoServerError as missing:
                pytest.skip(f"{missing}: scoring behind it is not tried")
            url = f"postgresql+psycopg://qa@{server}/{NAME}"
            scorer = replace(scorer, store=SqlScoreStore(url, prepared_statements=False))
        stack.callback(scorer.store.close)
        yield scorer


def moved_are_recorded(fake: FakeEncord, scorer: Scorer) -> None:
    recorded = {record.identity.data_hash for record in scorer.store.latest(PRODUCTION)}
    assert {data_hash for data_hash, _ in fake.moved} <= recorded


@pytest.mark.parametrize(
    ("way", "how"),
    [
        pytest.param(way, how, marks=() if way == "drain" or how in SOON else pytest.mark.slow)
        for way in WAYS
        for how in ALL
    ],
)
def test_tasks_that_moved_are_recorded_and_after_recovery_all_of_them_once(
    operator: Operator, url: str, way: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = platform(len(UNITS))
    with scorer_of(fake, url, operator, how, monkeypatch) as scorer:
        scorer.store.find(["connected"])
        if how in PASSING:
            with operator.failing(how, fake):
                WAYS[way](scorer)
        else:
            with operator.failing(how, fake), pytest.raises(StoreError):
                WAYS[way](scorer)
            assert fake.moved == []
        moved_are_recorded(fake, scorer)
        evaluate(scorer)
        assert sorted(fake.moved) == sorted((data_hash, "Done") for data_hash in UNITS)
        assert all(row.stage == COMPLETE for row in fake.work.values())
        assert [len(scorer.store.history(PRODUCTION, data_hash)) for data_hash in UNITS] == [1] * len(UNITS)
        assert len(scorer.store.latest(PRODUCTION)) == len(UNITS)


@pytest.mark.parametrize("how", [pytest.param(how, marks=() if how in SOON else pytest.mark.slow) for how in ALL])
def test_rescore_loses_nothing_and_says_so_when_it_cannot(
    operator: Operator, url: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = platform(len(UNITS), stage=COMPLETE)
    with scorer_of(fake, url, operator, how, monkeypatch) as scorer:
        list(scorer.score_in_bundles(UNITS))
        fake.edit(fake.truth[UNITS[0]], OTHER)
        fake.edit(fake.truth[UNITS[1]], RIGHT)
        scorer.truth.forget(UNITS)
        if how in PASSING:
            with operator.failing(how, fake):
                rescore(scorer)
        else:
            with operator.failing(how, fake), pytest.raises(StoreError):
                rescore(scorer)
            evaluate(scorer)  # as both clouds call it on their schedules
        again = rescore(scorer)
        assert (again.made, again.changed, again.left) == (0, 0, 3)
        assert sorted(record.score or 0.0 for record in scorer.store.latest(PRODUCTION)) == [0.0, 1.0, 1.0]
        assert [len(scorer.store.history(PRODUCTION, data_hash)) for data_hash in UNITS] == [2, 2, 1]
