"""The report in a real browser: no console error, no request, accessible, and the JSON's own numbers."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from benchmark_qa.quality.report import Report, ReportEvidence, ReportQuestion, build_report
from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.report.files import render
from tests.browser.watched import SIZES, Watched
from tests.real_records import bluebird_records, pedestrian_records
from tests.records import NOON, PROJECT, record

IMAGES = 120


def report_of(records: list[ScoreRecord], **evidence: Any) -> Report:
    return build_report(ReportQuestion(PROJECT, asked_at=NOON), ReportEvidence(records, **evidence))


@pytest.fixture(scope="module")
def pedestrian_report(pedestrians: dict[str, Any]) -> Report:
    return report_of(list(pedestrian_records({"images": pedestrians["images"][:IMAGES]})))


@pytest.fixture(scope="module")
def bluebird_report(bluebirds: dict[str, Any]) -> Report:
    return report_of(list(bluebird_records(bluebirds)))


@pytest.mark.parametrize("look", SIZES)
@pytest.mark.parametrize("which", ["pedestrian_report", "bluebird_report"])
def test_the_page_is_accessible_quiet_and_fits_the_screen(
    browser: Browser, tmp_path: Path, request: pytest.FixtureRequest, which: str, look: tuple[int, str]
) -> None:
    width, scheme = look
    watched = Watched(browser, tmp_path, render(request.getfixturevalue(which), "html"), width=width, scheme=scheme)
    assert watched.violations() == []
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
    assert watched.complaints == []
    watched.page.close()


def test_the_numbers_on_the_page_are_those_of_the_json(
    browser: Browser, tmp_path: Path, pedestrian_report: Report
) -> None:
    in_json = json.loads(render(pedestrian_report, "json"))
    watched = Watched(browser, tmp_path, render(pedestrian_report, "html"), width=1440, scheme="light")
    shown = watched.page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('#leaderboard tbody tr')].map(row => [
            row.dataset.name,
            Object.fromEntries([...row.querySelectorAll('[data-figure]')].map(cell => [
                cell.dataset.figure, cell.querySelector('data') && Number(cell.querySelector('data').value)]))]))"""
    )
    assert list(shown) == [line["annotator"] for line in in_json["annotators"]]
    rated = {line["annotator"]: line for line in in_json["ratings"]}
    for line in in_json["annotators"]:
        figures = shown[line["annotator"]]
        assert figures.pop("shrunk") == line["shrunk"]
        assert figures.pop("rating") == rated[line["annotator"]]["rating"]
        assert figures == {figure: line[figure]["estimate"] for figure in figures}
    pooled = watched.page.locator("#pooled-f1 data").get_attribute("value")
    assert float(pooled or 0) == in_json["pooled"]["f1"]["estimate"]
    watched.page.close()


def test_the_leaderboard_can_be_sorted_and_searched(
    browser: Browser, tmp_path: Path, pedestrian_report: Report
) -> None:
    page = Watched(browser, tmp_path, render(pedestrian_report, "html"), width=1440, scheme="light").page
    page.get_by_role("button", name="tasks", exact=True).click()
    tasks = page.evaluate("[...document.querySelectorAll('#leaderboard tbody tr')].map(r => r.cells[2].innerText)")
    assert tasks == sorted(tasks, key=int, reverse=True)
    assert page.locator("#leaderboard th[aria-sort=descending]").inner_text().startswith("tasks")
    page.get_by_label("Find an annotator").fill("ANNOTATOR-16")
    assert page.locator("#leaderboard tbody tr:visible").count() == 1
    assert page.locator("#found").inner_text() == "1 shown"
    page.close()


def test_a_link_in_the_leaderboard_opens_that_annotators_page(
    browser: Browser, tmp_path: Path, pedestrian_report: Report
) -> None:
    page = Watched(browser, tmp_path, render(pedestrian_report, "html"), width=390, scheme="light").page
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = false")
    page.locator("#leaderboard tbody a").first.click()
    name = page.locator("#leaderboard tbody a").first.inner_text()
    assert page.locator("details[open] summary strong").all_inner_texts() == [name]
    page.close()


def test_a_hostile_name_is_text_and_nothing_else(browser: Browser, tmp_path: Path) -> None:
    hostile = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">@x.org"
    tasks = [record(n, annotator=hostile, data_title=hostile, score=0.1) for n in range(6)]
    watched = Watched(browser, tmp_path, render(report_of(tasks), "html"), width=1440, scheme="light")
    assert watched.page.title().startswith("Benchmark QA")
    assert watched.complaints == []
    assert hostile in watched.page.locator("#leaderboard tbody th").first.inner_text()
    watched.page.close()


def test_an_empty_report_is_a_page_too(browser: Browser, tmp_path: Path) -> None:
    watched = Watched(browser, tmp_path, render(report_of([]), "html"), width=390, scheme="dark")
    assert "No scores yet" in watched.page.inner_text("main")
    assert (watched.violations(), watched.complaints) == ([], [])
    watched.page.close()
