"""`benchmark-qa status` on the emulator: counted by stage, the oldest named, the next command given and true."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.service.sandbox import PRODUCTION, Sandbox, Unit, sandbox


@pytest.fixture
def waiting(pedestrians: dict[str, Any]) -> Iterator[Sandbox]:
    images = pedestrians["images"]
    units = [
        Unit(images[0], stage="Score"),
        Unit(images[1], stage="Consensus", submitted=False),
        Unit(images[2], truth_stage="Annotate", stage="Consensus", submitted=False),
    ]
    with sandbox(units, variables={"METRICS_TOKEN": "metrics-token-of-the-test-0123456789"}) as both:
        yield both


def looked(both: Sandbox) -> Any:
    done = both.command("status", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_status_leads_from_missed_calls_to_the_report(waiting: Sandbox, pedestrians: dict[str, Any]) -> None:
    scored = Unit(pedestrians["images"][0]).data_hash
    found = looked(waiting)
    production, benchmark = found["projects"]
    assert production["project_hash"] == PRODUCTION
    assert {stage["title"]: stage["tasks"] for stage in production["stages"]} == waiting.stages()
    of = {stage["title"]: stage for stage in production["stages"]}
    assert of["Routing"]["waits_for"] == "the routing agent"
    assert "annotators have submitted" in of["Consensus"]["waits_for"]
    assert of["Complete"]["unchanged_since"] is None
    assert {stage["title"]: stage["tasks"] for stage in benchmark["stages"]} == {
        "Annotate": 1, "Review": 0, "Complete": 2,
    }  # fmt: skip
    assert found["scores"] == {
        "recorded": 0, "data_units": 0, "owed": 1, "truth_missing": 1, "waiting_for_truth": 0,
    }  # fmt: skip

    assert waiting.command("evaluate").returncode == 0
    after = looked(waiting)
    assert (after["scores"]["owed"], after["scores"]["data_units"]) == (0, 1)
    assert found["recent"] == []
    assert {each["data_hash"] for each in after["recent"]} == {scored}
    assert after["next"]["command"] == "benchmark-qa report"

    assert after["calls"] is None
    signed, forged = waiting.route(scored), waiting.send("/agents/route", b"{}", {})
    asked = waiting.command("status", "--json", "--url", waiting.service)
    calls = json.loads(asked.stdout)["calls"]
    assert [(call["endpoint"], call["status"]) for call in calls[-2:]] == [
        ("/agents/route", signed.status_code), ("/agents/route", forged.status_code),
    ]  # fmt: skip
    assert "HTTP 401" in waiting.command("status", "--url", waiting.service).stdout
    assert "doctor --url" in waiting.command("status", "--url", "http://127.0.0.1:9").stdout

    done = waiting.command("status")
    assert "last scored: under 1 min ago" in done.stdout
    assert done.returncode == 0, done.stderr
    assert "next: benchmark-qa report" in done.stdout
    assert f"production project 'Production' {PRODUCTION}" in done.stdout


def test_watch_looks_again_until_it_is_interrupted(waiting: Sandbox) -> None:
    command = [sys.executable, "-m", "benchmark_qa", "status", "--watch", "--every", "1", "--json"]
    environment = {**os.environ, **waiting.environment}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        looks = [json.loads(watching.stdout.readline()) for _ in range(2)]
        watching.send_signal(signal.SIGINT)
        assert watching.wait(30) == 0
    assert looks[0]["at"] < looks[1]["at"]
    assert looks[0]["projects"] == looks[1]["projects"]
