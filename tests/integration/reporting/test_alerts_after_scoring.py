"""Alerts go out when scores have been made, and never while Encord waits for an answer."""

import time
from typing import Any

import pytest

from tests.integration.service.sandbox import SCORING_STAGE, Sandbox, Unit, sandbox
from tests.integration.store.receiver import SECRET, Receiver, receiver

RULES = {"alerts": [{"name": "Loose boxes", "figure": "mean_similarity", "threshold": 0.999, "minimum_tasks": 3}]}


@pytest.fixture
def units(pedestrians: dict[str, Any]) -> list[Unit]:
    images = [i for i in pedestrians["images"] if len(i["ground_truth"]) > 2 and all(i["annotations"].values())]
    return [Unit(image, stage="Score") for image in images[:6]]


def settings(server: Receiver, **more: str) -> dict[str, str]:
    return {"ALERT_WEBHOOK_URL": server.url, "ALERT_WEBHOOK_SECRET": SECRET, **more}


def test_an_evaluation_sends_what_follows_from_its_scores_once(units: list[Unit]) -> None:
    with receiver() as server, sandbox(units, config=RULES, variables=settings(server)) as both:
        assert both.command("evaluate").returncode == 0
        told = server.told
        assert told
        assert {state for _, state in told} == {"below"}
        assert both.command("evaluate").returncode == 0
        assert both.command("rescore").returncode == 0
        assert both.command("alerts").returncode == 0
        assert server.told == told


def test_scoring_for_encord_sends_none_and_a_job_after_the_response_does(units: list[Unit]) -> None:
    with (
        receiver() as server,
        sandbox(units, config=RULES, variables=settings(server, DISPATCH="background")) as both,
    ):
        for unit in units[:5]:
            assert both.score(unit.data_hash).status_code == 200
        assert server.told == []
        assert both.notify(SCORING_STAGE).status_code == 200
        wait_for_alerts(both, server)
        assert {state for _, state in server.told} == {"below"}


def wait_for_alerts(both: Sandbox, server: Receiver) -> None:
    deadline = time.monotonic() + 60
    while not server.told:
        assert time.monotonic() < deadline, both.log()[-2000:]
        time.sleep(0.1)
