"""An upgrade with a migration under load, then the rollback: two versions side by side on one database.

The next version is a copy of this one with another migration. It adds a table and a column that says which version
wrote a record.
"""

import itertools
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from sqlalchemy import make_url

import benchmark_qa
from benchmark_qa.store.database import Database
from benchmark_qa.store.schema import HEAD
from benchmark_qa.store.score_store import SqlScoreStore
from tests.integration.service.sandbox import Sandbox, Unit, branches_of, free_port, platform, service_process, uuid
from tests.postgresql import create_database, or_skip, postgresql_server
from tests.records import record

NEXT = f"{int(HEAD) + 1:04}"
OLD_RECORDS = 20_000
"""In the database before, so that the migration takes a while"""
PRODUCTION_IMAGES = 50
SLOWEST_SECONDS = 60.0
"""Encord waits 180 s"""
IN_EACH_PHASE = 12
"""Tasks that reach the scoring stage"""
MIGRATION = f'''"""A table, and who wrote a record."""

import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{HEAD}"
keeps_sums = True


def upgrade() -> None:
    op.create_table("writers", sa.Column("version", sa.String, primary_key=True))
    op.add_column("score_records", sa.Column("written_by", sa.String, nullable=False, server_default="this version"))
    op.execute("UPDATE score_records SET written_by = 'before'")
'''


def next_version(folder: Path) -> Path:
    """The folder of a copy of the package whose tables are of another revision."""
    package = folder / "benchmark_qa"
    shutil.copytree(Path(benchmark_qa.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "store" / "migrations" / "versions" / f"{NEXT}_writers.py").write_text(MIGRATION)
    column = 'Column("written_by", String, nullable=False, server_default="this version"),'
    change(package / "store" / "schema.py", f'HEAD = "{HEAD}"', f'HEAD = "{NEXT}"')
    index = '    Index("ix_score_records_task"'
    change(package / "store" / "schema.py", index, f"    {column}\n{index}")
    (rows,) = (file for file in (package / "store").glob("*.py") if "def columns_of(" in file.read_text())
    change(
        rows,
        "    return columns\n",
        '    return columns | {"written_by": ["the next version"] * len(records)}\n',
    )
    return folder


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, (file, old)
    file.write_text(text.replace(old, new))


@dataclass
class Instance:
    """One process of the service, ready to be called."""

    address: str
    process: subprocess.Popen[bytes]


@dataclass
class Load:
    """Calls that Encord makes, one after the other on each of several lines, to the instances in turn."""

    platform: Sandbox
    to_score: list[Unit]
    to_route: list[Unit]
    instances: list[Instance] = field(default_factory=list)
    scored: set[str] = field(default_factory=set)
    released: int = 0
    refused: list[Any] = field(default_factory=list)
    calls: int = 0
    slowest: float = 0.0
    _ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _turn: Iterator[int] = field(default_factory=itertools.count)

    @contextmanager
    def running(self) -> Iterator[None]:
        lines: list[tuple[Any, Iterator[Any]]] = [(self._score, self._waiting()), (self._score, self._waiting())]
        lines += [(self._route, itertools.cycle(self.to_route)), (self._route, itertools.cycle(self._no_benchmark()))]
        threads = [threading.Thread(target=self._line, args=line) for line in lines]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()

    def release(self) -> None:
        """Some more tasks reach the scoring stage."""
        self.released = min(len(self.to_score), self.released + IN_EACH_PHASE)

    def more(self) -> None:
        """Some more, and wait until they are scored."""
        self.release()
        wanted, deadline = {unit.data_hash for unit in self.to_score[: self.released]}, time.monotonic() + 240
        while not wanted <= self.scored and not self.refused:
            assert time.monotonic() < deadline, "the load stands still"
            time.sleep(0.05)

    def _waiting(self) -> Iterator[Unit]:
        """What has reached the scoring stage, again and again; what is new comes first."""
        for number in itertools.count():
            there = self.to_score[: self.released]
            new = [unit for unit in there if unit.data_hash not in self.scored]
            if there:
                yield new[number % len(new)] if new else there[number % len(there)]
            else:
                time.sleep(0.01)

    def take_out(self, instance: Instance) -> None:
        """As every host does: no new calls, a moment for those on their way, SIGTERM, the end of what runs."""
        self.instances.remove(instance)
        time.sleep(0.5)
        instance.process.send_signal(signal.SIGTERM)
        assert instance.process.wait(15) in (0, -signal.SIGTERM)

    def _line(self, call: Any, units: Iterator[Any]) -> None:
        for unit in units:
            if self._ended.is_set():
                return
            began = time.monotonic()
            try:
                answer = call(unit, self._next_instance())
            except requests.RequestException as error:
                answer = error
            with self._lock:
                self.calls += 1
                self.slowest = max(self.slowest, time.monotonic() - began)
                if answer is not None:
                    self.refused.append(answer)
            time.sleep(0.05)

    def _next_instance(self) -> Sandbox:
        while not (instances := list(self.instances)):
            time.sleep(0.01)
        return replace(self.platform, service=instances[next(self._turn) % len(instances)].address)

    def _score(self, unit: Unit, to: Sandbox) -> Any:
        answer = to.score(unit.data_hash)
        if (answer.status_code, answer.json().get("decision")) != (200, "Done"):
            return answer.text
        self.scored.add(unit.data_hash)
        return None

    def _route(self, data_hash: Unit | str, to: Sandbox) -> Any:
        expected = "No" if isinstance(data_hash, str) else "Yes"
        answer = to.route(data_hash if isinstance(data_hash, str) else data_hash.data_hash)
        return None if (answer.status_code, answer.json().get("decision")) == (200, expected) else answer.text

    def _no_benchmark(self) -> list[str]:
        return [uuid(f"production/{number}") for number in range(PRODUCTION_IMAGES)]


@pytest.fixture
def server() -> Iterator[str]:
    with or_skip(postgresql_server()) as address:
        yield address


@dataclass
class Deployment:
    """Instances of both versions on one database, under load."""

    load: Load
    owner: str
    urls: dict[str, str]
    stack: ExitStack

    def start(self, version: dict[str, str]) -> Instance:
        """An instance that is called once it is ready."""
        environment = dict(self.load.platform.environment) | {"DATABASE_URL": self.urls["SERVICE_DATABASE_URL"]}
        port = free_port()
        process = self.stack.enter_context(service_process(environment | version, port))
        instance = Instance(f"http://127.0.0.1:{port}", process)
        answer = requests.get(f"{instance.address}/readyz", timeout=30)
        assert answer.status_code == 200, answer.text
        self.load.instances.append(instance)
        return instance

    def migrate(self, version: dict[str, str]) -> str:
        """What `db upgrade` says last."""
        environment = dict(self.load.platform.environment) | self.urls | version
        done = replace(self.load.platform, environment=environment).command("db", "upgrade")
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1]


THIS_VERSION: dict[str, str] = {}


def upgrade(deployment: Deployment, to: dict[str, str]) -> Instance:
    load = deployment.load
    first, second = deployment.start(THIS_VERSION), deployment.start(THIS_VERSION)
    load.more()
    load.release()
    began = time.monotonic()
    assert deployment.migrate(to) == f"from revision {HEAD} to {NEXT}"
    print(f"the migration took {time.monotonic() - began:.1f} s")  # noqa: T201
    load.more()
    # An instance of the former version that starts before the switch finds the newer tables.
    third = deployment.start(THIS_VERSION)
    load.take_out(first)
    load.more()
    fourth = deployment.start(to)
    load.more()
    for former in (second, third):
        load.take_out(former)
    load.more()
    return fourth


def roll_back(deployment: Deployment, instance: Instance) -> Instance:
    """The former version, its own `db upgrade` first, as Terraform and the manifests run it."""
    assert deployment.migrate(THIS_VERSION) == f"at revision {NEXT}"
    former = deployment.start(THIS_VERSION)
    deployment.load.more()
    deployment.load.take_out(instance)
    deployment.load.more()
    assert deployment.load.instances == [former]
    return former


def go_forward_again(deployment: Deployment, instance: Instance, to: dict[str, str]) -> None:
    assert deployment.migrate(to) == f"at revision {NEXT}"
    deployment.start(to)
    deployment.load.take_out(instance)
    deployment.load.more()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_an_upgrade_with_a_migration_and_its_rollback_refuse_no_call_and_lose_no_score(
    server: str, pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    owner = create_database(server, "scores")
    service = make_url(owner).set(username="service", password="sixteenlettersormore")
    urls = {"DATABASE_URL": owner, "SERVICE_DATABASE_URL": service.render_as_string(hide_password=False)}
    images = [image for image in pedestrians["images"] if image["ground_truth"]]
    to_score = [Unit(image, stage="Score") for image in images[:120]]
    to_route = [Unit(image) for image in images[120:140]]
    following = {"PYTHONPATH": str(next_version(tmp_path / "next"))}
    with platform([*to_score, *to_route], production_images=PRODUCTION_IMAGES) as both, ExitStack() as stack:
        load = Load(both, to_score, to_route)
        deployment = Deployment(load, owner, urls, stack)
        assert deployment.migrate(THIS_VERSION).endswith(f"to {HEAD}")
        fill(owner)
        with load.running():
            instance = upgrade(deployment, following)
            at_switch = written_by(owner)
            instance = roll_back(deployment, instance)
            go_forward_again(deployment, instance, following)
            load.more()
        print(f"{load.calls} calls, the slowest {load.slowest:.1f} s; at the switch: {at_switch}")  # noqa: T201
        assert load.refused == []
        assert load.slowest < SLOWEST_SECONDS
        assert {"this version", "the next version"} <= set(at_switch)
        assert recorded(owner) == branches_of([unit for unit in to_score if unit.data_hash in load.scored])
        assert set(written_by(owner)) == {"before", "this version", "the next version"}
        assert_the_sums_are_those_of_the_records(owner)


def fill(url: str) -> None:
    store = SqlScoreStore(url)
    store.save([record(number) for number in range(OLD_RECORDS)])
    store.close()


def written_by(url: str) -> dict[str, int]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        query = "SELECT written_by, count(*) FROM score_records GROUP BY 1"
        return {str(version): int(number) for version, number in connection.execute(query)}


def recorded(url: str) -> list[tuple[str, str]]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        query = "SELECT data_hash, branch_name FROM score_records WHERE annotator <> %s ORDER BY 1, 2"
        return [(str(data), str(branch)) for data, branch in connection.execute(query, [record().annotator])]


def assert_the_sums_are_those_of_the_records(url: str) -> None:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        query = "SELECT * FROM annotator_totals ORDER BY production_project, annotator, figure"
        sums = connection.execute(query).fetchall()
        connection.commit()
        database = Database(url)
        database.rebuild()
        database.close()
        again = connection.execute(query).fetchall()
    assert [row[:4] for row in sums] == [row[:4] for row in again]
    assert [each for row in sums for each in row[4:]] == pytest.approx([each for row in again for each in row[4:]])
