"""The examples of `docs/api.md` are true, and it names all that is public."""

import doctest
from pathlib import Path

import benchmark_qa

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def test_the_examples_are_true() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False)
    assert result.attempted > 0
    assert result.failed == 0


def test_every_public_name_is_there() -> None:
    for name in benchmark_qa.__all__:
        assert getattr(benchmark_qa, name).__module__.startswith("benchmark_qa.")
