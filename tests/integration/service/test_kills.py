"""The service is killed (SIGKILL) at random while it drains, again and again: the end is the same as without."""

import random
import threading
import time
from contextlib import suppress
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
    uuid,
)

PRODUCTION_IMAGES = 2_500
FOREVER = 1_000_000


def notify_both(both: Sandbox) -> list[threading.Thread]:
    """A notification for each stage, neither waited for; the service may die under them."""

    def notify(stage: str) -> None:
        with suppress(requests.RequestException):  # killed: Encord notes a failed delivery, and notifies again
            both.notify(stage)

    threads = [threading.Thread(target=notify, args=(stage,)) for stage in (ROUTING_STAGE, SCORING_STAGE)]
    for thread in threads:
        thread.start()
    return threads


def waiting(both: Sandbox) -> int:
    stages = both.stages()
    return stages["Routing"] + stages["Score"]


def kill_during_drains(both: Sandbox, kills: int) -> int:
    """Start, notify, kill at random, so often; how many of the kills came while tasks were still waiting."""
    dice = random.Random(kills)
    in_the_middle = 0
    for _ in range(kills):
        with both.serving() as process:
            threads = notify_both(both)
            time.sleep(dice.uniform(0.1, 2.5))
            in_the_middle += bool(waiting(both))
            process.kill()
            process.wait(10)
            for thread in threads:
                thread.join()
    return in_the_middle


def finish(both: Sandbox) -> None:
    both.mend_platform()
    with both.serving():
        deadline = time.monotonic() + 60
        while waiting(both) and time.monotonic() < deadline:
            for thread in notify_both(both):
                thread.join()


def check_kills(images: list[dict[str, Any]], kills: int) -> None:
    scored = [Unit(image, stage="Score") for image in images[:20]]
    routed = [Unit(image) for image in images[30:35]]
    with platform([*scored, *routed], production_images=PRODUCTION_IMAGES) as both:
        # Slow enough that a drain takes longer than the service lives.
        both.break_platform("latency", seconds=0.15, times=FOREVER)
        assert kill_during_drains(both, kills) >= 1
        finish(both)
        stages = both.stages()
        assert (stages["Consensus"], stages["Annotate"], stages["Complete"]) == (5, PRODUCTION_IMAGES, 20)
        paths = both.routed()
        assert all(paths[unit.data_hash] == ["Yes"] for unit in routed)
        assert all(paths[uuid(f"production/{n}")] == ["No"] for n in range(PRODUCTION_IMAGES))
        assert both.recorded() == branches_of(scored)
        killed = both.report()["pooled"]
    with platform([*scored, *routed], production_images=3) as calm:
        finish(calm)
        assert calm.report()["pooled"] == killed


def with_truth(pedestrians: dict[str, Any]) -> list[dict[str, Any]]:
    return [image for image in pedestrians["images"] if image["ground_truth"]]


def test_kills_in_the_middle_of_drains_change_nothing(pedestrians: dict[str, Any]) -> None:
    check_kills(with_truth(pedestrians), kills=4)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_fifty_kills_in_the_middle_of_drains_change_nothing(pedestrians: dict[str, Any]) -> None:
    check_kills(with_truth(pedestrians), kills=50)
