"""Worlds and clients for the tests of the emulator."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from encord import EncordUserClient, Project
from encord.http import querier
from encord.http.v2 import api_client
from encord_agents.core.webhooks import verify_signature

from emulator.testing import Running, running
from emulator.world import World

OPERATOR = "ops@example.com"
REVIEWER = "rita@example.com"
ANNOTATORS = tuple(f"annotator-{n}@example.com" for n in range(1, 5))
VIEWER = "vera@example.com"
PEOPLE = (OPERATOR, REVIEWER, *ANNOTATORS, VIEWER)

BENCHMARK_DATA = tuple(f"b0000000-0000-4000-8000-{n:012d}" for n in range(3))
PRODUCTION_DATA = tuple(f"d0000000-0000-4000-8000-{n:012d}" for n in range(3))
BENCHMARK = "b1000000-0000-4000-8000-000000000000"
PRODUCTION = "d1000000-0000-4000-8000-000000000000"
PROJECT = "a1000000-0000-4000-8000-000000000000"

ONTOLOGY = {
    "objects": [
        {"id": "1", "name": "Pedestrian", "color": "#D33115", "shape": "bounding_box", "featureNodeHash": "ped00001"}
    ],
    "classifications": [],
}

CONSENSUS_WORKFLOW: dict[str, Any] = {
    "stages": [
        {
            "type": "agent",
            "title": "Routing",
            "pathways": [{"name": "Yes", "to": "Consensus"}, {"name": "No", "to": "Annotate"}],
        },
        {"type": "consensus_annotation", "title": "Consensus", "annotators": 2, "next": "Review & Refine"},
        {"type": "consensus_review", "title": "Review & Refine", "next": "Score", "reject": "Consensus"},
        {"type": "agent", "title": "Score", "pathways": [{"name": "Done", "to": "Complete"}]},
        {"type": "annotation", "title": "Annotate", "next": "Review"},
        {"type": "review", "title": "Review", "next": "Complete", "reject": "Annotate"},
        {"type": "complete", "title": "Complete"},
    ]
}


@dataclass(frozen=True)
class Key:
    """A key pair as texts."""

    private: str
    public: str

    @classmethod
    def generate(cls) -> "Key":
        key = Ed25519PrivateKey.generate()
        return cls(
            key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode(),
            key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
        )


KEYS = {email: Key.generate() for email in PEOPLE}


def make_world(**changes: Any) -> dict[str, Any]:
    """A world with everybody, two datasets and one project; `workflow` and other project keys may be given."""
    return {
        "switches": {"auto_retry_delay_seconds": 0.01, **changes.pop("switches", {})},
        "users": [{"email": email, "public_keys": [KEYS[email].public]} for email in PEOPLE],
        "ontologies": [{"title": "People", "editor": ONTOLOGY, "users": {OPERATOR: "admin"}}],
        "datasets": [
            {
                "hash": dataset_hash,
                "title": title,
                "users": {OPERATOR: "admin"},
                "data": [
                    {"hash": data_hash, "title": f"{title} {n}.png", "width": 64, "height": 48}
                    for n, data_hash in enumerate(hashes)
                ],
            }
            for dataset_hash, title, hashes in (
                (BENCHMARK, "Benchmark", BENCHMARK_DATA),
                (PRODUCTION, "Production", PRODUCTION_DATA),
            )
        ],
        "projects": [
            {
                "hash": PROJECT,
                "title": "Project",
                "ontology": "People",
                "datasets": ["Benchmark", "Production"],
                "users": {
                    OPERATOR: "admin",
                    REVIEWER: "reviewer",
                    VIEWER: "viewer",
                    **dict.fromkeys(ANNOTATORS, "annotator"),
                },
                "workflow": CONSENSUS_WORKFLOW,
                **changes,
            }
        ],
    }


@dataclass
class Site:
    """A running emulator with clients of the real SDK."""

    running: Running
    clients: dict[str, EncordUserClient] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.running.url

    def client(self, email: str = OPERATOR) -> EncordUserClient:
        if email not in self.clients:
            self.clients[email] = EncordUserClient.create_with_ssh_private_key(KEYS[email].private, domain=self.url)
        return self.clients[email]

    def project(self, email: str = OPERATOR, project_hash: str = PROJECT) -> Project:
        return self.client(email).get_project(project_hash)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        response = requests.request(method, f"{self.url}/_emulator/{path}", json=body, timeout=30)
        assert response.ok, response.text
        return response.json() if response.content else None

    def settle(self) -> None:
        assert self.control("GET", "idle?timeout=20") == {"idle": True}

    def where(self, project_hash: str = PROJECT) -> dict[str, str]:
        """The title of the stage of every data unit."""
        tasks = self.control("GET", f"projects/{project_hash}/tasks")["tasks"]
        return {task["data_hash"]: task["stage"]["title"] for task in tasks}


Start = Callable[..., Site]


_OWN_SESSIONS = {module: module.create_new_session for module in (querier, api_client)}


@pytest.fixture(autouse=True)
def sdk_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that other tests have run in this process leave the SDK with the service's pooled connections."""
    for module, factory in _OWN_SESSIONS.items():
        monkeypatch.setattr(module, "create_new_session", factory)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts emulators of worlds as `make_world` makes them; all of them end with the test."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def begin(world: dict[str, Any] | None = None, **changes: Any) -> Site:
            spec = make_world(**changes) if world is None else world
            return Site(stack.enter_context(running(World.parse(json.dumps(spec)))))

        yield begin


@dataclass(frozen=True)
class Received:
    """A request that a receiver got."""

    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def verify(self, secret: str) -> None:
        """Checks the signature as a customer does, with the library."""
        signature, timestamp = self.headers.get("X-Encord-Signature"), self.headers["X-Encord-Timestamp"]
        verify_signature(self.body, signature=signature, timestamp=timestamp, secret=secret)


@dataclass
class Receiver:
    """A real HTTP server of the customer's; `answers` are taken in turn, the last one again and again."""

    url: str
    answers: list[tuple[int, Any]]
    received: list[Received] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def next_answer(self) -> tuple[int, Any]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that keeps what it is sent."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                found.received.append(Received(self.path, dict(self.headers.items()), body))
                status, answer = found.next_answer()
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Receiver(f"http://127.0.0.1:{server.server_port}", [(200, {})])
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()
