"""Every way of scoring against every way in which PostgreSQL fails: a task that has moved has its score, once."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from benchmark_qa.config.settings import Settings
from benchmark_qa.encord_api.models import Task
from benchmark_qa.encord_api.tasks import QueuedRow
from benchmark_qa.service.service import Service
from benchmark_qa.store.database import Database
from benchmark_qa.store.errors import REFUSED_SECONDS, StoreError
from benchmark_qa.tasks import recovery
from benchmark_qa.tasks.connections import Connections
from benchmark_qa.tasks.drain import drain_scoring_stage
from benchmark_qa.tasks.events import handle_event
from benchmark_qa.tasks.jobs import DrainJob, JobRunner
from benchmark_qa.tasks.recovery import evaluate_project
from benchmark_qa.tasks.recovery import rescore_project as rescore
from benchmark_qa.tasks.score import Scorer
from tests.postgresql import create_database
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


class Operator:
    """Who can make the database fail, and mend it."""

    def __init__(self, server: str) -> None:
        self.server = server
        self._holding: psycopg.Connection[tuple[object, ...]] | None = None

    def do(self, *statements: str, database: str = "postgres") -> None:
        if not statements:
            return
        with psycopg.connect(f"postgresql://postgres@{self.server}/{database}", autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def end_connections(self) -> None:
        self.do(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{NAME}' AND usename = 'qa'")

    @contextmanager
    def failing(self, how: str, fake: FakeEncord) -> Iterator[None]:
        begin, end = FAILURES[how]
        self.do(*begin.get("postgres", ()))
        self.do(*begin.get(NAME, ()), database=NAME)
        if how == "killed while scoring":
            fake.meanwhile = lambda asked: self.end_connections() if asked == "labels" else None
        elif how != "slow":
            self.end_connections()
        lock = threading.Thread(target=self._hold_a_lock) if how == "slow" else None
        if lock:
            lock.start()
            time.sleep(0.2)
        try:
            yield
        finally:
            fake.meanwhile = lambda _: None
            if lock:
                lock.join()
            self.do(*end.get("postgres", ()))
            self.do(*end.get(NAME, ()), database=NAME)
            time.sleep(2 * REFUSED_SECONDS)

    def _hold_a_lock(self) -> None:
        with psycopg.connect(f"postgresql://postgres@{self.server}/{NAME}") as connection:
            connection.execute("LOCK TABLE score_records IN ACCESS EXCLUSIVE MODE")
            time.sleep(1.0)


Statements = dict[str, tuple[str, ...]]
FAILURES: dict[str, tuple[Statements, Statements]] = {
    "restarted": ({}, {}),
    "killed while scoring": ({}, {}),
    "slow": ({}, {}),
    "down": (
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
PASSING = ("restarted", "killed while scoring", "slow")
"""The database works again before the work is given up"""


def drain(scorer: Scorer) -> None:
    drain_scoring_stage(scorer, scorer.projects.deployment.stages.scoring[0])


def event(scorer: Scorer) -> None:
    handle_event(scorer, PRODUCTION, UNITS)


def job(scorer: Scorer) -> None:
    JobRunner(scorer).run(DrainJob(PRODUCTION, SCORE, tuple(UNITS)))


def auto_call(scorer: Scorer) -> None:
    """Encord calls once for each task, and moves it by the answer; what fails is not called again."""
    settings = Settings.model_construct(config=scorer.projects.deployment)
    service, connections = Service(settings), Connections(settings)
    connections.__dict__.update(projects=scorer.projects, store=scorer.store, scorer=scorer)
    service.__dict__["connections"] = connections
    failed: StoreError | None = None
    for data_hash in UNITS:
        try:
            answer = service._score_and_decide(PRODUCTION, data_hash)
        except StoreError as error:
            failed = error
            continue
        assert answer.decision is not None
        scorer.projects.encord.proceed(PRODUCTION, SCORE, [(Task(data_hash, data_hash, ""), answer.decision)])
    if failed:
        raise failed


def evaluate(scorer: Scorer) -> None:
    evaluate_project(scorer)


WAYS: dict[str, Callable[[Scorer], None]] = {
    "drain": drain,
    "event": event,
    "job": job,
    "Auto call": auto_call,
    "evaluate": evaluate,
}


@pytest.fixture(scope="module")
def operator(postgresql: str) -> Operator:
    operator = Operator(postgresql)
    operator.do("CREATE ROLE qa LOGIN")
    create_database(postgresql, NAME)
    operator.do(f"ALTER DATABASE {NAME} OWNER TO qa")
    operator.do("ALTER SCHEMA public OWNER TO qa", database=NAME)
    return operator


@pytest.fixture
def url(operator: Operator) -> str:
    url = f"postgresql+psycopg://qa@{operator.server}/{NAME}"
    operator.do("DROP SCHEMA IF EXISTS public CASCADE", "CREATE SCHEMA public AUTHORIZATION qa", database=NAME)
    database = Database(url)
    database.upgrade()
    database.close()
    operator.do("GRANT USAGE ON SCHEMA public TO qa", database=NAME)
    return url


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark_qa.store.database.READ_SECONDS", 0.7)
    monkeypatch.setattr("benchmark_qa.store.database.WRITE_SECONDS", 0.7)
    monkeypatch.setattr(recovery, "_actions", lambda _: iter(()))


def moved_are_recorded(fake: FakeEncord, scorer: Scorer) -> None:
    recorded = {record.identity.data_hash for record in scorer.store.latest(PRODUCTION)}
    assert {data_hash for data_hash, _ in fake.moved} <= recorded


@pytest.mark.parametrize("how", FAILURES)
@pytest.mark.parametrize(
    "way", ["drain", *(pytest.param(way, marks=pytest.mark.slow) for way in WAYS if way != "drain")]
)
def test_tasks_that_moved_are_recorded_and_after_recovery_all_of_them_once(
    operator: Operator, url: str, way: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = platform(len(UNITS))
    monkeypatch.setattr(
        recovery, "queued_rows", lambda *_: [QueuedRow(h, DATASET, row.stage, None) for h, row in fake.work.items()]
    )
    scorer = scorer_on(fake, url)
    scorer.store.find(["connected"])
    with operator.failing(how, fake):
        if how in PASSING:
            WAYS[way](scorer)
        else:
            with pytest.raises(StoreError):
                WAYS[way](scorer)
            assert fake.moved == []
    moved_are_recorded(fake, scorer)
    evaluate(scorer)
    assert sorted(fake.moved) == sorted((data_hash, "Done") for data_hash in UNITS)
    assert all(row.stage == COMPLETE for row in fake.work.values())
    assert [len(scorer.store.history(PRODUCTION, data_hash)) for data_hash in UNITS] == [1] * len(UNITS)
    assert len(scorer.store.latest(PRODUCTION)) == len(UNITS)
    scorer.store.close()


@pytest.mark.slow
@pytest.mark.parametrize("how", FAILURES)
def test_rescore_loses_nothing_and_says_so_when_it_cannot(operator: Operator, url: str, how: str) -> None:
    fake = platform(len(UNITS), stage=COMPLETE)
    scorer = scorer_on(fake, url)
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
        assert rescore(scorer).made == 2
    assert rescore(scorer).made == 0
    assert sorted(record.score or 0.0 for record in scorer.store.latest(PRODUCTION)) == [0.0, 1.0, 1.0]
    assert [len(scorer.store.history(PRODUCTION, data_hash)) for data_hash in UNITS] == [2, 2, 1]
    scorer.store.close()
