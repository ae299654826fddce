"""Fixtures for anybody's tests: `pytest_plugins = ["emulator.pytest_plugin"]` in a conftest.py."""

from collections.abc import Iterator

import pytest

from emulator.testing import Running, Sandbox, running, sandbox


@pytest.fixture
def encord_emulator() -> Iterator[Running]:
    """An emulator of an empty world; worlds are added at `/_emulator/world`."""
    with running() as found:
        yield found


@pytest.fixture
def encord_sandbox() -> Iterator[Sandbox]:
    """A whole project of three images, with its owner's client."""
    with sandbox() as found:
        yield found
