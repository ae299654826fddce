"""The journal of a live run: on the disk before the request, and readable after any end."""

from pathlib import Path

import pytest

from emulator.verify.journal import Journal, journal_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return journal_of(tmp_path, "0123abcd")


def test_what_was_noted_is_there_for_whoever_opens_it_again(path: Path) -> None:
    journal = Journal(path)
    journal.intend("folder", journal.title("one"))
    journal.made("folder", "AA-1")
    journal.made("folder", "aa-1")
    again = Journal(path)
    assert again.run == "0123abcd"
    assert again.titles("folder") == ["bqa-verify 0123abcd one"]
    assert again.of_kind("folder") == ["aa-1"]
    assert again.holds("folder", "Aa-1")
    assert not again.holds("project", "aa-1")
    assert again.intended("folder", "bqa-verify 0123abcd one")


@pytest.mark.parametrize("rest", ["", "{", '{"kind": "folder", "ti', '{"kind"', "null", '{"kind": "moon"}'])
def test_a_last_line_that_was_cut_off_is_left_out(path: Path, rest: str) -> None:
    Journal(path).made("item", "a")
    with path.open("a", encoding="utf-8") as file:
        file.write(rest)
    assert Journal(path).of_kind("item") == ["a"]


def test_another_line_that_is_none_is_named(path: Path) -> None:
    path.write_text('{"kind": "item", "uuid": "a"}\nnonsense\n{"kind": "item", "uuid": "b"}\n', encoding="utf-8")
    with pytest.raises(ValueError, match="line 2"):
        Journal(path)
