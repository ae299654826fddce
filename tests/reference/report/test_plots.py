"""Axes of very different crowds."""

import re

import pytest

from benchmark_qa.report.plots import overview_plot
from tests.unit.report.test_plots import board_of


@pytest.mark.parametrize("counts", [(7, 7), (25, 45), (95, 105), (2, 500), (1, 4_000)])
def test_the_axis_of_tasks_names_at_least_two_numbers_of_tasks(counts: tuple[int, int]) -> None:
    drawn = overview_plot(board_of(*counts))
    assert drawn is not None
    axis = str(drawn).split('class="axis-across"')[1].split("</g>")[0]
    numbers = [int(text.replace(",", "")) for text in re.findall(r">([\d,]+)</text>", axis)]
    assert len(numbers) >= 2, numbers
    assert len(set(numbers)) == len(numbers), "each once"
