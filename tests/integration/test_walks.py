"""A reader who follows one request opens no more files than `benchmarks.walks` allows."""

from benchmarks.walks import MOST, walks


def test_no_walk_opens_more_files_than_it_may() -> None:
    opened = {name: len(files) for name, files in walks().items()}
    assert {name: number for name, number in opened.items() if number > MOST[name]} == {}
