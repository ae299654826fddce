"""A report of very many people."""

from benchmark_qa.report.files import render
from tests.records import record
from tests.unit.quality.test_report import report


def test_two_thousand_annotators_are_no_trouble() -> None:
    records = [record(n, annotator=f"annotator-{n % 2000}@例え.jp", branch_name=str(n)) for n in range(2000)]
    whole = report(records)
    assert len(whole.leaderboard.lines) == 2000
    assert len(whole.people) == 100
    page = render(whole, "html").decode()
    assert page.count('<tr data-name="annotator-') == 2000
    assert len(page) < 8_000_000
