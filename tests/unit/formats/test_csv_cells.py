"""CSV that no spreadsheet takes for a formula."""

import csv
import io
import re
from pathlib import Path

import pytest

import benchmark_qa
from benchmark_qa.formats.separated_values import write_rows, write_table

FORMULAS = ("=1+1", "+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1", "=cmd|' /C calc'!A0")


@pytest.mark.parametrize("name", FORMULAS)
def test_a_name_that_is_a_formula_becomes_text_in_headings_and_cells(name: str) -> None:
    file = io.StringIO()
    write_table(file, ["annotator", name], [{"annotator": name, name: -0.5}])
    heading, row = csv.reader(io.StringIO(file.getvalue(), newline=""))
    shown = "'" + name.replace("\r", "\n")
    assert heading == ["annotator", shown]
    assert row == [shown, "-0.5"], "a number stays one"


def test_a_name_begins_no_row_of_its_own() -> None:
    file = io.StringIO()
    write_rows(file, [["ann\r=1+1", "ben\r\n=1", "cy\n=1"]])
    assert "\r" not in file.getvalue()
    assert [*csv.reader(io.StringIO(file.getvalue(), newline=""))] == [["ann\n=1+1", "ben\n=1", "cy\n=1"]]


def test_ordinary_cells_stay_as_they_are() -> None:
    file = io.StringIO()
    write_rows(file, [["ann@example.com", "a=b", 1, None, "'quoted"]])
    assert file.getvalue() == "ann@example.com,a=b,1,,'quoted\n"


def test_csv_is_written_in_one_place() -> None:
    root = Path(benchmark_qa.__file__).parent
    writers = {
        f.relative_to(root).as_posix() for f in root.rglob("*.py") if re.search(r"csv\.(w|DictW)riter", f.read_text())
    }
    assert writers == {"formats/csv_cells.py"}
