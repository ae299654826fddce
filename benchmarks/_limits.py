"""The limits of `limits.toml`, the one place of their figures."""

import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_name("limits.toml")


class Limit(NamedTuple):
    """One figure, and where it is named."""

    figure: float
    what: str
    named: list[tuple[str, str]]
    """(file, pattern that captures the figure there)"""


@cache
def limits() -> dict[str, Limit]:
    """Every limit by its name, as `walks.route`."""
    groups = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {f"{group}.{name}": _limit(entry) for group, entries in groups.items() for name, entry in entries.items()}


def limit(name: str) -> float:
    """The figure of one limit, e.g. `latency.over_bare`."""
    return limits()[name].figure


def group(name: str) -> dict[str, float]:
    """The figures of one group by their names in it."""
    return {full.partition(".")[2]: one.figure for full, one in limits().items() if full.startswith(f"{name}.")}


def _limit(entry: dict[str, object]) -> Limit:
    named = entry.get("named", [])
    (figure,) = (entry[key] for key in ("most", "least") if key in entry)
    assert isinstance(figure, int | float)
    assert isinstance(named, list)
    return Limit(figure, str(entry["what"]), [(file, pattern) for file, pattern in named])
