"""How long something takes, in words."""

from datetime import timedelta

import pytest

from benchmark_qa.commands.operations.status import duration_in_words


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=-5), "under 1 min"),
        (timedelta(seconds=59), "under 1 min"),
        (timedelta(seconds=60), "1 min"),
        (timedelta(minutes=61), "1 h 1 min"),
        (timedelta(hours=24), "1 d 0 h"),
        (timedelta(days=3, hours=4, minutes=59), "3 d 4 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(length: timedelta, words: str) -> None:
    assert duration_in_words(length) == words
