"""The guesses about Encord: each has another reading that is tried, and what that breaks stands in the docs."""

import re
from pathlib import Path

import pytest

from emulator.world import Switches
from tests.switches import BREAKS, TURNED, VARIABLE, broken, known_reads, marked_files

ROOT = Path(__file__).parents[2]


def test_every_switch_has_another_reading() -> None:
    assert TURNED.keys() == Switches.model_fields.keys()
    turned = Switches.model_validate(TURNED).model_dump()
    assert [name for name, value in Switches().model_dump().items() if turned[name] == value] == []


def test_the_page_names_exactly_the_switches_that_break_something() -> None:
    page = (ROOT / "docs" / "guesses.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `(\w+)=(\w+)` \|", page, re.MULTILINE)
    assert sorted(named) == sorted((name, str(TURNED[name])) for name in BREAKS)


def test_what_breaks_is_a_test() -> None:
    for test in frozenset().union(*BREAKS.values()):
        path, _, name = test.partition("[")[0].partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), test


def test_only_the_turned_reading_is_expected_to_break(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, '{"consensus_branches_after_block": "hidden"}')
    assert broken() == BREAKS["consensus_branches_after_block"]
    monkeypatch.setenv(VARIABLE, '{"consensus_branches_after_block": "listed", "largest_bundle": 7}')
    assert broken() == frozenset()
    monkeypatch.delenv(VARIABLE)
    assert broken() == frozenset()


def test_every_marked_test_stands_in_the_table_of_what_is_read() -> None:
    """A test that is not there would be run under no switch."""
    files = {test.partition("::")[0] for test in known_reads()}
    assert files == {str(Path(file).relative_to(ROOT)) for file in marked_files()}
    for test, read in known_reads().items():
        path, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), test
        assert set(read) <= Switches.model_fields.keys(), test


def test_what_a_switch_breaks_reads_it() -> None:
    for switch, tests in BREAKS.items():
        assert [t for t in tests if switch not in known_reads()[t.partition("[")[0]]] == []
