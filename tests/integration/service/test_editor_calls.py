"""Calls from the label editor: unsigned, from a browser, answered under the feedback policy."""

import statistics
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.integration.service.sandbox import (
    BENCHMARK_DATASET,
    EDITOR_ORIGIN,
    EDITOR_TOKEN,
    Sandbox,
    Unit,
    sandbox,
    uuid,
)

NEUTRAL = {"message": "Thank you. The labels have been received."}
ORDINARY = uuid("production/0")


def training(policy: str, **more: Any) -> dict[str, Any]:
    return {"feedback": {"policy": policy, "training_datasets": [BENCHMARK_DATASET], **more}}


@pytest.fixture(scope="module")
def busy(pedestrians: dict[str, Any]) -> list[dict[str, Any]]:
    """Images with many pedestrians, so that mistakes are many, too."""
    return sorted(pedestrians["images"], key=lambda image: -len(image["ground_truth"]))[:4]


@pytest.fixture(scope="module")
def secret(busy: list[dict[str, Any]]) -> Iterator[Sandbox]:
    with sandbox([Unit(image, stage="Review & Refine") for image in busy]) as both:
        yield both


def test_the_call_is_taken_only_with_the_token_in_its_url(secret: Sandbox) -> None:
    assert secret.ask_in_editor(ORDINARY).json() == NEUTRAL
    for token in ("wrong-token-of-the-test-0123456789", "x", "%00", EDITOR_TOKEN[:-1]):
        assert secret.ask_in_editor(ORDINARY, token=token).status_code == 401


def test_the_call_is_taken_only_from_encords_pages(secret: Sandbox) -> None:
    assert secret.ask_in_editor(ORDINARY, origin="https://app.us.encord.com").status_code == 200
    for origin in ("https://evil.example", "https://app.encord.com.evil.example", "http://app.encord.com", None):
        assert secret.ask_in_editor(ORDINARY, origin=origin).status_code == 403


def test_a_preflight_request_is_answered_for_encords_pages_only(secret: Sandbox) -> None:
    def preflight(origin: str) -> requests.Response:
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,x-encord-editor-agent,x-encord-agent,x-cloud-trace-context",
        }
        return requests.options(f"{secret.service}/agents/score/{EDITOR_TOKEN}", headers=headers, timeout=10)

    allowed = preflight(EDITOR_ORIGIN)
    assert allowed.status_code == 200
    assert allowed.headers["Access-Control-Allow-Origin"] == EDITOR_ORIGIN
    assert preflight("https://evil.example").status_code == 400


def test_a_customers_own_domain_may_be_allowed(busy: list[dict[str, Any]]) -> None:
    variables = {"EDITOR_ORIGIN_REGEX": r"https://label\.hospital\.example"}
    with sandbox([Unit(busy[0], stage="Score")], variables=variables) as both:
        assert both.ask_in_editor(ORDINARY, origin="https://label.hospital.example").status_code == 200
        assert both.ask_in_editor(ORDINARY, origin="https://label.hospital.example.evil").status_code == 403


@pytest.mark.parametrize("header", ["X-Encord-Editor-Agent", "X-Encord-Agent"])
def test_a_test_call_is_answered_without_work(secret: Sandbox, header: str) -> None:
    secret.forget_requests()
    answer = secret.send(f"/agents/score/{EDITOR_TOKEN}", b"{}", {header: "test-header"})
    assert answer.status_code == 200
    assert secret.requests_of_service() == {}


def test_without_a_policy_nobody_learns_which_items_are_benchmark_items(secret: Sandbox, busy: list[Any]) -> None:
    """Neither from the words, nor from the work done, nor from the time it takes."""
    benchmark = Unit(busy[0]).data_hash
    secret.forget_requests()
    times: dict[str, list[float]] = {benchmark: [], ORDINARY: []}
    for _ in range(60):
        for data_hash, taken in times.items():
            started = time.perf_counter()
            assert secret.ask_in_editor(data_hash).json() == NEUTRAL
            taken.append(time.perf_counter() - started)
    assert secret.requests_of_service() == {}
    fast, slow = sorted(statistics.median(taken) for taken in times.values())
    assert slow < fast * 1.5, "one of the two takes longer"


@pytest.mark.parametrize("policy", ["verdict", "score", "details"])
def test_at_a_review_stage_nobody_is_named_unless_it_is_configured(busy: list[dict[str, Any]], policy: str) -> None:
    """The token is everybody's, and the call names no person."""
    unit = Unit(busy[0], stage="Review & Refine")
    with sandbox([unit], config=training(policy)) as both:
        message = both.ask_in_editor(unit.data_hash).json()["message"].lower()
        assert "ask the person who leads the project" in message
        assert not any(character.isdigit() for character in message), "a score"
        for annotator in unit.annotations:
            assert annotator.split("@", maxsplit=1)[0].lower() not in message


def test_with_names_at_a_review_stage_the_reviewer_hears_of_every_branch(busy: list[dict[str, Any]]) -> None:
    unit = Unit(busy[0], stage="Review & Refine")
    with sandbox([unit], config=training("score", reviewers_see_names=True)) as both:
        message = both.ask_in_editor(unit.data_hash).json()["message"]
        assert len(message) <= 256
        for annotator in unit.annotations:
            assert annotator.split("@", maxsplit=1)[0] in message
        assert both.ask_in_editor(ORDINARY).json() == NEUTRAL


def test_at_a_consensus_annotation_stage_the_answer_is_neutral(busy: list[dict[str, Any]]) -> None:
    unit = Unit(busy[0], stage="Consensus", submitted=False)
    with sandbox([unit], config=training("details")) as both:
        assert both.ask_in_editor(unit.data_hash).json() == NEUTRAL


def test_hints_have_several_mistakes_behind_them_and_never_a_place(busy: list[dict[str, Any]]) -> None:
    unit = Unit(busy[0], stage="Review & Refine")
    with sandbox([unit], config=training("details", reviewers_see_names=True)) as both:
        message = both.ask_in_editor(unit.data_hash).json()["message"]
        assert "missing: pedestrian" in message
        assert "frame" not in message


def test_nobody_climbs_to_the_truth_by_asking(busy: list[dict[str, Any]]) -> None:
    unit = Unit(busy[0], stage="Review & Refine")
    with sandbox([unit], config=training("score", scorings_per_item=2, reviewers_see_names=True)) as both:
        answers = [both.ask_in_editor(unit.data_hash).json()["message"] for _ in range(4)]
        assert answers[0] == answers[1]
        assert [answer[:48] for answer in answers[2:]] == ["This item has been scored as often as it may be."] * 2


def test_what_is_asked_in_the_editor_is_not_recorded_as_a_score(busy: list[dict[str, Any]]) -> None:
    unit = Unit(busy[0], stage="Review & Refine")
    with sandbox([unit], config=training("score")) as both:
        both.ask_in_editor(unit.data_hash)
        assert both.report()["tasks"] == []
