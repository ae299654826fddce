"""Fixtures shared by every test."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.parts import VARIABLE
from tests.switches import begin_file_of, broken, forget_reads, note_reads, reads_noted

# A loaded machine is slow: no example fails by the clock. The same code gives the same verdict: `make test` draws the
# same examples each time, `make explore` new ones.
settings.register_profile("reproducible", deadline=None, derandomize=True)
settings.register_profile("exploring", deadline=None)
settings.load_profile("reproducible")

# A shell ignores SIGINT for what it starts in the background, and processes hand that down: it is needed here.
signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


def _load(name: str) -> dict[str, Any]:
    path = SHARED_DATA / name
    if not path.is_file():
        pytest.skip(f"real labels are not here: {path} is missing")
    return json.loads(path.read_text())


@pytest.fixture(scope="session")
def pedestrians() -> dict[str, Any]:
    """469 real images: expert boxes and the boxes of seven crowd annotators each."""
    return _load("pedestrians.json")


@pytest.fixture(scope="session")
def bluebirds() -> dict[str, Any]:
    """108 real images: a yes/no question answered by 39 crowd annotators, with the truth."""
    return _load("bluebirds.json")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `encord` note what they read; under a turned switch those that it is known to break must fail."""
    if any(item.get_closest_marker("encord") for item in items):
        note_reads()
    for item in items:
        if broken() & {item.nodeid, item.nodeid.partition("[")[0]}:
            item.add_marker(pytest.mark.xfail(strict=True, reason="the switch is known to break it"))


def pytest_runtest_logstart(nodeid: str) -> None:
    """Note which test runs: for a part that dies (see `tests/parts.py`), and whose readings of switches follow."""
    _note(nodeid)
    begin_file_of(nodeid)


def pytest_unconfigure() -> None:
    """Note that pytest came to its end."""
    _note("")


def _note(at: str) -> None:
    if file := os.environ.get(VARIABLE):
        Path(file).write_text(at, encoding="utf-8")


@pytest.fixture(autouse=True)
def switches_read(request: pytest.FixtureRequest) -> Iterator[None]:
    """Holds `switch_reads.json`: a test marked `encord` may read no switch but those that stand there."""
    if request.node.get_closest_marker("encord") is None:
        yield
        forget_reads()
        return
    with reads_noted(request.node.nodeid):
        yield
