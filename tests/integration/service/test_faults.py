"""Encord stumbles: whatever goes wrong on the way, every task ends in the right place and every score is there once."""

import random
import time
from typing import Any

import pytest

from tests.integration.service.sandbox import (
    PRODUCTION,
    ROUTING_STAGE,
    SCORING_STAGE,
    Sandbox,
    Unit,
    branches_of,
    platform,
    sandbox,
    uuid,
)

FOREVER = 1_000_000
KINDS: list[dict[str, Any]] = [
    {"kind": "status", "status": 429, "retry_after": 1},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503, "retry_after": 1},
    {"kind": "drop"},
    {"kind": "drop", "after_effect": True},
    {"kind": "status", "status": 500, "after_effect": True},
    {"kind": "slow_body", "seconds": 0.5},
    {"kind": "truncated"},
]


def break_a_tenth(both: Sandbox, requests: int, seed: int) -> None:
    """One of every ten of the coming requests goes wrong, at random, in each of the ways in turn."""
    dice = random.Random(seed)
    for number in range(requests // 10):
        both.break_platform(**KINDS[number % len(KINDS)], skip=number * 9 + dice.randrange(9))


@pytest.fixture(scope="module")
def images(pedestrians: dict[str, Any]) -> list[dict[str, Any]]:
    return [image for image in pedestrians["images"] if image["ground_truth"]]


def test_with_a_tenth_of_the_requests_going_wrong_every_call_of_encord_ends_right(images: list[Any]) -> None:
    """Encord calls the agents task by task, as often as it takes."""
    scored = [Unit(image, stage="Score") for image in images[:15]]
    routed = [Unit(image) for image in images[20:25]]
    with platform([*scored, *routed], production_images=60, auto=True) as both:
        break_a_tenth(both, requests=300, seed=1)
        broken = len(both.control("GET", "faults")["faults"])
        with both.serving():
            deadline = time.monotonic() + 120
            while (both.stages()["Routing"] or both.stages()["Score"]) and time.monotonic() < deadline:
                both.control("POST", "retry")
                assert both.control("GET", "idle", params={"timeout": 60}) == {"idle": True}
        assert broken - len(both.control("GET", "faults")["faults"]) >= 8, "hardly anything went wrong"
        stages = both.stages()
        assert (stages["Consensus"], stages["Annotate"], stages["Complete"]) == (5, 60, 15)
        paths = both.routed()
        assert all(paths[unit.data_hash] == ["Yes"] for unit in routed)
        assert all(paths[uuid(f"production/{n}")] == ["No"] for n in range(60))
        assert both.recorded() == branches_of(scored)


def test_drains_that_meet_every_fault_at_every_kind_of_request_end_as_calm_ones(images: list[Any]) -> None:
    units = [Unit(image, stage="Score") for image in images[:8]]
    routed = [Unit(image) for image in images[20:22]]
    reports = []
    for faults in ([], KINDS):
        with sandbox([*units, *routed], production_images=120) as both:
            for fault in faults:
                for operation in operations_of_a_drain():
                    both.break_platform(**fault, operation=operation)
            for _ in range(12):  # Encord notifies every five minutes until the queue is empty
                for stage in (ROUTING_STAGE, SCORING_STAGE):
                    assert both.notify(stage).status_code in (200, 503)
            left = both.control("GET", "faults")["faults"]
            assert {fault["operation"] for fault in left} <= {"legacy labelrow.GET"}, "the drains met too few faults"
            stages = both.stages()
            assert (stages["Consensus"], stages["Annotate"], stages["Complete"]) == (2, 120, 8)
            assert {len(path) for path in both.routed().values()} <= {0, 1}
            assert both.recorded() == branches_of(units)
            reports.append(both.report()["pooled"])
    assert reports[0] == reports[1]


def operations_of_a_drain() -> list[str]:
    tasks = "projects/{project}/workflow/stages/{stage}"
    return [f"GET {tasks}/tasks", f"POST {tasks}/actions", "legacy labelrowmetadata.GET", "legacy labelrow.GET"]


def check_outage(both: Sandbox, data_hash: str, seconds: float) -> None:
    """So long every call gets 503 and `Retry-After`; then the same service answers again."""
    until = time.monotonic() + seconds
    refused = 0
    while time.monotonic() < until:
        answer = both.route(data_hash)
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) >= 1
        assert "Encord is not available" in answer.json()["message"]
        assert both.notify(ROUTING_STAGE).status_code == 503
        refused += 1
    assert refused
    both.mend_platform()
    assert both.route(data_hash).json() == {"decision": "Yes"}
    assert both.notify(ROUTING_STAGE).status_code == 200
    assert both.stages()["Routing"] == 0


@pytest.mark.parametrize("kind", [{"kind": "status", "status": 503}, {"kind": "drop"}], ids=["503", "no connection"])
def test_while_encord_is_down_the_answer_is_503_and_recovery_needs_no_restart(
    images: list[Any], kind: dict[str, Any]
) -> None:
    unit = Unit(images[0])
    with sandbox([unit]) as both:
        both.break_platform(**kind, times=FOREVER)
        check_outage(both, unit.data_hash, seconds=3)


@pytest.mark.slow
def test_encord_may_be_down_for_two_minutes(images: list[Any]) -> None:
    unit = Unit(images[0])
    with sandbox([unit]) as both:
        assert both.route(unit.data_hash).status_code == 200
        both.break_platform("drop", times=FOREVER)
        check_outage(both, unit.data_hash, seconds=120)


def test_a_pause_that_encord_asks_for_is_passed_on(images: list[Any]) -> None:
    unit = Unit(images[0])
    with sandbox([unit]) as both:
        both.route(unit.data_hash)
        both.break_platform("status", status=429, retry_after=77, times=FOREVER)
        began = time.monotonic()
        answer = both.route(unit.data_hash)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "77")
        assert time.monotonic() - began < 10, "a long pause is not slept through"


def test_an_overloaded_encord_is_not_asked_more_than_four_times_for_one_call(images: list[Any]) -> None:
    unit = Unit(images[0])
    with sandbox([unit]) as both:
        both.route(unit.data_hash)
        both.forget_requests()
        both.break_platform("status", status=500, times=FOREVER)
        assert both.route(unit.data_hash).status_code == 503
        assert both.requests_of_service() == {"legacy labelrowmetadata.GET": 4}


def test_the_project_is_not_touched_beyond_what_was_asked(images: list[Any]) -> None:
    """Reading, retried or not, never creates a label row or changes a label."""
    units = [Unit(image, stage="Score") for image in images[:3]]
    with sandbox(units) as both:
        before = labels_of(both)
        break_a_tenth(both, requests=60, seed=2)
        for unit in units:
            for _ in range(5):
                both.score(unit.data_hash)
        assert labels_of(both) == before


def labels_of(both: Sandbox) -> Any:
    world = both.control("GET", "world")
    return sorted(
        (label["project"], label["data_hash"], label["branch_name"], str(label["labels"])) for label in world["labels"]
    ), len(next(project for project in world["projects"] if project["hash"] == PRODUCTION)["tasks"])
