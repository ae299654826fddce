"""The list of commands: complete, with each command's own words, and without importing any of them."""

import pytest

from benchmark_qa.cli import ENTRIES, CommandEntry, load


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_the_list_says_what_the_command_says_of_itself(entry: CommandEntry) -> None:
    if entry.panel:
        command = load(entry)
        first = " ".join((command.help or "").split("\n\n")[0].split())
        assert entry.help == first
