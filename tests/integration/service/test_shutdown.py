"""SIGTERM: the service takes no more work, finishes or hands back what runs, and is gone within ten seconds."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.service.sandbox import (
    ROUTING_STAGE,
    SCORING_STAGE,
    Sandbox,
    Unit,
    branches_of,
    platform,
)

SECONDS = 10.0
FOREVER = 1_000_000


@pytest.fixture(scope="module")
def images(pedestrians: dict[str, Any]) -> list[dict[str, Any]]:
    return [image for image in pedestrians["images"] if image["ground_truth"]]


def terminate(process: subprocess.Popen[bytes]) -> float:
    """Seconds from SIGTERM to the end."""
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    return time.monotonic() - began


def in_background(call: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Begins the call; what it answers or raises is put into the list."""
    answers: list[Any] = []

    def run() -> None:
        try:
            answers.append(call())
        except requests.RequestException as error:
            answers.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, answers


def until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)
    return found


def children_of(process_id: int) -> list[int]:
    """Processes below this one, at any depth."""
    threads = Path(f"/proc/{process_id}/task").iterdir()
    direct = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    return [*direct, *(below for child in direct for below in children_of(child))]


def is_running(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_call_under_way_is_answered_and_new_ones_are_not_taken(images: list[Any]) -> None:
    unit = Unit(images[0])
    with platform([unit]) as both, both.serving() as process:
        both.route(unit.data_hash)
        both.forget_requests()
        both.break_platform("latency", seconds=3, times=FOREVER)
        thread, answers = in_background(lambda: both.route(unit.data_hash))
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        with pytest.raises(requests.ConnectionError):
            both.route(unit.data_hash)
        began = time.monotonic()
        process.wait(30)
        thread.join()
        assert answers[0].json() == {"decision": "Yes"}
        assert time.monotonic() - began < SECONDS
        assert process.returncode in (0, -signal.SIGTERM)


def test_an_idle_service_ends_at_once(images: list[Any]) -> None:
    with platform([Unit(images[0])]) as both, both.serving() as process:
        assert terminate(process) < 5


@pytest.mark.parametrize(
    ("stage", "dispatch"),
    [(ROUTING_STAGE, "inline"), (SCORING_STAGE, "inline"), (SCORING_STAGE, "background")],
    ids=["routing", "scoring in a worker process", "after the response"],
)
def test_a_drain_under_way_is_handed_back_and_the_next_service_finishes_it(
    images: list[Any], stage: str, dispatch: str
) -> None:
    units = [Unit(image, stage="Score") for image in images[:5]]
    with platform(units, production_images=150, variables={"DISPATCH": dispatch}) as both:
        with both.serving() as process:
            both.control("GET", "state")
            both.break_platform("latency", seconds=7, times=FOREVER)  # each request; the drain has many before it
            thread, _ = in_background(lambda: both.notify(stage))
            began_work(both, process, stage, dispatch)
            below = children_of(process.pid)
            assert terminate(process) < SECONDS
            thread.join()
            until(lambda: not any(is_running(child) for child in below), seconds=3)
            assert both.stages()["Routing" if stage == ROUTING_STAGE else "Score"] > 0, "it was too quick to be stopped"
        both.mend_platform()
        with both.serving():
            until(lambda: [both.notify(each) for each in (ROUTING_STAGE, SCORING_STAGE)] and not waiting(both), 120)
        assert both.recorded() == branches_of(units)
        assert set(map(len, both.routed().values())) <= {0, 1}


def began_work(both: Sandbox, process: subprocess.Popen[bytes], stage: str, dispatch: str) -> None:
    """Returns when the drain is under way: for scoring in a worker process, else once Encord has been asked."""
    if stage == SCORING_STAGE:
        until(lambda: len(children_of(process.pid)) >= 1, seconds=60)
    time.sleep(2)


def waiting(both: Sandbox) -> int:
    stages = both.stages()
    return stages["Routing"] + stages["Score"]


def test_a_service_that_is_killed_leaves_no_worker_behind(images: list[Any]) -> None:
    units = [Unit(image, stage="Score") for image in images[:3]]
    with platform(units) as both, both.serving() as process:
        assert both.notify(SCORING_STAGE).status_code == 200
        below = until(lambda: children_of(process.pid), 60)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        until(lambda: not any(is_running(child) for child in below))
