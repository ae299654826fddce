"""What goes wrong, by kind, and for whom."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from benchmark_qa.records.conflicts import ConflictKey, conflict_counts
from benchmark_qa.records.score import ScoreRecord


@dataclass(frozen=True)
class ConflictLine:
    """One kind of conflict."""

    kind: str
    feature: str
    """Class concerned"""
    other: str | None
    """The class given instead, or the question answered wrongly"""
    count: int
    tasks: int
    annotators: int

    @property
    def words(self) -> str:
        """The kind as a person says it."""
        return self.kind.replace("_", " ")

    def to_dict(self) -> dict[str, Any]:
        """JSON types only."""
        return asdict(self)


def conflicts_by_kind(records: Iterable[ScoreRecord]) -> list[ConflictLine]:
    """One line per kind, class and other class, the most frequent first."""
    counts: Counter[ConflictKey] = Counter()
    tasks: Counter[ConflictKey] = Counter()
    people: dict[ConflictKey, set[str | None]] = {}
    for record in records:
        here = conflict_counts(record.details)
        counts.update(here)
        tasks.update(here.keys())
        for key in here:
            people.setdefault(key, set()).add(record.annotator)
    order = sorted(counts, key=lambda key: (-counts[key], key[0], key[1], key[2] or ""))
    return [ConflictLine(*key, counts[key], tasks[key], len(people[key])) for key in order]
