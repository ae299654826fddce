"""The examples on the pages about metrics are true."""

import doctest
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "docs" / "metrics"
PAGES = sorted(page for page in FOLDER.glob("*.md") if ">>>" in page.read_text())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_on_the_page_are_true(page: Path) -> None:
    assert doctest.testfile(str(page), module_relative=False).failed == 0


def test_every_page_is_in_the_index() -> None:
    index = (FOLDER / "README.md").read_text()
    assert [
        page.name for page in FOLDER.glob("*.md") if page.name != "README.md" and f"({page.name})" not in index
    ] == []
