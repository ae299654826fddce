"""The service is killed at random, again and again, while its database restarts at random: nothing lost or doubled."""

import logging
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
import pytest
import requests

from benchmark_qa.store.database import Database
from benchmark_qa.store.score_store import SqlScoreStore
from tests.forked import benchmark_qa, serving
from tests.integration.service.sandbox import PRODUCTION, SUBMITTED_SECRET, Sandbox, Unit, branches_of, platform
from tests.postgresql import Cluster, create_database, or_skip, postgresql_cluster

_log = logging.getLogger(__name__)

FOREVER = 10_000_000
BOXES = [[40.0, 40.0, 80.0, 120.0], [200.0, 60.0, 90.0, 100.0]]
IMAGE = {
    "width": 1280,
    "height": 720,
    "ground_truth": BOXES,
    "annotations": {"ann@example.com": BOXES, "ben@example.com": BOXES[:1]},
}


@contextmanager
def restarting(cluster: Cluster, dice: random.Random) -> Iterator[list[str]]:
    """The server is stopped and started at random until the block ends; yields in which ways."""
    ways: list[str] = []
    over = threading.Event()

    def restart() -> None:
        while not over.wait(dice.uniform(2.0, 8.0)):
            ways.append(dice.choice(["immediate", "fast"]))
            cluster.stop(ways[-1])
            time.sleep(dice.uniform(0.0, 1.5))
            cluster.start()

    thread = threading.Thread(target=restart)
    thread.start()
    try:
        yield ways
    finally:
        over.set()
        thread.join()


def moved(both: Sandbox) -> set[str]:
    tasks = both.control("GET", f"projects/{PRODUCTION}/tasks")["tasks"]
    return {task["data_hash"] for task in tasks if task["stage"]["title"] == "Complete"}


def recorded(cluster: Cluster) -> list[tuple[str, str]]:
    with psycopg.connect(f"postgresql://postgres@{cluster.address}/kills", autocommit=True) as connection:
        return connection.execute("SELECT data_hash, branch_name FROM score_records ORDER BY 1, 2").fetchall()


def kill_while_scoring(both: Sandbox, units: list[Unit], kills: int, dice: random.Random) -> int:
    """Encord calls for all tasks that wait, and the service is killed; how many kills came while tasks waited."""
    in_the_middle = 0
    for _ in range(kills):
        with serving(both.environment, both.service) as process:
            some = [unit.data_hash for unit in dice.sample(units, 5)]
            event = threading.Thread(target=_tell, args=(both, some))
            event.start()
            both.control("POST", "retry")
            time.sleep(dice.uniform(0.3, 3.0))
            in_the_middle += both.stages()["Score"] > 0
            process.kill()
            process.join(10)
            event.join()
            assert both.control("GET", "idle", params={"timeout": 120}) == {"idle": True}
    return in_the_middle


def _tell(both: Sandbox, data_hashes: list[str]) -> None:
    with suppress(requests.RequestException):  # killed
        both.event("task-submitted", SUBMITTED_SECRET, "task_submitted_event", data_hashes)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with or_skip(postgresql_cluster()) as cluster:
        yield cluster


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_fifty_kills_with_the_database_restarting_lose_and_double_nothing(cluster: Cluster) -> None:
    kills, tasks = int(os.environ.get("KILLS", "50")), 600
    dice = random.Random(kills)
    units = [Unit({**IMAGE, "id": f"u{n}"}, stage="Score") for n in range(tasks)]
    url = create_database(cluster.address, "kills")
    database = Database(url)
    database.upgrade()
    database.close()
    with platform(units, auto=True, variables={"DATABASE_URL": url}) as both:
        both.control("PATCH", "switches", json={"auto_retries": 0})
        both.break_platform("latency", seconds=0.3, times=FOREVER)
        with restarting(cluster, dice) as ways:
            in_the_middle = kill_while_scoring(both, units, kills, dice)
        _log.warning("%d kills, %d while tasks waited; %d restarts", kills, in_the_middle, len(ways))
        assert in_the_middle >= kills // 2
        assert ways
        scored = {data_hash for data_hash, _ in recorded(cluster)}
        assert moved(both) & {unit.data_hash for unit in units} <= scored
        both.mend_platform()
        schedule = benchmark_qa("evaluate", environment=both.environment)  # as both clouds call it
        schedule.join(600)
        assert schedule.exitcode == 0
        assert both.stages()["Score"] == 0
        assert recorded(cluster) == branches_of(units)
    store = SqlScoreStore(url)
    assert len(store.latest(PRODUCTION, whole=False)) == 2 * tasks
    sums = {annotator: figures["score"].tasks for annotator, figures in store.totals(PRODUCTION).items()}
    assert sums == {"ann@example.com": tasks, "ben@example.com": tasks}
    store.close()
