"""Every trap of the wire specification, section 9, is named by the docstring of a test of the emulator."""

import ast
import re
from pathlib import Path

import pytest

TRAPS = range(1, 35)
NUMBER = re.compile(r"^Trap (\d+)\b")


def numbers_in(source: str) -> set[int]:
    """The numbers of the traps that the tests in a module's text name."""
    tests = (
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef) and node.name[:5] == "test_"
    )
    named = (NUMBER.match(ast.get_docstring(test) or "") for test in tests)
    return {int(found[1]) for found in named if found}


@pytest.fixture(scope="module")
def tested() -> set[int]:
    files = Path(__file__).parent.glob("test_*.py")
    return set().union(*(numbers_in(file.read_text()) for file in files))


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_has_a_test(tested: set[int], trap: int) -> None:
    assert trap in tested


def test_only_docstrings_of_tests_that_begin_with_a_number_count() -> None:
    source = '''
def test_one() -> None:
    """Trap 1."""

def test_two() -> None:
    """Like trap 2, but Trap 3."""

def helper() -> None:
    """Trap 4."""
'''
    assert numbers_in(source) == {1}
