"""Faults of manifests and registration files, each with its line."""

from collections.abc import Sequence
from dataclasses import dataclass, field

FAULTS_KEPT = 100


@dataclass(frozen=True, slots=True, order=True)
class LineFault:
    """One fault and its line in the file (counted from 1)."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line:,}: {self.reason}"


class EntryError(Exception):
    """One row of a manifest, or one entry of a registration file, cannot be registered."""


class RulesError(Exception):
    """A rule is invalid for every manifest: a pattern, a template, a schema."""


class ManifestRefused(Exception):
    """The manifest cannot be built; nothing was written.

    Attributes:
        faults: the first `FAULTS_KEPT` of them, by line.
        total: number of all faults.
        notes: other remarks.
    """

    notes: Sequence[str] = ()

    def __init__(self, faults: "Faults") -> None:
        super().__init__(f"{faults.total:,} faults")
        self.faults = tuple(sorted(faults.kept))
        self.total = faults.total


@dataclass(slots=True)
class Faults:
    """Collects faults; keeps the first ones and counts all."""

    kept: list[LineFault] = field(default_factory=list)
    total: int = 0

    def add(self, line: int, reason: str) -> None:
        """Add a fault."""
        self.total += 1
        if len(self.kept) < FAULTS_KEPT:
            self.kept.append(LineFault(line, reason))

    def refuse(self) -> None:
        """Raise `ManifestRefused` if there is any fault."""
        if self.total:
            raise ManifestRefused(self)
