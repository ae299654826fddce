"""Help at every width and in every encoding: each command and option whole, nothing cut."""

import io
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from benchmark_qa.cli import ENTRIES, app, load


def walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    for name, below in sorted(getattr(command, "commands", {}).items()):
        yield from walk(below, (*path, name))


COMMANDS = {" ".join(path): command for entry in ENTRIES for path, command in walk(load(entry), (entry.name,))}


def help_of(path: str, monkeypatch: pytest.MonkeyPatch, *, width: int, encoding: str = "utf-8") -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding)
    monkeypatch.setattr(sys, "stdout", out)
    with pytest.raises(SystemExit) as ended:
        app([*path.split(), "--help"], prog_name="benchmark-qa")
    out.flush()
    assert not ended.value.code
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("path", ["", *COMMANDS])
def test_help_shows_every_command_and_option_whole(path: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = help_of(path, monkeypatch, width=width)
    if path:
        shown = [option for parameter in COMMANDS[path].params for option in parameter.opts if option.startswith("--")]
        shown += list(getattr(COMMANDS[path], "commands", {}))
    else:
        shown = [entry.name for entry in ENTRIES if entry.panel]
    assert [name for name in shown if not re.search(rf"{re.escape(name)}(?![\w-])", text)] == []
    assert "…" not in text
    # A list of choices stands on a line of its own, which the terminal itself breaks.
    assert [line for line in text.splitlines() if len(line) > width and "|" not in line.strip("│ ")] == []


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
@pytest.mark.parametrize("path", ["", *COMMANDS])
def test_help_can_be_written_in_every_encoding(path: str, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Usage: benchmark-qa" in help_of(path, monkeypatch, width=80, encoding=encoding)
