"""The demo as a user runs it: the whole story, crashes on the way, and Ctrl-C."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import astuple
from io import StringIO
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import requests
from rich.console import Console

from demo.chaos import StoryWithCrashes
from demo.crowd import Crowd
from demo.labels import LabelSet
from demo.labels_file import read_labels_file
from demo.outcome import Outcome
from demo.run import Story
from demo.sandbox import Sandbox

ROOT = Path(__file__).parents[3]

HOSTILE_ENVIRONMENT = {
    "ENCORD_SSH_KEY": "the user's own key",
    "ENCORD_DOMAIN": "https://encord.invalid",
    "DATABASE_URL": "postgresql://scores.invalid/scores",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "PORT": "1",
}
"""What a user may have set for their own work: none of it may reach the demo."""


def run_demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "demo", *arguments],
        cwd=ROOT,
        env={**os.environ, **HOSTILE_ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def play(story: type[Story], labels: LabelSet, directory: Path, *, auto_retries: int) -> Outcome:
    with Sandbox(labels, directory, auto_retries=auto_retries) as sandbox:
        story(sandbox, Console(file=StringIO())).tell()
        return Outcome.read(sandbox)


def end_state(outcome: Outcome) -> tuple[object, ...]:
    """Where every task is and how it came there, and every score record, in an order of our own."""
    tasks = sorted(astuple(task) for task in (*outcome.benchmark_tasks, *outcome.production_tasks))
    scores = sorted((task["data_hash"], task["annotator"], task) for task in outcome.report["tasks"])
    figures = sorted((line["annotator"], _rounded(line)) for line in outcome.report["annotators"])
    return tasks, [(*key, _figures_of(task)) for *key, task in scores], figures


def _rounded(value: Any) -> Any:
    """Figures of an annotator that do not depend on the order of work: people submit side by side in both runs.

    Sums that are kept per annotator depend on that order in their last bits.
    """
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items() if key not in ("evidence", "beside_others")}
    return round(value, 9) if isinstance(value, float) else value


def _figures_of(task: dict[str, Any]) -> dict[str, Any]:
    """A task's figures; branch names hold a random part, links a port, and the clock goes on."""
    return {key: value for key, value in task.items() if key not in ("branch", "link", "scored_at", "submitted_at")}


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
    assert re.search(r"Benchmark +Yes +Complete +6 ", output), output
    assert re.search(r"Production +No +Complete +6 ", output), output
    assert re.search(r"41 annotators, pooled: 42 tasks", output), output


def test_routing_costs_one_request_to_encord_per_task(undisturbed: subprocess.CompletedProcess[str]) -> None:
    assert re.search(r"12 tasks routed with 12 requests to Encord", undisturbed.stdout), undisturbed.stdout


def test_a_service_killed_twice_in_mid_run_ends_with_the_same_tasks_and_scores(tmp_path: Path) -> None:
    labels = Crowd.measured().label_images(10)
    ends = []
    for name, story, retries in (("calm", Story, 3), ("chaos", StoryWithCrashes, 0)):
        (tmp_path / name).mkdir()
        outcome = play(story, labels, tmp_path / name, auto_retries=retries)
        assert outcome.problems == []
        ends.append(end_state(outcome))
    assert ends[0] == ends[1]


def test_a_box_exactly_on_the_threshold_matches_on_its_way_through_the_sdk(
    pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "one.json"
    (image,) = (image for image in pedestrians["images"] if image["id"] == "102145")
    file.write_text(json.dumps(pedestrians | {"images": [image]}))
    outcome = play(Story, read_labels_file(file), tmp_path, auto_retries=3)
    assert outcome.problems == []
    (line,) = (one for one in outcome.report["annotators"] if one["annotator"] == "annotator-24@example.com")
    assert (line["true_positives"], line["false_positives"], line["false_negatives"]) == (1, 0, 0)
    assert line["mean_similarity"]["estimate"] == pytest.approx(0.5)


def test_bluebirds_give_the_reference_accuracies(bluebirds: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "bluebirds.json"
    file.write_text(json.dumps(bluebirds))
    done = run_demo("--data", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "39 annotators: mean accuracy 0.6356, majority vote 0.7593" in done.stdout


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_pressed_twice_leaves_no_process_behind(end: signal.Signals) -> None:
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
            time.sleep(0.1)
            demo.send_signal(end)
            _, errors = demo.communicate(timeout=30)
        finally:
            demo.kill()
    assert demo.returncode == 130, errors
    assert "nothing is left running" in errors
    assert not any(is_running(child) for child in children)


def test_both_servers_stay_for_exploring_until_ctrl_c() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "demo", "--images", "2", "--keep"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        try:
            lines = list(takewhile(lambda line: "another terminal" not in line, demo.stdout))
            urls = [line.split()[-1] for line in lines if "http://127.0.0.1" in line]
            assert [requests.get(url, timeout=10).status_code for url in urls] == [200, 200]
            demo.send_signal(signal.SIGINT)
            demo.communicate(timeout=30)
        finally:
            demo.kill()
    assert demo.returncode == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(urls[0], timeout=10)


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
