"""Names and titles of other people on a terminal: to the letter, and nothing of them acts on it."""

import io

import pytest
from rich.table import Table

from benchmark_qa.terminal.failures import _say
from benchmark_qa.terminal.printing import PrintableStream, plain_console, printable

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


def test_what_is_printed_on_a_terminal_is_made_printable_and_a_file_gets_it_as_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = io.StringIO()
    print("\x1b[2Jben", file=PrintableStream(file))
    assert file.getvalue() == "\\x1b[2Jben\n"
    _say("\x1b[2Jben is unknown")
    assert capsys.readouterr().err == "\\x1b[2Jben is unknown\n"
