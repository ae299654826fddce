"""Every way of scoring against every way in which the database fails: emulator, service, commands as processes.

A cell begins with three tasks of two annotators at a scoring stage on *Auto*. The database fails, the work is begun,
the database works again. Then happens what Encord, the queue and the schedule do by themselves, and nothing else.
A cell holds if no task has moved without its scores at any time that was looked at, and in the end every task has
moved and every score is there once. `DURABILITY_WAYS` and `DURABILITY_FAILURES` choose some (separated by commas).
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from typing import Any

import psycopg
import requests

from benchmark_qa.tasks.jobs import DrainJob
from tests.forked import benchmark_qa, serving
from tests.infra.google import Signer, certificates
from tests.integration.service.sandbox import (
    BENCHMARK,
    PRODUCTION,
    SCORING_STAGE,
    SUBMITTED_SECRET,
    Sandbox,
    Unit,
    platform,
    uuid,
)
from tests.integration.store.failing import NAME, Operator, operated_server
from tests.postgresql import NoServerError, pgbouncer

BOXES = [[40.0, 40.0, 80.0, 120.0], [200.0, 60.0, 90.0, 100.0]]
PEOPLE = {"ann@example.com": BOXES, "ben@example.com": BOXES[:1]}
UNITS = [
    Unit({"id": f"u{n}", "width": 1280, "height": 720, "ground_truth": BOXES, "annotations": PEOPLE}, stage="Score")
    for n in range(3)
]
HASHES = [unit.data_hash for unit in UNITS]
SCORES = len(UNITS) * len(PEOPLE)
DOWN_SECONDS = 30.0
SLOW_SECONDS = 12.0
"""Longer than a statement of scoring may take"""
ACCOUNT = "jobs@example.iam.gserviceaccount.com"
FAILURES = {
    "down 30 s": "down",
    "restarted": "restarted",
    "out of connections": "out of connections",
    "read-only": "read-only",
    "without tables": "without tables",
    "disk full": "disk full",
    "slow (locked 12 s)": "slow",
    "behind PgBouncer, restarted": "restarted",
    "killed while writing": "working",
}
"""Columns of the table, with what the operator of the server does."""


@dataclass
class Deployment:
    """A service process that the operator may kill, and what surrounds it."""

    both: Sandbox
    operator: Operator
    signer: Signer
    process: BaseProcess | None = None
    command: BaseProcess | None = None
    _serving: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        self._serving = ExitStack()
        self.process = self._serving.enter_context(serving(self.both.environment, self.both.service))

    def stop(self) -> None:
        self._serving.close()

    def kill(self) -> None:
        """End by SIGKILL what is writing: the command that runs, or else the service, which its host starts again."""
        victim = self.command or self.process
        assert victim is not None
        victim.kill()
        victim.join(20)
        if victim is self.process:
            self.stop()
            self.start()

    def run(self, command: str) -> None:
        """A command as a person or the schedule starts it."""
        self.command = benchmark_qa(command, environment=self.both.environment)
        self.command.join(180)
        self.command = None

    def rows(self, statement: str) -> list[Any]:
        where = f"postgresql://postgres@{self.operator.cluster.address}/{NAME}"
        with psycopg.connect(where, autocommit=True) as connection:
            return connection.execute(statement).fetchall()

    def moved(self) -> set[str]:
        """Data units whose task has left the scoring stage."""
        tasks = self.both.control("GET", f"projects/{PRODUCTION}/tasks")["tasks"]
        return {t["data_hash"] for t in tasks if t["data_hash"] in HASHES and t["stage"]["title"] == "Complete"}

    def recorded(self) -> dict[str, int]:
        """Number of current scores by data unit."""
        return dict(self.rows("SELECT data_hash, count(*) FROM current_scores GROUP BY 1"))


Way = Callable[[Deployment], bool]
"""Does the work once; False if whoever asked for it will ask again."""


def drain(deployment: Deployment) -> bool:
    return _answered(lambda: deployment.both.notify(SCORING_STAGE))


def event(deployment: Deployment) -> bool:
    kind = "task_submitted_event"
    return _answered(lambda: deployment.both.event("task-submitted", SUBMITTED_SECRET, kind, HASHES))


def job(deployment: Deployment) -> bool:
    url = f"{deployment.both.service}/jobs"
    message = DrainJob(PRODUCTION, SCORING_STAGE, tuple(HASHES)).to_json()
    headers = {"Authorization": f"Bearer {deployment.signer.token(aud=url, email=ACCOUNT)}"}
    return _answered(lambda: requests.post(url, data=message, headers=headers, timeout=120))


def auto_call(deployment: Deployment) -> bool:
    deployment.both.control("POST", "retry")
    while not deployment.both.control("GET", "idle", params={"timeout": 30})["idle"]:
        pass
    return True  # Encord calls as often as its switch says, and never again


def evaluate(deployment: Deployment) -> bool:
    deployment.run("evaluate")
    return True


def rescore(deployment: Deployment) -> bool:
    deployment.run("rescore")
    return True


WAYS: dict[str, tuple[Way, int]] = {
    "drain": (drain, 0),
    "event": (event, 0),
    "queue job": (job, 0),
    "*Auto* call, `auto_retries: 0`": (auto_call, 0),
    "*Auto* call, `auto_retries: 3`": (auto_call, 3),
    "`evaluate`": (evaluate, 0),
    "`rescore`": (rescore, 0),
}
"""With the emulator's `auto_retries`, which concerns nothing but calls of *Auto* agents."""


def _answered(ask: Callable[[], requests.Response]) -> bool:
    try:
        return ask().status_code == 200
    except requests.RequestException:
        return False


def cell(deployment: Deployment, way: str, failure: str) -> str:
    """What the cell of the table says: who completed the work, or what is wrong."""
    do, retries = WAYS[way]
    _begin(deployment, way, retries)
    before = len(UNITS) if way == "`rescore`" else 0
    with _failing(deployment, failure):
        done = do(deployment)
    problems = _moved_without_scores(deployment)
    who = "at once"
    if not done and not _complete(deployment, way, moved=way != "event"):
        who = "next delivery"
        do(deployment)
        problems += _moved_without_scores(deployment)
    if not _complete(deployment, way):
        if way != "event" or not _complete(deployment, way, moved=False):  # an event scores and moves nothing
            who = "schedule"
        deployment.run("evaluate")
        problems += _moved_without_scores(deployment)
    if not _complete(deployment, way):
        problems.append(f"not complete: {len(deployment.moved())} moved, {deployment.recorded()} recorded")
    versions = 2 if before else 1
    doubled = deployment.rows(
        f"SELECT data_hash, branch_name FROM score_records GROUP BY 1, 2 HAVING count(*) <> {versions}"
    )
    if doubled:
        problems.append(f"{len(doubled)} scores are not there {'once' if versions == 1 else 'once for each truth'}")
    if problems:
        versions_seen = "SELECT truth_edited_at, labels_edited_at, late, count(*) FROM score_records GROUP BY 1, 2, 3"
        print(f"in the store: {deployment.rows(versions_seen)}\n{_tail(deployment)}", flush=True)
    return "; ".join(problems) or who


def _tail(deployment: Deployment) -> str:
    """The last lines of service and commands, for whoever looks for the cause."""
    return (deployment.both.directory / "service.log").read_text(errors="replace")[-2000:]


def _begin(deployment: Deployment, way: str, retries: int) -> None:
    deployment.both.control("POST", "reset")
    deployment.both.control("PATCH", "switches", json={"auto_retries": retries})
    tables = deployment.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    names = ", ".join(name for (name,) in tables if name != "alembic_version")
    deployment.operator.do(f"TRUNCATE {names}", database=NAME)
    if way != "`rescore`":
        return
    assert drain(deployment), "scores to make again cannot be made"
    rows = deployment.both.client().get_project(BENCHMARK).list_label_rows_v2(data_hashes=HASHES)
    for row in rows:
        row.initialise_labels()
        row.remove_object(row.get_object_instances()[0])
        row.save()


def _moved_without_scores(deployment: Deployment) -> list[str]:
    recorded = deployment.recorded()
    lost = [h for h in deployment.moved() if recorded.get(h, 0) != len(PEOPLE)]
    return [f"{len(lost)} tasks have moved without their scores"] if lost else []


def _complete(deployment: Deployment, way: str, *, moved: bool = True) -> bool:
    if (moved and len(deployment.moved()) < len(UNITS)) or sum(deployment.recorded().values()) < SCORES:
        return False
    of_newest = deployment.rows(
        "SELECT count(*) FROM current_scores JOIN score_records USING (key) WHERE truth_edited_at ="
        " (SELECT max(truth_edited_at) FROM score_records AS all_of_it"
        " WHERE all_of_it.data_hash = score_records.data_hash)"
    )[0][0]
    versions = deployment.rows("SELECT count(DISTINCT (data_hash, truth_edited_at)) FROM score_records")[0][0]
    return bool(of_newest == SCORES and versions == len(UNITS) * (2 if way == "`rescore`" else 1))


@contextmanager
def _failing(deployment: Deployment, failure: str) -> Iterator[None]:
    operator, began = deployment.operator, time.monotonic()
    if failure == "killed while writing":
        with _killed_while_writing(deployment):
            yield
        return
    with operator.failing(FAILURES[failure]):
        yield
        if failure == "down 30 s":
            time.sleep(max(0.0, DOWN_SECONDS - (time.monotonic() - began)))
    time.sleep(1.0)


@contextmanager
def _killed_while_writing(deployment: Deployment) -> Iterator[None]:
    """SIGKILL for the process whose transaction has written records and waits to make them current."""
    where = f"postgresql://postgres@{deployment.operator.cluster.address}/{NAME}"
    with psycopg.connect(where) as holder:
        holder.execute("LOCK TABLE current_scores IN SHARE MODE")

        def kill() -> None:
            waiting = (
                "SELECT 1 FROM pg_stat_activity"
                " WHERE usename = 'qa' AND wait_event_type = 'Lock' AND backend_xid IS NOT NULL"
            )
            end = time.monotonic() + 60
            while time.monotonic() < end and not deployment.rows(waiting):
                time.sleep(0.02)
            deployment.kill()
            holder.rollback()

        thread = threading.Thread(target=kill)
        thread.start()
        try:
            yield
        finally:
            thread.join()


def _with_kept_stages(world: dict[str, Any]) -> dict[str, Any]:
    """The same stages after every reset of the emulator: the service keeps what it knows of the projects."""
    stages = [
        {"type": "annotation", "title": "Annotate", "uuid": uuid("truth is drawn"), "next": "Complete"},
        {"type": "complete", "title": "Complete", "uuid": uuid("truth is finished")},
    ]
    for project in world["projects"]:
        if project["hash"] == BENCHMARK:
            project["workflow"] = {"start": "Annotate", "stages": stages}
    return world


@contextmanager
def deployment_of(operator: Operator, failure: str) -> Iterator[Deployment]:
    """Emulator and service, which use the operator's database."""
    signer = Signer()
    with ExitStack() as stack:
        variables: dict[str, str] = {"DATABASE_URL": operator.url}
        if "PgBouncer" in failure:
            server = stack.enter_context(pgbouncer(operator.cluster.address, "qa"))
            variables["DATABASE_URL"] = f"postgresql+psycopg://qa@{server}/{NAME}"
            variables["DATABASE_PREPARED_STATEMENTS"] = "false"
        if failure == "disk full" and operator.disk is None:
            raise NoServerError("no small disk can be mounted here")
        variables |= {
            "JOBS_QUEUE": "projects/p/locations/l/queues/q",
            "JOBS_SERVICE_ACCOUNT": ACCOUNT,
            "JOBS_CERTIFICATES_URL": stack.enter_context(certificates(signer)),
        }
        both = stack.enter_context(platform(UNITS, auto=True, variables=variables, change_world=_with_kept_stages))
        both.environment.update(JOBS_URL=f"{both.service}/jobs")  # type: ignore[attr-defined]
        operator.begin_anew()
        deployment = Deployment(both, operator, signer)
        deployment.start()
        stack.callback(deployment.stop)
        yield deployment


def column(operator: Operator, failure: str, ways: list[str]) -> dict[str, str]:
    """The cells of one way in which the database fails; a printed reason where it cannot be tried."""
    try:
        with deployment_of(operator, failure) as deployment:
            cells = {}
            for way in ways:
                began = time.monotonic()
                cells[way] = cell(deployment, way, failure)
                print(f"{failure} | {way} | {cells[way]} | {time.monotonic() - began:.0f} s", flush=True)
            return cells
    except NoServerError as missing:
        print(f"{failure} is not tried: {missing}", flush=True)
        return dict.fromkeys(ways, "not tried")


def markdown(table: Mapping[str, Mapping[str, str]], ways: list[str]) -> str:
    """Failures as rows, ways of scoring as columns."""
    lines = ["| the database | " + " | ".join(ways) + " |", "| --- |" + " --- |" * len(ways)]
    lines += [f"| {failure} | " + " | ".join(cells[way] for way in ways) + " |" for failure, cells in table.items()]
    return "\n".join(lines)


HOLDS = ("at once", "next delivery", "schedule")


def main() -> None:
    """Print the table; exit 1 if a cell does not hold."""
    ways = _chosen("DURABILITY_WAYS", list(WAYS))
    failures = _chosen("DURABILITY_FAILURES", list(FAILURES))
    with operated_server(slow_seconds=SLOW_SECONDS) as operator:
        table = {failure: column(operator, failure, ways) for failure in failures}
    print()
    print(markdown(table, ways))
    cells = [cell for row in table.values() for cell in row.values()]
    held = sum(cell in HOLDS for cell in cells)
    print(f"\n{held} of {len(cells)} cells hold")
    if held < len(cells):
        sys.exit(1)


def _chosen(variable: str, known: list[str]) -> list[str]:
    wanted = [name for name in os.environ.get(variable, "").split(",") if name]
    return [name for name in known if not wanted or any(each in name for each in wanted)]
