"""An emulator with people and two workflow templates and nothing else, and the command line run against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import Result
from encord import EncordUserClient, Project
from typer.testing import CliRunner

from benchmark_qa.cli import app
from emulator.testing import Running, running
from emulator.world import World
from tests.integration.service.sandbox import Key

OPERATOR = "ops@example.com"
EXPERT = "expert@example.com"
ANNOTATORS = ("anna@example.com", "ben@example.com", "cleo@example.com")
REVIEWER = "rita@example.com"
KEYS = {email: Key.create() for email in (OPERATOR, EXPERT, *ANNOTATORS, REVIEWER)}
INTEGRATION = "The bucket"
HALF = "The bucket with one object"
TRUTH_TEMPLATE = "10000000-0000-4000-8000-000000000001"
PRODUCTION_TEMPLATE = "10000000-0000-4000-8000-000000000002"
LAME_TEMPLATE = "10000000-0000-4000-8000-000000000003"

ANNOTATE = [
    {"type": "annotation", "title": "Annotate", "next": "Review"},
    {"type": "review", "title": "Review", "next": "Complete", "reject": "Annotate"},
    {"type": "complete", "title": "Complete"},
]


def production_stages(*, benchmark: str = "Consensus", people: int = len(ANNOTATORS)) -> list[dict[str, Any]]:
    return [
        {
            "type": "agent",
            "title": "Route",
            "pathways": [{"name": "Yes", "to": benchmark}, {"name": "No", "to": "Annotate"}],
        },
        {"type": "consensus_annotation", "title": "Consensus", "annotators": people, "next": "Review & Refine"},
        {"type": "consensus_review", "title": "Review & Refine", "next": "Score", "reject": "Consensus"},
        {"type": "agent", "title": "Score", "pathways": [{"name": "Complete", "to": "Complete"}]},
        *ANNOTATE,
    ]


def empty_world() -> World:
    return World.model_validate(
        {
            "switches": {"auto_retries": 0},
            "users": [{"email": email, "public_keys": [key.public]} for email, key in KEYS.items()],
            "integrations": [{"title": INTEGRATION}, {"title": HALF, "objects": ["s3://bucket/0.png"]}],
            "workflow_templates": [
                {"uuid": TRUTH_TEMPLATE, "title": "Truth", "stages": ANNOTATE},
                {"uuid": PRODUCTION_TEMPLATE, "title": "Benchmark QA", "stages": production_stages()},
                {
                    "uuid": LAME_TEMPLATE,
                    "title": "Not fit",
                    "stages": [*production_stages(benchmark="Annotate")[:1], *ANNOTATE],
                },
            ],
        }
    )


@dataclass(frozen=True)
class Site:
    """A running emulator, and the operator's command line."""

    running: Running
    clients: dict[str, EncordUserClient] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {"ENCORD_SSH_KEY": KEYS[OPERATOR].private, "ENCORD_DOMAIN": self.running.url}

    def client(self, email: str = OPERATOR) -> EncordUserClient:
        if email not in self.clients:
            self.clients[email] = EncordUserClient.create_with_ssh_private_key(
                KEYS[email].private, domain=self.running.url
            )
        return self.clients[email]

    def project(self, title: str, email: str = OPERATOR) -> Project:
        (found,) = self.client().list_projects(title_eq=title)
        return self.client(email).get_project(found.project_hash)

    def run(self, *arguments: Any, **environment: str) -> Result:
        """In this process: interpreters take their time to start."""
        return CliRunner().invoke(app, [str(a) for a in arguments], env={**self.environment, **environment})

    def start(self, *arguments: Any) -> subprocess.Popen[str]:
        """A process of its own, to be killed."""
        command = [sys.executable, "-m", "benchmark_qa", *map(str, arguments)]
        environment = {**os.environ, **self.environment}
        return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def plan(self, file: Path) -> dict[str, list[dict[str, str]]]:
        """The changes of a plan by kind, without those that are none."""
        shown = self.run("setup", "plan", file, "--json")
        found: dict[str, list[dict[str, str]]] = {}
        for change in json.loads(shown.stdout)["changes"]:
            if change["kind"] != "unchanged":
                found.setdefault(change["kind"], []).append(change)
        return found

    def control(self, method: str, path: str, **arguments: Any) -> Any:
        answer = requests.request(method, f"{self.running.url}/_emulator/{path}", timeout=60, **arguments)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def writes(self) -> list[str]:
        """Operations since the last reset that may have changed something."""
        operations = [entry["operation"] for entry in self.control("GET", "requests")["counts"]]
        return [o for o in operations if not o.startswith("GET ") and not o.endswith(".GET")]

    def forget_requests(self) -> None:
        self.control("DELETE", "requests")


@pytest.fixture
def site() -> Iterator[Site]:
    with running(empty_world()) as served:
        yield Site(served)
