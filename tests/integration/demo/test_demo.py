"""The demo as a user runs it: the whole story, crashes on the way, and Ctrl-C."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


def run_demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "demo", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "140"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def table(output: str) -> list[str]:
    """The lines of the table of annotators and the summary under it."""
    return [line for line in output.splitlines() if "@example.com" in line or "pooled" in line]


def children_of(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in listed.stdout.split()]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def undisturbed() -> subprocess.CompletedProcess[str]:
    return run_demo("--images", "6")


def test_every_task_of_a_simulated_crowd_ends_where_it_should(undisturbed: subprocess.CompletedProcess[str]) -> None:
    output = undisturbed.stdout
    assert undisturbed.returncode == 0, output + undisturbed.stderr
    assert "a crowd simulated from measured figures" in output
    assert re.search(r"Benchmark +│ Yes +│ Complete +│ +6 ", output), output
    assert re.search(r"Production +│ No +│ Complete +│ +6 ", output), output
    assert re.search(r"41 annotators, pooled: 42 tasks", output), output


def test_routing_costs_one_request_to_encord_per_task(undisturbed: subprocess.CompletedProcess[str]) -> None:
    assert re.search(r"12 tasks routed with 12 requests to Encord", undisturbed.stdout), undisturbed.stdout


def test_a_service_killed_twice_in_mid_run_ends_with_the_same_scores(
    undisturbed: subprocess.CompletedProcess[str],
) -> None:
    chaos = run_demo("--images", "6", "--chaos")
    assert chaos.returncode == 0, chaos.stdout + chaos.stderr
    assert "is killed while it routes" in chaos.stdout
    assert "is killed while it scores" in chaos.stdout
    assert table(chaos.stdout) == table(undisturbed.stdout)


def test_real_boxes_are_scored_as_the_reference_says(pedestrians: dict[str, Any], tmp_path: Path) -> None:
    # The image on whose account one pair lies exactly on the threshold, and some others.
    place = next(i for i, image in enumerate(pedestrians["images"]) if image["id"] == "102145")
    chosen = pedestrians["images"][max(0, place - 3) : place + 2]
    file = tmp_path / "some.json"
    file.write_text(json.dumps(pedestrians | {"images": chosen}))
    done = run_demo("--data", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"on {file}" in done.stdout


def test_bluebirds_give_the_reference_accuracies(bluebirds: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "bluebirds.json"
    file.write_text(json.dumps(bluebirds))
    done = run_demo("--data", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "39 annotators: mean accuracy 0.6356, majority vote 0.7593" in done.stdout


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_no_process_behind(end: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "demo", "--images", "40"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        try:
            deadline = time.monotonic() + 30
            while len(children := children_of(demo.pid)) < 2 and time.monotonic() < deadline:
                time.sleep(0.1)
            time.sleep(2)
            assert len(children) == 2
            demo.send_signal(end)
            _, errors = demo.communicate(timeout=30)
        finally:
            demo.kill()
    assert demo.returncode == 130, errors
    assert "nothing is left running" in errors
    assert not any(is_running(child) for child in children)


def test_a_labels_file_that_cannot_be_used_is_refused_before_anything_starts(tmp_path: Path) -> None:
    file = tmp_path / "labels.json"
    file.write_text('{"class": "car", "images": [{"id": "a"}]}')
    done = run_demo("--data", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{file}: images[0]: the key 'width' is missing\n"


@pytest.mark.parametrize("images", ["0", "-1", "many"])
def test_a_number_of_images_that_is_none_is_refused(images: str) -> None:
    done = run_demo("--images", images)
    assert done.returncode == 2
    assert "a whole number above 0, or 'all'" in done.stderr
