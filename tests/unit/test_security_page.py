"""docs/security.md: every test that it names exists, and every promise names one."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "security.md").read_text()
FILE = re.compile(r"`((?:[a-z_]+/)*test_[a-z_]+\.py)`")
NAME = re.compile(r"`(test_[a-z_0-9]+)(…?)`")


def test_every_test_file_that_the_page_names_exists() -> None:
    named = FILE.findall(PAGE)
    known = {path.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")}
    assert len(named) > 20
    assert [name for name in named if name not in known] == []


def test_every_test_that_the_page_names_exists() -> None:
    tests = {
        name for path in TESTS.rglob("test_*.py") for name in re.findall(r"def (test_[a-z_0-9]+)\(", path.read_text())
    }
    named = NAME.findall(PAGE)
    assert len(named) >= 10
    missing = [
        name for name, cut in named if not (any(each.startswith(name) for each in tests) if cut else name in tests)
    ]
    assert missing == []


def test_every_line_of_a_table_of_promises_names_a_test() -> None:
    promises = 0
    for table in re.findall(r"\| (?:promise|caller) \|.*?\n\n", PAGE + "\n\n", flags=re.DOTALL):
        for line in table.strip().splitlines()[2:]:
            promises += 1
            last = line.rstrip("| ").rsplit(" | ", 1)[1]
            assert FILE.search(last) or NAME.search(last), line
    assert promises > 20
