"""What a new instance loads before its first decision: what routing needs, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from emulator.testing import running
from tests.integration.service.sandbox import (
    PRODUCTION,
    ROUTE_SECRET,
    Unit,
    free_port,
    service_environment,
    signed,
    world,
)

NOT_NEEDED = (
    "alembic", "boto3", "botocore", "google.cloud", "jinja2", "lap", "matplotlib", "pandas", "psycopg", "pyarrow",
    "rapidfuzz", "scipy", "shapely", "sqlalchemy", "typer",
    "benchmark_qa.cli", "benchmark_qa.commands", "benchmark_qa.engine.task", "benchmark_qa.labels.reader",
    "benchmark_qa.quality", "benchmark_qa.records", "benchmark_qa.report", "benchmark_qa.store",
    "benchmark_qa.terminal",
)  # fmt: skip
"""NumPy and Rich are not among them: the SDK imports both itself"""
PROGRAM = """
import json, sys, threading, time, urllib.request
import uvicorn
from benchmark_qa.service.app import create_app
from benchmark_qa.config.settings import load_settings

port, body, headers = json.loads(sys.stdin.read())
server = uvicorn.Server(uvicorn.Config(create_app(load_settings(endpoints=True)), port=port, log_config=None))
threading.Thread(target=server.run, daemon=True).start()
while not server.started:
    time.sleep(0.01)
request = urllib.request.Request(f"http://127.0.0.1:{port}/agents/route", body.encode(), headers)
decision = json.loads(urllib.request.urlopen(request).read())
print(json.dumps([decision, sorted(sys.modules)]))
server.should_exit = True
"""


def test_the_first_decision_loads_neither_the_database_nor_scoring_nor_the_command_line(
    pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    unit = Unit(pedestrians["images"][0])
    body = json.dumps({"projectHash": PRODUCTION, "dataHash": unit.data_hash, "frame": 0})
    order = json.dumps([free_port(), body, signed(body.encode(), ROUTE_SECRET)])
    with running(world([unit], "http://127.0.0.1:9")) as platform:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=service_environment(platform.url, tmp_path, {}),
            input=order, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    decision, modules = json.loads(done.stdout)
    assert decision == {"decision": "Yes"}
    assert {"encord", "fastapi", "benchmark_qa.service.service"} <= set(modules)
    assert [name for name in NOT_NEEDED if name in modules] == []
