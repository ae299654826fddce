"""A task of 100,000 boxes: scored rightly, outside of the server's own process, while others are answered."""

import statistics
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import requests

from tests.integration.service.large_task import PATIENT_ANNOTATOR, VIDEO, VIDEO_BRANCH, with_large_task
from tests.integration.service.sandbox import (
    BENCHMARK_DATASET,
    SCORING_STAGE,
    SUBMITTED_SECRET,
    Sandbox,
    Unit,
    sandbox,
)

FRAMES, BOXES = 1_000, 20_000
"""A fifth of 100,000 boxes: still several times the size that the server parses itself; benchmarks have all of them"""


@pytest.fixture(scope="module")
def images(pedestrians: dict[str, Any]) -> list[dict[str, Any]]:
    return [image for image in pedestrians["images"] if image["ground_truth"]]


@pytest.fixture(scope="module")
def running(images: list[Any]) -> Iterator[Sandbox]:
    feedback = {"policy": "score", "training_datasets": [BENCHMARK_DATASET], "scorings_per_item": 1}
    with sandbox(
        [Unit(images[0], stage="Score")],
        config={"feedback": feedback},
        change_world=partial(with_large_task, images=images, frames=FRAMES),
    ) as both:
        yield both


def test_a_large_task_is_scored_box_by_box_while_health_is_answered(running: Sandbox) -> None:
    answers: list[requests.Response] = []
    scoring = threading.Thread(target=lambda: answers.append(running.score(VIDEO)))
    scoring.start()
    pauses = []
    while scoring.is_alive():
        began = time.perf_counter()
        assert requests.get(f"{running.service}/healthz", timeout=30).status_code == 200
        pauses.append(time.perf_counter() - began)
        time.sleep(0.01)
    assert answers[0].status_code == 200, answers[0].text
    (task,) = [task for task in running.report()["tasks"] if task["data_hash"] == VIDEO]
    assert task["annotator"] == PATIENT_ANNOTATOR
    assert task["true_positives"] + task["false_negatives"] == BOXES
    assert task["true_positives"] + task["false_positives"] == BOXES
    assert statistics.median(pauses) < 0.5


def test_an_event_about_a_large_task_finds_it_scored(running: Sandbox) -> None:
    answer = running.event("task-submitted", SUBMITTED_SECRET, "task_submitted_event", [VIDEO])
    assert answer.json() == {"message": "1 scored, 0 left alone"}
    assert running.recorded().count((VIDEO, VIDEO_BRANCH)) == 1


def test_a_drain_scores_large_tasks_among_others_and_sends_them_on(running: Sandbox) -> None:
    assert running.notify(SCORING_STAGE).json()["message"].startswith("2 tasks sent on")
    assert running.stages()["Complete"] == 2
    assert running.recorded().count((VIDEO, VIDEO_BRANCH)) == 1
