"""One annotator's page: trend, classes, conflicts, and the tasks to look at together."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from agents.records import ScoreRecord
from agents.reporting.breakdown import Group, by_class, by_week
from agents.reporting.conflicts import ConflictLine, conflicts_by_kind
from agents.reporting.leaderboard import UNKNOWN_ANNOTATOR, Leaderboard, Line
from agents.scoring.rating import Rating, Work, rate

WORST_TASKS = 6
CONFLICTS_TOLD = 5
PEOPLE_SHOWN = 100


@dataclass(frozen=True)
class TaskLine:
    """One task of one annotator."""

    record: ScoreRecord
    item_mean: float | None
    """The item's mean score over everybody: a hard item excuses a low score"""
    link: str
    """Of the task in the label editor"""

    def to_dict(self) -> dict[str, Any]:
        """JSON types only; the sketch as `Sketch.to_dict` lays out."""
        record = self.record
        return {
            "data_hash": record.identity.data_hash,
            "data_title": record.data_title,
            "branch": record.identity.branch_name,
            "annotator": record.annotator,
            "score": record.score,
            "item_mean": self.item_mean,
            "passed": record.passed,
            "scored_at": record.scored_at.isoformat(),
            "true_positives": record.true_positives,
            "false_positives": record.false_positives,
            "false_negatives": record.false_negatives,
            "classifications_correct": record.classifications_correct,
            "classifications_total": record.classifications_total,
            "attributes_correct": record.attributes_correct,
            "attributes_total": record.attributes_total,
            "link": self.link,
        }


@dataclass(frozen=True)
class Person:
    """What to talk about with one annotator."""

    line: Line
    rating: Rating
    above_items: float | None
    """Own mean score minus the mean of the same items over everybody: who got the hard ones is not the worse"""
    weeks: tuple[Group, ...]
    classes: tuple[Group, ...]
    conflicts: tuple[ConflictLine, ...]
    worst: tuple[TaskLine, ...]

    @property
    def name(self) -> str:
        """The annotator."""
        return self.line.annotator

    def to_dict(self) -> dict[str, Any]:
        """JSON types only."""
        return {
            "annotator": self.name,
            "rating": {
                "rating": self.rating.rating,
                "parts": self.rating.parts._asdict(),
                "weights": self.rating.weights._asdict(),
            },
            "above_items": self.above_items,
            "weeks": [week.to_dict() for week in self.weeks],
            "classes": [each.to_dict() for each in self.classes],
            "conflicts": [each.to_dict() for each in self.conflicts],
            "worst": [task.to_dict() for task in self.worst],
        }


def people_of(
    board: Leaderboard,
    tasks: Sequence[TaskLine],
    *,
    first_passes: Mapping[str, tuple[int, int]],
    zone: tzinfo,
) -> list[Person]:
    """A page for each of the annotators to talk to first: below the bar, then by place from the bottom.

    Args:
        board: of everybody.
        tasks: of everybody.
        first_passes: by annotator, how many tasks met the bar with their first version, and of how many.
        zone: whose weeks are meant.
    """
    by_name: dict[str, list[TaskLine]] = defaultdict(list)
    for task in tasks:
        by_name[task.record.annotator or UNKNOWN_ANNOTATOR].append(task)
    work = {line.annotator: _work(line, first_passes.get(line.annotator)) for line in board.lines}
    ratings = rate(work)
    urgent = sorted(board.lines, key=lambda line: (line.verdict != "below the bar", -(line.place or 0)))
    return [
        _person(line, by_name[line.annotator], ratings[line.annotator], zone, board.bar.level)
        for line in urgent[:PEOPLE_SHOWN]
    ]


def _work(line: Line, first_pass: tuple[int, int] | None) -> Work:
    accepted, reviewed = first_pass if first_pass else (None, None)
    return Work(quality=line.shrunk, done=line.tasks, reviewed=reviewed, accepted_at_once=accepted)


def _person(line: Line, tasks: Sequence[TaskLine], rating: Rating, zone: tzinfo, level: float) -> Person:
    records = [task.record for task in tasks]
    worst = sorted(
        (task for task in tasks if task.record.score is not None and task.record.score < 1.0),
        key=lambda task: (task.record.score or 0.0, -(task.item_mean or 0.0), task.record.identity.data_hash),
    )
    return Person(
        line=line,
        rating=rating,
        above_items=_above_items(tasks),
        weeks=tuple(by_week(records, zone=zone, level=level)),
        classes=tuple(by_class(records, level=level)),
        conflicts=tuple(conflicts_by_kind(records)[:CONFLICTS_TOLD]),
        worst=tuple(worst[:WORST_TASKS]),
    )


def _above_items(tasks: Sequence[TaskLine]) -> float | None:
    apart = [
        task.record.score - task.item_mean
        for task in tasks
        if task.record.score is not None and task.item_mean is not None
    ]
    return sum(apart) / len(apart) if apart else None
