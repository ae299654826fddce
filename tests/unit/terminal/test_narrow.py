"""What fits on a narrow terminal, and that nothing is ever cut."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from benchmark_qa.terminal.printing import Column, Layout, layout, lines_of, print_columns

NAMES = ("anna@example.com", "a-very-long-name.of-somebody@labelling.department.example.com")


def table(names: tuple[str, ...] = NAMES) -> list[Column]:
    figures = [Column(f"figure {n}", ["0.123"] * len(names), rank=n) for n in range(1, 9)]
    return [
        Column("person", names, rank=0, right=False),
        *figures,
        Column("verdict", [Text("below the bar", style="red"), "undecided"][: len(names)], rank=0, right=False),
    ]


def shown(columns: list[Column], width: int, *, terminal: bool = True, wide: bool = False) -> list[str]:
    written = io.StringIO()
    print_columns(Console(file=written, width=width, force_terminal=terminal, color_system=None), columns, wide=wide)
    return written.getvalue().splitlines()


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("names", [NAMES[:1], NAMES])
def test_no_line_but_a_name_is_wider_than_the_terminal(width: int, names: tuple[str, ...]) -> None:
    lines = shown(table(names), width)
    notice = lines.pop() if "not shown" in lines[-1] else ""
    assert [line for line in lines if cell_len(line) > width and line not in names] == []
    text = "\n".join(lines)
    assert all(name in text for name in names)
    assert "person" in text
    assert "verdict" in text
    assert "below the bar" in text
    for column in table():
        assert (column.heading in text) != (column.heading in notice)


def test_columns_go_by_rank_and_keep_their_order() -> None:
    columns = [
        Column("name", ["anna"], rank=0, right=False),
        Column("least", ["1" * 8], rank=9),
        Column("second", ["2" * 8], rank=2),
        Column("first", ["3" * 8], rank=1),
        Column("third", ["4" * 8], rank=3),
        Column("end", ["5" * 8], rank=0),
    ]
    assert layout(columns, 52) == Layout((0, 2, 3, 4, 5), name_above=False, left_out=("least",))
    assert layout(columns, 100).left_out == ()
    assert layout(columns, 100).shown == (0, 1, 2, 3, 4, 5)


def test_a_long_name_gets_a_line_of_its_own_before_columns_are_fewer_than_five() -> None:
    columns = table()
    found = layout(columns, 80)
    assert found.name_above
    lines = [line.plain for line in lines_of(columns, found)]
    at = lines.index(NAMES[1])
    assert lines[at + 1].startswith("  ")
    assert lines[at + 1].rstrip().endswith("undecided")
    assert not layout(table(NAMES[:1]), 80).name_above


@pytest.mark.parametrize("how", [{"terminal": False}, {"wide": True}])
def test_a_pipe_and_wide_give_everything_on_one_line_each(how: dict[str, bool]) -> None:
    lines = shown(table(), 40, **how)
    assert len(lines) == 4
    assert [name for name, line in zip(NAMES, lines[2:], strict=True) if not line.startswith(name)] == []
    assert all(f"figure {n}" in lines[0] for n in range(1, 9))


def test_what_is_in_a_cell_is_no_markup_and_moves_no_cursor() -> None:
    text = "\n".join(shown([Column("name", ["[red]a[/]\x1b[2Jb"], rank=0, right=False)], 80))
    assert "[red]a[/]\\x1b[2Jb" in text


def test_wide_characters_count_as_two() -> None:
    columns = [Column("名前", ["太郎", "a"], rank=0, right=False), Column("n", ["1", "22"])]
    lines = lines_of(columns, layout(columns, 80))
    assert lines[2].cell_len == lines[3].cell_len


def test_a_terminal_without_unicode_gets_no_escapes_for_lines() -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="latin-1", errors="backslashreplace")
    print_columns(Console(file=file, width=80), table(NAMES[:1]))
    file.flush()
    assert b"\\u" not in raw.getvalue()
    assert b"-----" in raw.getvalue()
