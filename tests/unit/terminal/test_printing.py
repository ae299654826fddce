"""Names and titles of other people on a terminal: to the letter, and nothing of them acts on it."""

import io
import re
from pathlib import Path

import pytest
from rich.markup import escape
from rich.table import Table

import benchmark_qa
from benchmark_qa.terminal.failures import _say
from benchmark_qa.terminal.files import ExportError, require_place
from benchmark_qa.terminal.printing import PrintableStream, marked_console, plain_console, printable

HOSTILE = {
    "\x1b]0;title\x07ann": r"\x1b]0;title\x07ann",
    "\x1b[2Jben": r"\x1b[2Jben",
    "cy\rann": r"cy\rann",
    "\x9b31mdee": r"\x9b31mdee",
    "\u202egpj.exe": r"\u202egpj.exe",
    "del\x7f": r"del\x7f",
}
MARKUP = ("[/red]ann", "[bold]ben", "[link=http://x]cy[/link]", ":smile:", "a\\[b]", "[1, 2]")


@pytest.mark.parametrize(("name", "shown"), HOSTILE.items())
def test_control_characters_are_shown_and_do_nothing(name: str, shown: str) -> None:
    assert printable(name) == shown
    assert printable(f"{name}\n\tzoë 王 👩‍🚀") == f"{shown}\n\tzoë 王 👩‍🚀"


@pytest.mark.parametrize("name", [*MARKUP, *HOSTILE])
def test_a_table_and_a_line_show_a_name_to_the_letter(name: str) -> None:
    file = io.StringIO()
    console = plain_console(file=file, width=100, highlight=False)
    table = Table("annotator", name)
    table.add_row(name, "1")
    console.print(table)
    console.print(f"{name}: done")
    assert file.getvalue().count(printable(name)) == 3
    assert "\x1b" not in file.getvalue()


@pytest.mark.parametrize("name", [*MARKUP, *HOSTILE])
def test_beside_our_own_markup_an_escaped_name_is_shown_to_the_letter(name: str) -> None:
    file = io.StringIO()
    marked_console(file=file, width=100).print(f"[green]ok[/] {escape(name)}")
    assert file.getvalue() == f"ok {printable(name)}\n"


def test_no_command_makes_a_console_of_its_own() -> None:
    """One that shows control characters as they are."""
    root = Path(benchmark_qa.__file__).parent
    makers = {f.relative_to(root).as_posix() for f in root.rglob("*.py") if re.search(r"\bConsole\(", f.read_text())}
    assert makers == {
        "terminal/printing.py",  # it makes safe consoles, and one for progress whose words are ours
        "commands/score_exports/command.py",  # for a progress bar
        "commands/operations/doctor.py",  # makes each text printable
    }


def test_what_is_printed_on_a_terminal_is_made_printable_and_a_file_gets_it_as_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = io.StringIO()
    print("\x1b[2Jben", file=PrintableStream(file))
    assert file.getvalue() == "\\x1b[2Jben\n"
    _say("\x1b[2Jben is unknown")
    assert capsys.readouterr().err == "\\x1b[2Jben is unknown\n"


def test_a_place_may_be_a_file_that_is_there_a_new_one_or_a_device(tmp_path: Path) -> None:
    there = tmp_path / "there.json"
    there.write_text("kept")
    for place in (there, tmp_path / "new.json", Path("/dev/null"), None):
        require_place(place)
    assert there.read_text() == "kept"
    assert list(tmp_path.iterdir()) == [there]
    with pytest.raises(ExportError, match="is a folder"):
        require_place(tmp_path)
    with pytest.raises(ExportError, match=r"there is no folder .*none"):
        require_place(tmp_path / "none" / "new.json")
