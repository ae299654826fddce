"""The service itself, run by a person from the label editor's page in a real browser."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.integration.service.sandbox import (
    BENCHMARK_DATASET,
    EDITOR_TOKEN,
    PRODUCTION,
    Sandbox,
    Unit,
    sandbox,
    uuid,
)

playwright = pytest.importorskip("playwright.sync_api", reason="the label editor is tested in a browser")


NEUTRAL = "Thank you. The labels have been received."
HERE = {"EDITOR_ORIGIN_REGEX": r"http://127\.0\.0\.1:\d+"}
POLICY = {"feedback": {"policy": "details", "reviewers_see_names": True, "training_datasets": [BENCHMARK_DATASET]}}


def register(both: Sandbox) -> None:
    """Registers the service's scoring agent with the production project, as people do in the application."""
    url = f"{both.service}/agents/score"
    agents = [
        {"name": "Feedback", "url": f"{url}/{EDITOR_TOKEN}"},
        {"name": "Intruder", "url": f"{url}/not-the-token-of-the-test-0123456789"},
    ]
    requests.put(
        f"{both.domain}/_emulator/projects/{PRODUCTION}/agents", json={"agents": agents}, timeout=5
    ).raise_for_status()


@pytest.fixture(scope="module")
def busy(pedestrians: dict[str, Any]) -> Unit:
    """An image with many pedestrians, at review: mistakes are many."""
    return Unit(max(pedestrians["images"], key=lambda image: len(image["ground_truth"])), stage="Review & Refine")


@pytest.fixture(scope="module")
def open_site(busy: Unit) -> Iterator[Sandbox]:
    with sandbox([busy], config=POLICY, variables=HERE) as both:
        register(both)
        yield both


def press(page: Any, both: Sandbox, data_hash: str, button: str) -> Any:
    """Opens the editor, presses a button, and gives what is shown."""
    page.goto(f"{both.domain}/label_editor/{PRODUCTION}/{data_hash}/0")
    page.get_by_role("button", name=button, exact=True).click()
    result = page.locator("#result")
    playwright.expect(result).to_have_attribute("data-outcome", re.compile("done|failed"))
    return result


def test_a_reviewer_is_told_what_is_missing(page: Any, open_site: Sandbox, busy: Unit) -> None:
    result = press(page, open_site, busy.data_hash, "Feedback")
    playwright.expect(result).to_contain_text("missing: pedestrian")
    assert result.get_attribute("data-outcome") == "done"


def test_on_ordinary_data_the_answer_is_neutral(page: Any, open_site: Sandbox) -> None:
    playwright.expect(press(page, open_site, uuid("production/0"), "Feedback")).to_have_text(NEUTRAL)


def test_the_test_button_is_answered_where_the_browser_can_read_it(page: Any, open_site: Sandbox, busy: Unit) -> None:
    open_site.forget_requests()
    playwright.expect(press(page, open_site, busy.data_hash, "Test Feedback")).to_have_text("Feedback answers")
    assert open_site.requests_of_service() == {}


def test_a_wrong_token_is_refused_in_words(page: Any, open_site: Sandbox, busy: Unit) -> None:
    result = press(page, open_site, busy.data_hash, "Intruder")
    assert result.get_attribute("data-outcome") == "failed"
    playwright.expect(result).not_to_contain_text("could not be reached")


def test_a_page_that_is_not_allowed_learns_nothing(page: Any, busy: Unit) -> None:
    with sandbox([busy], config=POLICY) as closed:
        register(closed)
        closed.forget_requests()
        result = press(page, closed, busy.data_hash, "Feedback")
        playwright.expect(result).to_contain_text(f"does not allow calls from {closed.domain}")
        assert closed.requests_of_service() == {}
