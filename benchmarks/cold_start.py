"""From the start of a process to its first signed decision, against a bare FastAPI app that answers a constant.

Both processes are started by the same Python, turn by turn, against an emulator without latency or TLS. The bare app
imports `encord_agents.core`, as any agent must; what we add is our own start: settings, key, database, projects.
"""

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

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

STARTS = int(os.environ.get("STARTS", "20"))
BARE = """
import sys
import encord_agents.core.data_model
import encord_agents.core.utils
import uvicorn
from fastapi import FastAPI

app = FastAPI()

@app.post("/agents/route")
def route() -> dict[str, str]:
    return {"decision": "Yes"}

uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_config=None, access_log=False)
"""
IMAGE = {"id": 1, "width": 640, "height": 480, "ground_truth": [[1, 1, 20, 40]], "annotations": {"a@example.com": []}}


def main() -> None:
    """Print the medians and their ratio."""
    unit = Unit(IMAGE)
    body = json.dumps({"projectHash": PRODUCTION, "dataHash": unit.data_hash, "frame": 0}).encode()
    bare = [sys.executable, "-c", BARE]
    ours = [sys.executable, "-m", "agents.cli", "serve", "--port"]
    with running(world([unit], "http://127.0.0.1:9")) as platform, tempfile.TemporaryDirectory() as folder:
        environment = service_environment(platform.url, Path(folder), {})
        # Bytecode is there, as in the image and in the zip.
        environment |= {"PYTHONPYCACHEPREFIX": f"{folder}/bytecode"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        seconds: dict[str, list[float]] = {"bare": [], "ours": []}
        for turn in range(STARTS + 1):
            for name, command in (("bare", bare), ("ours", ours)):
                taken = _first_decision(command, environment, body)
                if turn:  # the first makes bytecode and fills the disk's cache
                    seconds[name].append(taken)
    _print(seconds)


def _first_decision(command: Sequence[str], environment: Mapping[str, str], body: bytes) -> float:
    port = free_port()
    started = time.perf_counter()
    process = subprocess.Popen(
        [*command, str(port)], env=dict(environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            try:
                connection.request("POST", "/agents/route", body, signed(body, ROUTE_SECRET))
                answer = connection.getresponse()
                decision = json.loads(answer.read())
                break
            except ConnectionRefusedError:
                if process.poll() is not None or time.perf_counter() - started > 60:
                    raise RuntimeError(f"did not start: {command}") from None
                time.sleep(0.002)
            finally:
                connection.close()
        taken = time.perf_counter() - started
        if decision != {"decision": "Yes"}:
            raise RuntimeError(f"a wrong answer: {decision}")
        return taken
    finally:
        process.terminate()
        process.wait(15)


def _print(seconds: Mapping[str, Sequence[float]]) -> None:
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"cold start, {STARTS} interleaved starts: process start to first signed decision, median")
    for name, values in seconds.items():
        print(f"  {name:5} {medians[name]:6.3f} s   (fastest {min(values):.3f}, slowest {max(values):.3f})")
    print(f"  ratio {medians['ours'] / medians['bare']:6.3f}   (at most 1.15)")


if __name__ == "__main__":
    main()
