"""A benchmark and a production project on the emulator, with real labels, and the service as a process of its own."""

import hashlib
import hmac
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from encord import EncordUserClient

from emulator.platform import Platform
from emulator.testing import running
from emulator.world import World
from tests import forked
from tests.unit.rows import PEDESTRIAN_EDITOR, box_row

ROUTE_SECRET, SCORE_SECRET = "route-secret-of-the-test", "score-secret-of-the-test"
NOTIFICATION_SECRET = "notification-secret-of-the-test"
SUBMITTED_SECRET, COMPLETED_SECRET = "submitted-secret-of-the-test", "completed-secret-of-the-test"
EDITOR_TOKEN = "editor-token-of-the-test-0123456789"
EDITOR_ORIGIN = "https://app.encord.com"
SERVICE = "benchmark-qa@example.com"


def uuid(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"test/{name}"))


BENCHMARK, PRODUCTION = uuid("benchmark project"), uuid("production project")
BENCHMARK_DATASET, PRODUCTION_DATASET = uuid("benchmark dataset"), uuid("production dataset")
ROUTING_STAGE, SCORING_STAGE, COMPLETE_STAGE = uuid("Routing"), uuid("Score"), uuid("Complete")
CONSENSUS_STAGE = uuid("Consensus")


@dataclass(frozen=True)
class Key:
    private: str
    public: str

    @classmethod
    def create(cls) -> "Key":
        key = Ed25519PrivateKey.generate()
        return cls(
            key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode(),
            key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
        )


KEY = Key.create()


@dataclass
class Unit:
    """One image of the benchmark: its truth, and who has drawn what."""

    image: Mapping[str, Any]
    stage: str = "Routing"
    truth_stage: str = "Complete"
    submitted: bool = True
    data_hash: str = field(init=False)

    def __post_init__(self) -> None:
        self.data_hash = uuid(f"benchmark/{self.image['id']}")

    @property
    def annotations(self) -> Mapping[str, Sequence[Sequence[float]]]:
        return self.image["annotations"]

    def branch(self, annotator: str) -> str:
        return f"encord-{annotator.split('@', maxsplit=1)[0]}"


@dataclass
class Sandbox:
    """What a test needs to know of the running pair."""

    domain: str
    service: str
    environment: Mapping[str, str]
    directory: Path

    def post(
        self, path: str, data_hash: str, *, secret: str, project: str = PRODUCTION, **changes: Any
    ) -> requests.Response:
        """A signed call as Encord's backend makes it."""
        body = json.dumps({"projectHash": project, "dataHash": data_hash, "frame": 0}).encode()
        return self.send(path, body, signed(body, secret, **changes))

    def route(self, data_hash: str, **changes: Any) -> requests.Response:
        return self.post("/agents/route", data_hash, secret=ROUTE_SECRET, **changes)

    def score(self, data_hash: str, **changes: Any) -> requests.Response:
        return self.post("/agents/score", data_hash, secret=SCORE_SECRET, **changes)

    def ask_in_editor(self, data_hash: str, *, token: str = EDITOR_TOKEN, origin: str | None = EDITOR_ORIGIN) -> Any:
        """An unsigned call as the label editor makes it from a person's browser."""
        body = json.dumps({"projectHash": PRODUCTION, "dataHash": data_hash, "frame": 0}).encode()
        headers = {"Content-Type": "application/json"} | ({"Origin": origin} if origin else {})
        return self.send(f"/agents/score/{token}", body, headers)

    def notify(self, stage: str, *, secret: str = NOTIFICATION_SECRET, **changes: Any) -> requests.Response:
        """A task-ready notification."""
        envelope = {
            "uid": str(uuid4()), "version": 1, "source": "Encord",
            "event_type": "agent_stage_work_available_event",
            "event_created_timestamp": "2026-03-01T12:00:00.000000+00:00",
            "payload": {"project_hash": PRODUCTION, "stage_uuid": stage, "pending_count": 1,
                        "reason": "batch_size_reached"},
        } | changes  # fmt: skip
        body = json.dumps(envelope).encode()
        return self.send("/notifications/task-ready", body, signed(body, secret))

    def event(self, name: str, secret: str, kind: str, data_hashes: Any, project: str = PRODUCTION) -> Any:
        """A webhook of an Annotate or a Complete stage."""
        envelope = {
            "uid": str(uuid4()), "version": 1, "source": "Encord", "event_type": kind,
            "event_created_timestamp": "2026-03-01T12:00:00.000000+00:00",
            "payload": {"project_hash": project, "data_hashes": data_hashes, "label_hashes": []},
        }  # fmt: skip
        body = json.dumps(envelope).encode()
        return self.send(f"/events/{name}", body, signed(body, secret))

    def stages(self) -> dict[str, int]:
        """Tasks at each stage of the production project."""
        projects = self.control("GET", "state")["projects"]
        production = next(project for project in projects if project["hash"] == PRODUCTION)
        return {stage["title"]: stage["tasks"] for stage in production["stages"]}

    def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> requests.Response:
        return requests.post(self.service + path, data=body, headers=dict(headers), timeout=180)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`benchmark-qa ARGUMENTS` with the service's settings."""
        return forked.run(*arguments, environment=self.environment, timeout=120)

    def report(self) -> Any:
        done = self.command("report", "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def serving(self) -> AbstractContextManager["subprocess.Popen[bytes] | forked.Forked"]:
        """The service, at its address, until the block ends."""
        return service_process(self.environment, int(self.service.rsplit(":", 1)[1]))

    def log(self) -> str:
        """Everything that the service has logged."""
        return Path(self.environment["TEST_LOG"]).read_text()

    def break_platform(self, kind: str, **fault: Any) -> None:
        """From now on requests of the service to Encord go wrong, as `emulator.http.faults.Fault` says."""
        self.control("POST", "faults", json={"kind": kind, "caller": SERVICE, **fault})

    def mend_platform(self) -> None:
        self.control("DELETE", "faults")

    def recorded(self) -> list[tuple[str, str]]:
        """Data hash and branch of every score record, as they lie in the database."""
        with closing(sqlite3.connect(self.directory / "scores.sqlite", timeout=20)) as connection:
            return connection.execute("SELECT data_hash, branch_name FROM score_records ORDER BY 1, 2").fetchall()

    def routed(self) -> dict[str, list[str]]:
        """Data hash to the pathways that its production task has taken out of the routing stage."""
        tasks = self.control("GET", f"projects/{PRODUCTION}/tasks")["tasks"]
        return {
            task["data_hash"]: [step["pathway"] for step in task["history"] if step.get("pathway") in ("Yes", "No")]
            for task in tasks
        }

    def control(self, method: str, path: str, **arguments: Any) -> Any:
        answer = requests.request(method, f"{self.domain}/_emulator/{path}", timeout=60, **arguments)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def requests_of_service(self) -> dict[str, int]:
        """Requests from the service to Encord since the last reset, by operation."""
        counts = self.control("GET", "requests")["counts"]
        return {each["operation"]: each["count"] for each in counts if each["caller"] == SERVICE}

    def forget_requests(self) -> None:
        self.control("DELETE", "requests")

    def client(self) -> EncordUserClient:
        return EncordUserClient.create_with_ssh_private_key(KEY.private, domain=self.domain)


def signed(body: bytes, secret: str, *, at: float | None = None) -> dict[str, str]:
    """The headers with which Encord signs a request."""
    timestamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Encord-Timestamp": timestamp, "X-Encord-Signature": digest, "Content-Type": "application/json"}


def world(
    units: Sequence[Unit],
    service: str,
    *,
    production_images: int = 3,
    ontologies: tuple[str, str] = ("Pedestrians", "Pedestrians"),
    auto: bool = False,
    production_by: str | None = None,
) -> World:
    """Truth finished in the benchmark project, annotators' branches in the production project.

    `production_by` has finished every production image, not long ago.
    """
    annotators = sorted({annotator for unit in units for annotator in unit.annotations})
    finished = [uuid(f"production/{n}") for n in range(production_images)] if production_by else []
    auto_agent = {
        "Routing": {"agent": {"url": f"{service}/agents/route", "secret": ROUTE_SECRET}},
        "Score": {"agent": {"url": f"{service}/agents/score", "secret": SCORE_SECRET}},
    }
    return World.model_validate(
        {
            "switches": {"auto_retries": 0},
            "users": [
                {"email": SERVICE, "public_keys": [KEY.public]},
                *({"email": annotator} for annotator in annotators),
            ],
            "ontologies": [
                {"hash": uuid(f"ontology {title}"), "title": title, "editor": PEDESTRIAN_EDITOR}
                for title in dict.fromkeys(ontologies)
            ],
            "datasets": [
                {
                    "hash": BENCHMARK_DATASET,
                    "title": "Benchmark images",
                    "users": {SERVICE: "admin"},
                    "data": [_data(unit.data_hash, unit.image) for unit in units],
                },
                {
                    "hash": PRODUCTION_DATASET,
                    "title": "Production images",
                    "users": {SERVICE: "admin"},
                    "data": [_data(uuid(f"production/{n}"), units[0].image) for n in range(production_images)],
                },
            ],
            "projects": [
                {
                    "hash": BENCHMARK,
                    "title": "Benchmark",
                    "ontology": ontologies[0],
                    "datasets": ["Benchmark images"],
                    "users": {SERVICE: "admin"},
                    "tasks": [{"data_hash": unit.data_hash, "stage": unit.truth_stage} for unit in units],
                },
                {
                    "hash": PRODUCTION,
                    "title": "Production",
                    "ontology": ontologies[1],
                    "datasets": ["Benchmark images", "Production images"],
                    "users": {SERVICE: "admin", **dict.fromkeys(annotators, "annotator")},
                    "workflow": {
                        "start": "Routing",
                        "stages": [
                            {
                                "type": "agent", "title": "Routing", "uuid": ROUTING_STAGE,
                                "pathways": [{"name": "Yes", "to": "Consensus"}, {"name": "No", "to": "Annotate"}],
                                **(auto_agent["Routing"] if auto else {}),
                            },
                            {
                                "type": "consensus_annotation", "title": "Consensus", "uuid": CONSENSUS_STAGE,
                                "annotators": len(annotators), "next": "Review & Refine",
                            },
                            {
                                "type": "consensus_review", "title": "Review & Refine",
                                "uuid": uuid("Review & Refine"), "next": "Score", "reject": "Consensus",
                            },
                            {
                                "type": "agent", "title": "Score", "uuid": SCORING_STAGE,
                                "pathways": [{"name": "Done", "to": "Complete"}],
                                **(auto_agent["Score"] if auto else {}),
                            },
                            {"type": "annotation", "title": "Annotate", "uuid": uuid("Annotate"), "next": "Review"},
                            {
                                "type": "review", "title": "Review", "uuid": uuid("Review"),
                                "next": "Complete", "reject": "Annotate",
                            },
                            {"type": "complete", "title": "Complete", "uuid": COMPLETE_STAGE},
                        ],
                    },
                    "tasks": [
                        *(_production_task(unit) for unit in units if unit.stage != "Routing"),
                        *(
                            {"data_hash": h, "stage": "Complete", "last_actioned_by": production_by}
                            for h in finished
                        ),
                    ],
                },
            ],
            "labels": [
                *(label for unit in units for label in _labels(unit)),
                *(
                    {
                        "project": PRODUCTION,
                        "data_hash": h,
                        "label_hash": uuid(f"labels/{h}"),
                        "created_by": production_by,
                        "labels": _parts(box_row(h, units[0].image["ground_truth"])),
                    }
                    for h in finished
                ),
            ],
        }
    )  # fmt: skip


def _data(data_hash: str, image: Mapping[str, Any]) -> dict[str, Any]:
    return {"hash": data_hash, "title": f"{image['id']}.jpg", "width": image["width"], "height": image["height"]}


def _production_task(unit: Unit) -> dict[str, Any]:
    return {
        "data_hash": unit.data_hash,
        "stage": unit.stage,
        "subtasks": [
            {
                "branch_name": unit.branch(annotator),
                "status": "COMPLETED" if unit.submitted else "ASSIGNED",
                "assignee": annotator,
                "last_actioned_by": annotator if unit.submitted else None,
            }
            for annotator in unit.annotations
        ],
    }


TRUTH_EDITED_AT = "2026-01-05T08:00:00Z"
"""The truth is older than a few seconds, as it is in a project at work."""


def _labels(unit: Unit) -> Iterator[dict[str, Any]]:
    row = box_row(unit.data_hash, unit.image["ground_truth"])
    yield {
        "project": BENCHMARK,
        "data_hash": unit.data_hash,
        "label_hash": uuid(f"truth/{unit.image['id']}"),
        "created_by": SERVICE,
        "last_edited_at": TRUTH_EDITED_AT,
        "labels": _parts(row),
    }
    if unit.stage == "Routing":
        return
    for annotator, boxes in unit.annotations.items():
        yield {
            "project": PRODUCTION,
            "data_hash": unit.data_hash,
            "branch_name": unit.branch(annotator),
            "label_hash": uuid(f"{annotator}/{unit.image['id']}"),
            "created_by": annotator,
            "labels": _parts(box_row(unit.data_hash, boxes)),
        }


def _parts(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("data_units", "object_answers", "classification_answers", "object_actions")}


def branches_of(units: Sequence[Unit]) -> list[tuple[str, str]]:
    """What `Sandbox.recorded` gives when every branch is scored exactly once."""
    return sorted((unit.data_hash, unit.branch(annotator)) for unit in units for annotator in unit.annotations)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def service_process(
    environment: Mapping[str, str], port: int, command: Sequence[str] = ()
) -> Iterator["subprocess.Popen[bytes] | forked.Forked"]:
    """`benchmark-qa serve` as a process, ready to answer; its log is kept beside the database.

    It is forked off one that has imported everything, unless another command of Python is given.
    """
    log = Path(environment["TEST_LOG"])
    process: subprocess.Popen[bytes] | forked.Forked
    if command:
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, *command, "--port", str(port)],
                env=dict(environment), stdout=output, stderr=output,
            )  # fmt: skip
    else:
        process = forked.start("serve", "--port", str(port), environment=environment, output=log)
    try:
        deadline = time.monotonic() + 90
        while True:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the service did not start:\n{log.read_text()[-3000:]}")
            try:
                requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5)
                break
            except requests.ConnectionError:
                time.sleep(0.05)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


@contextmanager
def sandbox(
    units: Sequence[Unit],
    *,
    config: Mapping[str, Any] | None = None,
    variables: Mapping[str, str] | None = None,
    **options: Any,
) -> Iterator[Sandbox]:
    """Emulator and service, running until the block ends. Arguments as of `platform`."""
    with platform(units, config=config, variables=variables, **options) as both, both.serving():
        yield both


@contextmanager
def platform(
    units: Sequence[Unit],
    *,
    config: Mapping[str, Any] | None = None,
    variables: Mapping[str, str] | None = None,
    change_world: Callable[[dict[str, Any]], dict[str, Any]] = dict,
    change_platform: Callable[[Platform], object] = id,
    **options: Any,
) -> Iterator[Sandbox]:
    """The emulator alone; `serving()` runs the service beside it, as often as a test wants.

    Args:
        units: of the benchmark.
        config: goes over the service's configuration document.
        variables: go over the service's environment.
        change_world: gets the world file's content and gives the one to use.
        change_platform: gets what the emulator holds, before it is asked for anything.
        options: of `world`.
    """
    service = f"http://127.0.0.1:{free_port()}"
    document = world(units, service, **options).model_dump(mode="json", by_alias=True, exclude_unset=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running(World.model_validate(change_world(document))) as emulator,
    ):
        change_platform(emulator.emulator.platform)
        environment = service_environment(emulator.url, Path(folder), config or {}) | dict(variables or {})
        yield Sandbox(emulator.url, service, environment, Path(folder))


def service_environment(domain: str, folder: Path, config: Mapping[str, Any]) -> dict[str, str]:
    document = {
        "production_project": PRODUCTION,
        "benchmark_projects": [BENCHMARK],
        "stages": {"routing": {"name": "Routing"}, "scoring": [{"uuid": SCORING_STAGE, "pass_pathway": "Done"}]},
        **config,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ENCORD_")}
    return inherited | {
        "BENCHMARK_QA_CONFIG": json.dumps(document),
        "ENCORD_SSH_KEY": KEY.private,
        "ENCORD_DOMAIN": domain,
        "ROUTE_SECRET": ROUTE_SECRET,
        "SCORE_SECRET": SCORE_SECRET,
        "NOTIFICATION_SECRET": NOTIFICATION_SECRET,
        "TASK_SUBMITTED_SECRET": SUBMITTED_SECRET,
        "TASK_COMPLETED_SECRET": COMPLETED_SECRET,
        "SCORE_EDITOR_TOKEN": EDITOR_TOKEN,
        "DATABASE_URL": f"sqlite:///{folder / 'scores.sqlite'}",
        "TEST_LOG": str(folder / "service.log"),
    }
