"""Emulator and service side by side: their files, their ports, and how to talk to each."""

import json
import secrets
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from demo.control import ControlInterface
from demo.labels import LabelSet
from demo.processes import ServerProcess, free_ports, own_environment
from demo.world import (
    BENCHMARK_PATHWAY,
    COMPLETE,
    PRODUCTION_PATHWAY,
    ROUTE,
    SCORE,
    AgentEndpoint,
    DemoWorld,
)

MODES = {
    "server": ["benchmark_qa", "serve"],
    "container": ["benchmark_qa", "container"],
    "lambda": ["demo.function_url"],
}
"""What runs the service: the server by itself, the image's entry point, or Lambda's runtime emulator"""


class CommandFailedError(Exception):
    """A command of the service that ended with an error: says which, and what it wrote."""


class Sandbox:
    """Both servers, running between `with` and the end of its block, in a directory that may then be deleted."""

    def __init__(
        self,
        labels: LabelSet,
        directory: Path,
        *,
        auto_retries: int,
        mode: str = "server",
        world: type[DemoWorld] = DemoWorld,
    ) -> None:
        emulator_port, service_port = free_ports(2)
        self.emulator_url = f"http://127.0.0.1:{emulator_port}"
        self.service_url = f"http://127.0.0.1:{service_port}"
        self.world = world(labels, self._endpoint("route"), self._endpoint("score"))
        self.control = ControlInterface(self.emulator_url)
        self.service_environment = self._environment_of_service(directory)
        world_file = _write_json(directory / "world.json", self.world.world_file(auto_retries=auto_retries))
        self.emulator = ServerProcess(
            "the emulator",
            ["emulator", "serve", "--port", str(emulator_port), "--world", str(world_file)],
            url=self.emulator_url,
            ready_path="/_emulator/state",
            log=directory / "emulator.log",
            environment={},
        )
        self.service = ServerProcess(
            "the service",
            MODES[mode],
            url=self.service_url,
            ready_path="/healthz",
            log=directory / "service.log",
            environment={**self.service_environment, "PORT": str(service_port), "DURABLE_DIRECTORY": str(directory)},
        )

    def __enter__(self) -> Self:
        try:
            self.emulator.start()
            self.service.start()
            self.emulator.wait_until_ready()
            self.service.wait_until_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def benchmark_qa(self, *arguments: str) -> str:
        """What one of the service's own commands prints, run as an operator would run it."""
        done = subprocess.run(
            [sys.executable, "-m", "benchmark_qa", *arguments],
            env=own_environment(self.service_environment),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            wrote = (done.stderr or done.stdout).strip()
            raise CommandFailedError(f"benchmark-qa {' '.join(arguments)}: exit code {done.returncode}: {wrote}")
        return done.stdout

    def _stop(self) -> None:
        """Stop both, the second one even if Ctrl-C is pressed while the first one ends."""
        try:
            self.service.stop()
        finally:
            self.emulator.stop()

    def _endpoint(self, name: str) -> AgentEndpoint:
        return AgentEndpoint(f"{self.service_url}/agents/{name}", secrets.token_hex(16))

    def _environment_of_service(self, directory: Path) -> dict[str, str]:
        key = directory / "service-key"
        key.touch(mode=0o600)
        key.write_text(self.world.service.private_key)
        return {
            "BENCHMARK_QA_CONFIG": str(_write_json(directory / "service.json", self._service_configuration())),
            "DATABASE_URL": f"sqlite:///{directory / 'scores.sqlite'}",
            "ENCORD_DOMAIN": self.emulator_url,
            "ENCORD_SSH_KEY_FILE": str(key),
            "ROUTE_SECRET": self.world.route.secret,
            "SCORE_SECRET": self.world.score.secret,
        }

    def _service_configuration(self) -> dict[str, Any]:
        pathways = {"benchmark_pathway": BENCHMARK_PATHWAY, "production_pathway": PRODUCTION_PATHWAY}
        return {
            "production_project": self.world.production_project,
            "benchmark_projects": [self.world.benchmark_project],
            "stages": {
                "routing": {"name": ROUTE, **pathways},
                "scoring": [{"name": SCORE, "pass_pathway": COMPLETE}],
            },
            "verdict": {"threshold": 0.7, "minimum_tasks": 5},
        }


def _write_json(path: Path, content: dict[str, Any]) -> Path:
    path.write_text(json.dumps(content))
    return path
