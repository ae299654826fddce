"""Fixtures shared by every test."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.switches import broken, note_reads, reads_noted

# A loaded machine is slow: no example fails by the clock.
settings.register_profile("ours", deadline=None)
settings.load_profile("ours")

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


@pytest.fixture(autouse=True)
def switches_read(request: pytest.FixtureRequest) -> Iterator[None]:
    """Holds `switch_reads.json`: a test marked `encord` may read no switch but those that stand there."""
    if request.node.get_closest_marker("encord") is None:
        yield
        return
    with reads_noted(request.node.nodeid):
        yield
