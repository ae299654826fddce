"""Counts and names of files in a folder that are not registered, so that none is missed unnoticed."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

_NAMES_SHOWN = 10
UNKNOWN_KIND = "the kind is not known"


@dataclass(slots=True)
class LeftOut:
    """Counts of files and links left out, by reason, with the first names of each reason."""

    each: Callable[[str, str], object] | None = None
    """Called for each with its path and the reason"""
    counts: Counter[str] = field(default_factory=Counter)
    _endings: Counter[str] = field(default_factory=Counter)
    _names: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, reason: str, path: str) -> None:
        """Add one path."""
        if self.each is not None:
            self.each(path, reason)
        self.counts[reason] += 1
        if reason == UNKNOWN_KIND:
            self._endings[_ending(path)] += 1
        if len(self._names[reason]) < _NAMES_SHOWN:
            self._names[reason].append(path)

    def lines(self) -> Iterator[str]:
        """One line per reason, for the user."""
        for reason, count in self.counts.items():
            names = ", ".join(repr(name) for name in self._names[reason])
            more = count - len(self._names[reason])
            endings = ", ".join(f"{ending} {number:,}" for ending, number in self._endings.most_common())
            of = f" ({endings})" if reason == UNKNOWN_KIND else ""
            yield f"left out: {count:,}, {reason}{of}: {names}{f' and {more:,} more' if more > 0 else ''}"


def _ending(path: str) -> str:
    name = path.rpartition("/")[2]
    rest, dot, ending = name.rpartition(".")
    if not dot or not ending:
        return "no ending"
    return f".{ending.lower()}" if rest else name
