"""Why a manifest or a registration file is refused: the line, and what is wrong there."""

from collections.abc import Sequence
from dataclasses import dataclass, field

FAULTS_KEPT = 100


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong, and on which line of the file (counted from 1)."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line:,}: {self.reason}"


class EntryError(Exception):
    """One row of a manifest, or one entry of a registration file, that cannot be registered."""


class RulesError(Exception):
    """A rule for building that makes no sense whatever the manifest holds: a pattern, a template, a schema."""


class ManifestRefused(Exception):
    """The manifest cannot be built; nothing was written.

    Attributes:
        faults: the first `FAULTS_KEPT` of them, by line.
        total: how many there are.
        notes: what is worth knowing besides.
    """

    notes: Sequence[str] = ()

    def __init__(self, faults: "Faults") -> None:
        super().__init__(f"{faults.total:,} faults")
        self.faults = tuple(sorted(faults.kept))
        self.total = faults.total


@dataclass(slots=True)
class Faults:
    """Collects faults; however many there are, only the first ones are kept."""

    kept: list[Fault] = field(default_factory=list)
    total: int = 0

    def add(self, line: int, reason: str) -> None:
        """Notes a fault."""
        self.total += 1
        if len(self.kept) < FAULTS_KEPT:
            self.kept.append(Fault(line, reason))

    def refuse(self) -> None:
        """Raises `ManifestRefused` when there is any fault."""
        if self.total:
            raise ManifestRefused(self)
