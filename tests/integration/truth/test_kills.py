"""`truth import` is killed with work under way, again and again, and resumed: every truth is there once."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.truth.coco_files import coco_of, written
from tests.integration.truth.conftest import Bench, Open
from tests.integration.truth.test_import import boxes_of


def killed_at(bench: Bench, done: int, *arguments: str) -> None:
    """Runs the command in a process of its own until so many tasks are complete, and kills it."""
    command = [sys.executable, "-m", "benchmark_qa", *arguments]
    environment = dict(bench.sandbox.environment)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while bench.stages()["Complete"] < done and process.poll() is None:
            time.sleep(0.01)
        assert process.poll() is None, "it was done before it could be killed"
        process.kill()
        process.communicate()


def test_an_import_killed_three_times_is_there_once(opened: Open, pedestrians: dict[str, Any], tmp_path: Path) -> None:
    images = pedestrians["images"]
    source = written(tmp_path / "truth.json", coco_of(images))
    command = ("truth", "import", str(source), "--complete", "--unannotated", "empty")
    with opened() as bench:
        # Every bundle takes its time, so that the kill comes between labels that are made, saved and moved.
        bench.sandbox.break_platform("latency", seconds=0.2, operation="legacy labelrow.POST", times=1_000)
        bench.sandbox.break_platform("latency", seconds=0.2, operation="legacy labelworkflowgraphnode.POST", times=99)
        for done in (1, 150, 250):
            killed_at(bench, done, *command)
        bench.sandbox.mend_platform()
        assert 250 <= bench.stages()["Complete"] < 469
        last = bench.run(*command)
        assert last.exit_code == 0, last.output
        assert bench.stages() == {"Annotate": 0, "Review": 0, "Complete": 469}
        rows = bench.rows()
        for image in images:
            expected = sorted([float(number) for number in box] for box in image["ground_truth"])
            assert boxes_of(rows[f"{image['id']}.jpg"]) == [pytest.approx(box, abs=1e-6) for box in expected]
        bench.sandbox.forget_requests()
        assert bench.run(*command).exit_code == 0
        assert bench.writes() == 0
