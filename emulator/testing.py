"""An emulator for tests, on a free port, in a thread of the test's process.

The fixtures are those of `emulator.pytest_plugin`: `pytest_plugins = ["emulator.pytest_plugin"]`.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from encord import EncordUserClient, Project

from emulator.emulator import Emulator
from emulator.keys import KeyPair
from emulator.projects.world import ProjectRole
from emulator.server import listen, make_server, url_of
from emulator.spec import new_uuid
from emulator.tls import Certificate
from emulator.world import World

START_SECONDS = 10
OWNER = "owner@example.com"

BOXES_AND_A_QUESTION: dict[str, Any] = {
    "objects": [
        {"id": "1", "name": "Thing", "color": "#D33115", "shape": "bounding_box", "featureNodeHash": "thing001"}
    ],
    "classifications": [
        {
            "id": "2",
            "featureNodeHash": "clear001",
            "attributes": [
                {
                    "id": "2.1",
                    "name": "Clear",
                    "type": "radio",
                    "required": False,
                    "featureNodeHash": "clear002",
                    "options": [
                        {"id": "2.1.1", "label": "Yes", "value": "yes", "featureNodeHash": "clear003"},
                        {"id": "2.1.2", "label": "No", "value": "no", "featureNodeHash": "clear004"},
                    ],
                }
            ],
        }
    ],
}


@dataclass(frozen=True, slots=True)
class Running:
    """An emulator that serves; `url` is what the SDK calls its domain."""

    url: str
    emulator: Emulator


@contextmanager
def running(world: World | None = None, certificate: Certificate | None = None) -> Iterator[Running]:
    """Serves a world until the block ends."""
    emulator = Emulator(world or World())
    listening = listen("127.0.0.1", 0)
    server = make_server(emulator, certificate)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="emulator", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        while not server.started:
            if time.monotonic() > deadline or not thread.is_alive():
                raise RuntimeError("the emulator did not start")
            time.sleep(0.005)
        yield Running(url_of(listening, certificate), emulator)
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        listening.close()


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A whole project in a running emulator; `private_keys` are OpenSSH texts by e-mail."""

    url: str
    emulator: Emulator
    project_hash: str
    data_hashes: list[str]
    private_keys: Mapping[str, str]

    def client(self, email: str = OWNER) -> EncordUserClient:
        """The SDK's client of one of the people."""
        return EncordUserClient.create_with_ssh_private_key(self.private_keys[email], domain=self.url)

    def project(self, email: str = OWNER) -> Project:
        """The project, as one of the people sees it."""
        return self.client(email).get_project(self.project_hash)


@contextmanager
def sandbox(
    *,
    images: int = 3,
    workflow: dict[str, Any] | None = None,
    ontology: dict[str, Any] | None = None,
    people: Mapping[str, ProjectRole] | None = None,
) -> Iterator[Sandbox]:
    """Serves one project of so many images, with its owner and the people named.

    `workflow` and `ontology` are those of a world file; Annotate -> Review -> Complete, and boxes with one yes/no
    question, when left out.
    """
    roles: dict[str, ProjectRole] = {OWNER: "admin", **(people or {})}
    keys = {email: KeyPair.generate() for email in roles}
    data_hashes = [new_uuid() for _ in range(images)]
    project_hash = new_uuid()
    world = World.model_validate(
        {
            "users": [{"email": email, "public_keys": [key.public]} for email, key in keys.items()],
            "ontologies": [{"title": "Sandbox", "editor": ontology or BOXES_AND_A_QUESTION}],
            "datasets": [
                {
                    "title": "Sandbox",
                    "data": [
                        {"hash": data_hash, "title": f"image {n}.png", "width": 64, "height": 48}
                        for n, data_hash in enumerate(data_hashes)
                    ],
                }
            ],
            "projects": [
                {
                    "hash": project_hash,
                    "title": "Sandbox",
                    "ontology": "Sandbox",
                    "datasets": ["Sandbox"],
                    "users": roles,
                    "workflow": workflow,
                }
            ],
        }
    )
    with running(world) as served:
        private = {email: key.private for email, key in keys.items()}
        yield Sandbox(served.url, served.emulator, project_hash, data_hashes, private)
