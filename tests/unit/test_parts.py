"""The parts of `make unit` and `make test`: every test file once, and one honest result."""

from pathlib import Path

import pytest

from tests.parts import NOTHING_SELECTED, ROOT, Ended, Part, code_of, default_parts, how, summary, unit_parts


def ended(code: int, output: str = "", at: str = "") -> Ended:
    return Ended(Part("stats", ("tests/unit/stats",)), code, output, at, 1.2)


def files_of(parts: list[Part]) -> list[Path]:
    paths = [ROOT / path for part in parts for path in part.paths]
    return [file for path in paths for file in ([path] if path.is_file() else path.rglob("test_*.py"))]


def test_every_test_file_is_in_one_part() -> None:
    assert sorted(files_of(default_parts())) == sorted((ROOT / "tests").rglob("test_*.py"))
    assert sorted(files_of(unit_parts())) == sorted((ROOT / "tests" / "unit").rglob("test_*.py"))


def test_the_halves_of_the_unit_tests_are_about_as_large() -> None:
    one, other = (sum(file.stat().st_size for file in files_of([part])) for part in unit_parts())
    assert 0.8 < one / other < 1.25


def test_a_new_room_and_a_new_file_are_taken_up(tmp_path: Path) -> None:
    for name in (
        "tests/unit/old/test_a.py",
        "tests/unit/new/deep/test_b.py",
        "tests/unit/test_c.py",
        "tests/infra/test_d.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x", encoding="utf-8")
    (tmp_path / "tests/unit/rows.py").write_text("no test", encoding="utf-8")
    named = sorted(path for part in default_parts(tmp_path) for path in part.paths)
    assert named == ["tests/infra/test_d.py", "tests/unit/new", "tests/unit/old", "tests/unit/test_c.py"]


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([ended(0), ended(0)], 0),
        ([ended(0), ended(NOTHING_SELECTED)], 0),
        ([ended(NOTHING_SELECTED), ended(NOTHING_SELECTED)], NOTHING_SELECTED),
        ([ended(0), ended(1)], 1),
        ([ended(1), ended(NOTHING_SELECTED)], 1),
        ([ended(4), ended(1)], 4),
        ([ended(0), ended(-9, at="test_a")], 1),
        ([ended(-9, at="test_a"), ended(3)], 1),
        ([ended(0), ended(0, at="test_a")], 1),
        ([ended(NOTHING_SELECTED, at="test_a"), ended(0)], NOTHING_SELECTED),
        ([ended(0, at="collection")], 1),
    ],
)
def test_all_parts_have_passed_only_if_each_came_to_its_end_and_nothing_failed(parts: list[Ended], code: int) -> None:
    assert code_of(parts) == code


def test_the_summary_counts_all_and_repeats_what_failed() -> None:
    lines = summary(
        [
            ended(0, "....\n4 passed, 2 skipped in 1.00s\n"),
            ended(
                1,
                "FAILED a.py::b - assert 0\nERROR a.py::c\n===== 1 failed, 3 passed, 1 error in 0.9s =====\n",
            ),
        ]
    )
    assert lines == [
        "FAILED a.py::b - assert 0",
        "ERROR a.py::c",
        "stats: FAILED: exit code 1, 1 s",
        "1 error, 1 failed, 7 passed, 2 skipped in 2 parts, 1 not passed",
    ]


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (ended(0), "passed, 1 s"),
        (ended(NOTHING_SELECTED), "nothing selected, 1 s"),
        (ended(-6, at="tests/a.py::b"), "FAILED: it ended in the middle of tests/a.py::b (signal SIGABRT), 1 s"),
        (ended(0, at="tests/a.py::b"), "FAILED: it ended in the middle of tests/a.py::b (exit code 0), 1 s"),
        (ended(2), "FAILED: exit code 2, 1 s"),
    ],
)
def test_how_a_part_ended_is_said(part: Ended, said: str) -> None:
    assert how(part) == said
