"""Pages, the Makefile and comments name the limits of `benchmarks/limits.toml` and no others."""

import re
from pathlib import Path

import pytest

from benchmarks._limits import limit, limits

ROOT = Path(__file__).parents[2]
LIMITS = limits()
NAMED = [pytest.param(name, *place, id=f"{name} {place[0]}") for name, one in LIMITS.items() for place in one.named]
FILES = sorted({file for one in LIMITS.values() for file, _ in one.named})


@pytest.mark.parametrize(("name", "file", "pattern"), NAMED)
def test_a_limit_that_is_named_is_the_one_that_is_held(name: str, file: str, pattern: str) -> None:
    named = re.findall(pattern, (ROOT / file).read_text(encoding="utf-8"))
    assert named, f"{file} does not name {name} any more: take the pattern out of limits.toml"
    assert {float(figure) for figure in named} == {LIMITS[name].figure}


@pytest.mark.parametrize("file", FILES)
def test_every_limit_in_brackets_is_one_of_them(file: str) -> None:
    """ "(at most 1.2)" beside a measured figure is a limit, as the pages write it."""
    text = (ROOT / file).read_text(encoding="utf-8")
    places = [place for one in LIMITS.values() for where, place in one.named if where == file]
    covered = {found.start(1) for place in places for found in re.finditer(place, text)}
    unknown = [
        found.group() for found in re.finditer(r"\(at (?:most|least) ([\d.]+)", text) if found.start(1) not in covered
    ]
    assert unknown == []


def test_no_benchmark_or_test_writes_a_limit_of_its_own() -> None:
    """A constant called MOST… or "(at most 1.2)" in a benchmark is a figure that belongs into limits.toml."""
    own = re.compile(r"^MOST\w*(?:: [^=\n]+)? = [\d{(].*$|\(at most [\d.]+\)", re.MULTILINE)
    found = {
        str(file.relative_to(ROOT)): own.findall(file.read_text(encoding="utf-8"))
        for file in ROOT.glob("benchmarks/*.py")
    }
    assert {file: lines for file, lines in found.items() if lines} == {}


def test_the_package_has_no_more_files_than_it_may() -> None:
    files = [path for path in (ROOT / "agents").rglob("*.py") if path.name != "__init__.py"]
    assert len(files) <= limit("package.files")
