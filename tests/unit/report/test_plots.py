"""Plots of the report's page."""

import re

import pytest

from benchmark_qa.quality.leaderboard import Bar, leaderboard
from benchmark_qa.quality.report import totals_by_annotator
from benchmark_qa.report.plots import overview_plot
from tests.records import record


@pytest.mark.parametrize("counts", [(7, 7), (25, 45), (95, 105), (2, 500), (1, 40_000)])
def test_the_axis_of_tasks_names_at_least_two_numbers_of_tasks(counts: tuple[int, int]) -> None:
    totals = totals_by_annotator(
        record(number=person * 100_000 + n, annotator=f"{person}@x.org")
        for person, count in enumerate(counts)
        for n in range(count)
    )
    drawn = overview_plot(leaderboard(totals, Bar(0.7, 1)))
    assert drawn is not None
    ticks = str(drawn).split("axis_1")[1].split("axis_2")[0]
    numbers = [int(text.replace(",", "")) for text in re.findall(r">([\d,]+)</text>", ticks)]
    assert len(numbers) >= 2, numbers
    assert len(set(numbers)) == len(numbers), "each once"
