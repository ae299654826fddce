"""The guesses about Encord: each has another reading that is tried, and what that breaks stands in the docs."""

import re
from pathlib import Path

import pytest

from emulator.world import Switches
from tests.switches import BREAKS, TURNED, VARIABLE, broken

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
    monkeypatch.setenv(VARIABLE, '{"branch_author": "last_person"}')
    assert broken() == BREAKS["branch_author"]
    monkeypatch.setenv(VARIABLE, '{"branch_author": "annotator", "largest_bundle": 7}')
    assert broken() == frozenset()
    monkeypatch.delenv(VARIABLE)
    assert broken() == frozenset()
