"""Plots of the report's page: their words, their axes, and that they need nothing but the page."""

import itertools
import re
from xml.etree import ElementTree

import pytest

from benchmark_qa.page.svg import Plot, count_ticks, even_ticks
from benchmark_qa.quality.leaderboard import Leaderboard, leaderboard
from benchmark_qa.quality.report import totals_by_annotator
from benchmark_qa.quality.submissions import in_order
from benchmark_qa.quality.verdict import Bar, judge, order_of_items
from benchmark_qa.report.plots import overview_plot
from tests.records import record


def board_of(*counts: int) -> Leaderboard:
    records = [
        record(number=person * 100_000 + n, annotator=f"{person}@x.org")
        for person, count in enumerate(counts)
        for n in range(count)
    ]
    submissions = in_order(records)
    verdicts = judge(submissions, Bar(0.7, 1), order_of_items(submissions))
    return leaderboard(totals_by_annotator(records), verdicts)


def test_every_annotator_has_a_point_and_a_bar_and_the_plot_says_what_it_is() -> None:
    drawn = overview_plot(board_of(7, 20, 30))
    assert drawn is not None
    root = ElementTree.fromstring(drawn)
    paths = [element.get("d", "") for element in root.iter("path")]
    assert sum(path.count("h0") for path in paths) == 3
    assert sum(len(re.findall(r"M[\d.]+ [\d.]+V", path)) for path in paths if "h0" not in path and "H" not in path) >= 3
    title = root.find("title")
    assert root.get("role") == "img"
    assert title is not None
    assert root.get("aria-label") == title.text == "F1 of 3 annotators with intervals, over their number of tasks"


def test_names_cannot_break_out_of_a_plot() -> None:
    plot = Plot("<script>\"&'", 100.0, 100.0, (0.0, 1.0), (0.0, 1.0))
    plot.name_across([(0.5, "</text><script>")], "<b>")
    assert "<script" not in plot.svg()
    ElementTree.fromstring(plot.svg())


def test_a_plot_takes_every_colour_from_the_page() -> None:
    drawn = str(overview_plot(board_of(7, 20)))
    assert set(re.findall(r'(?:fill|stroke)="([^"]+)"', drawn)) <= {
        "none", "var(--ink)", "var(--line)", "var(--muted)", "var(--warn)", "var(--good)", "var(--bad)",
    }  # fmt: skip


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.02), (0.45, 1.02), (0.93, 1.02), (0.0, 0.031)])
def test_even_ticks_are_round_few_and_within(low: float, high: float) -> None:
    ticks = even_ticks(low, high)
    assert 2 <= len(ticks) <= 8
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in ticks)
    assert len({round(after - before, 9) for before, after in itertools.pairwise(ticks)}) == 1


def test_ticks_of_counts_are_whole() -> None:
    assert count_ticks(0.8, 500) == [1, 2, 5, 10, 20, 50, 100, 200, 500]
    assert count_ticks(6.5, 8.5) == [7, 8]
