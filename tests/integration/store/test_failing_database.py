"""Every way of scoring against every way in which PostgreSQL fails: a task that has moved has its score, once."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial

import pytest

from benchmark_qa.config.settings import Settings
from benchmark_qa.encord_api.models import Task
from benchmark_qa.encord_api.tasks import QueuedRow
from benchmark_qa.service.service import Service
from benchmark_qa.store.errors import StoreError
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.tasks import recovery
from benchmark_qa.tasks.connections import Connections
from benchmark_qa.tasks.drain import drain_scoring_stage, handle_event
from benchmark_qa.tasks.job_runner import JobRunner
from benchmark_qa.tasks.jobs import DrainJob
from benchmark_qa.tasks.recovery import evaluate_project
from benchmark_qa.tasks.recovery import rescore_project as rescore
from benchmark_qa.tasks.score import Scorer
from tests.integration.store.failing import FAILURES, NAME, Operator, operated_server
from tests.postgresql import NoServerError, pgbouncer
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
    try:
        with operated_server() as operator:
            yield operator
    except NoServerError as missing:
        pytest.skip(str(missing))


@pytest.fixture
def url(operator: Operator) -> str:
    operator.begin_anew()
    return operator.url


@contextmanager
def failing(operator: Operator, how: str, fake: FakeEncord) -> Iterator[None]:
    """As `Operator.failing`, and connections that end while labels are read."""
    if how in ("killed while scoring", "behind PgBouncer"):
        fake.meanwhile = lambda asked: operator.end_connections() if asked == "labels" else None
        how = "working"
    with operator.failing(how):
        yield
    fake.meanwhile = lambda _: None


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
            with failing(operator, how, fake):
                WAYS[way](scorer)
        else:
            with failing(operator, how, fake), pytest.raises(StoreError):
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
            with failing(operator, how, fake):
                rescore(scorer)
        else:
            with failing(operator, how, fake), pytest.raises(StoreError):
                rescore(scorer)
            evaluate(scorer)  # as both clouds call it on their schedules
        again = rescore(scorer)
        assert (again.made, again.changed, again.left) == (0, 0, 3)
        assert sorted(record.score or 0.0 for record in scorer.store.latest(PRODUCTION)) == [0.0, 1.0, 1.0]
        assert [len(scorer.store.history(PRODUCTION, data_hash)) for data_hash in UNITS] == [2, 2, 1]
