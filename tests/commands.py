"""All commands of `benchmark-qa`, loaded."""

from collections.abc import Iterator
from typing import Any

from benchmark_qa.cli import ENTRIES, load


def commands() -> Iterator[tuple[str, Any]]:
    """The name of every command, with those of its groups, and the command; groups themselves are left out."""
    for entry in ENTRIES:
        yield from _below(entry.name, load(entry))


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if not inner:
        yield name, command
    for each, one in (inner or {}).items():
        yield from _below(f"{name} {each}", one)
