"""Requests to Encord, counted by the emulator, against the limits that the project promises."""

from typing import Any

import pytest

from benchmarks._limits import limit
from benchmarks.requests import most_for_routing, most_for_scoring
from tests.integration.service.sandbox import PRODUCTION, ROUTING_STAGE, SCORING_STAGE, Sandbox, Unit, sandbox, uuid

ROUTED, SCORED = 1_000, 250


def spent(both: Sandbox) -> int:
    return sum(both.requests_of_service().values())


def let_into_scoring(both: Sandbox) -> None:
    """The reviewer approves everything that waits at *Review & Refine*."""
    project = both.client().get_project(PRODUCTION)
    tasks = list(project.workflow.get_stage(name="Review & Refine").get_tasks())
    with project.create_bundle() as bundle:
        for task in tasks:
            task.approve(bundle=bundle)


@pytest.fixture(scope="module")
def units(pedestrians: dict[str, Any]) -> list[Unit]:
    """One waits for scoring, so that the worker can get warm; the others come when they are let in."""
    images = [image for image in pedestrians["images"] if image["ground_truth"]]
    return [Unit(images[0], stage="Score"), *(Unit(image, stage="Review & Refine") for image in images[1 : SCORED + 1])]


def test_draining_n_routing_tasks_takes_a_request_a_page_and_a_bundle_and_two(units: list[Unit]) -> None:
    with sandbox(units[:1], production_images=ROUTED) as both:
        both.route(uuid("production/0"))  # the projects are warm
        both.forget_requests()
        assert both.notify(ROUTING_STAGE).json()["message"].startswith(f"{ROUTED} tasks sent on")
        assert spent(both) <= most_for_routing(ROUTED)


def test_draining_n_scoring_tasks_of_k_branches_stays_below_its_limit(units: list[Unit]) -> None:
    branches = len(units[0].annotations)
    with sandbox(units) as both:
        assert both.notify(SCORING_STAGE).json()["message"].startswith("1 tasks sent on")
        let_into_scoring(both)
        both.forget_requests()
        assert both.notify(SCORING_STAGE).json()["message"].startswith(f"{SCORED} tasks sent on")
        assert spent(both) <= most_for_scoring(SCORED, branches)
        assert len(both.recorded()) == (SCORED + 1) * branches


def test_beyond_the_time_to_live_of_the_truth_a_repeated_score_takes_two(units: list[Unit]) -> None:
    with sandbox([units[0]], config={"truth_ttl_seconds": 0}) as both:
        both.score(units[0].data_hash)
        both.forget_requests()
        both.score(units[0].data_hash)
        assert both.requests_of_service() == {"legacy labelrowmetadata.GET": limit("requests.score_later")}
