"""An empty emulator with one user and one cloud integration, and the command line run against it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from click.testing import Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from encord import EncordUserClient
from encord.storage import StorageFolder
from typer.testing import CliRunner

from benchmark_qa.cli import app
from emulator.testing import Running, running
from emulator.world import World

OPERATOR = "ops@example.com"
INTEGRATION = "The bucket"


@dataclass(frozen=True)
class Site:
    """A running emulator, the SDK's client of its operator, and the operator's command line."""

    running: Running
    client: EncordUserClient
    private_key: str = field(repr=False)

    def folder(self, title: str) -> StorageFolder:
        (found,) = [folder for folder in self.client.find_storage_folders(search=title) if folder.name == title]
        return found

    @property
    def environment(self) -> dict[str, str]:
        return {"ENCORD_SSH_KEY": self.private_key, "ENCORD_DOMAIN": self.running.url}

    def start(self, *arguments: Any) -> subprocess.Popen[str]:
        """A process of its own, to be killed."""
        command = [sys.executable, "-m", "benchmark_qa", *map(str, arguments)]
        environment = {**os.environ, **self.environment}
        return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *arguments: Any) -> Result:
        """In this process: interpreters take their time to start."""
        return CliRunner().invoke(app, [str(argument) for argument in arguments], env=self.environment)


@contextmanager
def open_site(content: Mapping[str, Any]) -> Iterator[Site]:
    """An emulator with this content of a world file and one user, the operator."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    world = World.model_validate({"users": [{"email": OPERATOR, "public_keys": [public]}], **content})
    with running(world) as served:
        yield Site(served, EncordUserClient.create_with_ssh_private_key(private, domain=served.url), private)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    integrations = [{"title": INTEGRATION}, {"title": "Half", "objects": ["s3://half/there.png"]}]
    with open_site({"integrations": integrations}) as opened:
        yield opened
