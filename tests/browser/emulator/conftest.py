"""A real browser for the label editor's page."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.chromium import FLAGS, executable


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium of its own, with a profile that did not exist before."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the label editor is tested in a browser")
    chromium = executable()
    if chromium is None:
        pytest.skip("no Chromium on this machine: the label editor is not tested")
    with playwright.sync_playwright() as driver:
        profile = tmp_path_factory.mktemp("profile")
        context = driver.chromium.launch_persistent_context(
            profile, executable_path=chromium, headless=True, args=list(FLAGS)
        )
        yield context
        context.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A tab of its own."""
    tab = browser.new_page()
    tab.set_default_timeout(10_000)
    yield tab
    tab.close()
