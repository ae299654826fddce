"""From the start of a process to its first signed decision, against a bare FastAPI app that answers a constant.

Both processes are started by the same Python, turn by turn, against an emulator without latency or TLS. The bare app
imports `encord_agents.core`, as any agent must; what we add is our own start: settings, key, database, projects.
Processor time is shown beside the clock's, which a busy machine stretches.
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
from typing import NamedTuple

from benchmarks._limits import limit
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
    ours = [sys.executable, "-m", "benchmark_qa", "serve", "--port"]
    with running(world([unit], "http://127.0.0.1:9")) as platform, tempfile.TemporaryDirectory() as folder:
        environment = service_environment(platform.url, Path(folder), {})
        # Bytecode is there, as in the image and in the zip.
        environment |= {"PYTHONPYCACHEPREFIX": f"{folder}/bytecode"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        taken: dict[str, list[Taken]] = {"bare": [], "ours": []}
        for turn in range(STARTS + 1):
            for name, command in (("bare", bare), ("ours", ours)):
                start = _first_decision(command, environment, body)
                if turn:  # the first makes bytecode and fills the disk's cache
                    taken[name].append(start)
    _print(taken)


class Taken(NamedTuple):
    """What one start has taken, in seconds."""

    clock: float
    processor: float


def _first_decision(command: Sequence[str], environment: Mapping[str, str], body: bytes) -> Taken:
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
        taken = Taken(time.perf_counter() - started, _processor_seconds(process.pid))
        if decision != {"decision": "Yes"}:
            raise RuntimeError(f"a wrong answer: {decision}")
        return taken
    finally:
        process.terminate()
        process.wait(15)


def _processor_seconds(pid: int) -> float:
    """User and system time of a process so far, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _print(taken: Mapping[str, Sequence[Taken]]) -> None:
    print(f"cold start, {STARTS} interleaved starts: process start to first signed decision, medians in seconds")
    print("         clock   (fastest, slowest)   processor")
    medians = {}
    for name, starts in taken.items():
        clock, processor = [s.clock for s in starts], [s.processor for s in starts]
        medians[name] = statistics.median(clock), statistics.median(processor)
        print(
            f"  {name}  {medians[name][0]:6.3f}   ({min(clock):6.3f}, {max(clock):6.3f})      {medians[name][1]:6.3f}"
        )
    clock, processor = (ours / bare for ours, bare in zip(medians["ours"], medians["bare"], strict=True))
    print(f"  ratio {clock:6.3f}   (at most {limit('cold_start.clock_ratio')})         {processor:6.3f}")


if __name__ == "__main__":
    main()
