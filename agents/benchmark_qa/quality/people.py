"""The page of one annotator: trend, classes, conflicts, and tasks to discuss."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import tzinfo
from typing import Any

from benchmark_qa.quality.breakdown import ConflictLine, Group, by_class, by_week, conflicts_by_kind
from benchmark_qa.quality.crowd import QuestionAgreement
from benchmark_qa.quality.items import RatingLine
from benchmark_qa.quality.leaderboard import UNKNOWN_ANNOTATOR, BoardLine, Leaderboard
from benchmark_qa.quality.submissions import Submission
from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.stats.intervals import Interval

WORST_TASKS = 6
CONFLICTS_TOLD = 5
PEOPLE_SHOWN = 100


@dataclass(frozen=True)
class TaskLine:
    """One task of one annotator."""

    submission: Submission
    item_mean: float | None
    """The item's mean score over all annotators: a hard item explains a low score"""
    link: str
    """Link to the task in the label editor"""

    frame: int = 0
    """The frame that the link opens: one with a conflict, if there is one"""

    @property
    def record(self) -> ScoreRecord:
        """The score record of the task."""
        return self.submission.record

    def to_dict(self) -> dict[str, Any]:
        """A dict of JSON types; the sketch has the layout of `Sketch.to_dict`."""
        record = self.record
        return {
            "data_hash": record.identity.data_hash,
            "data_title": record.data_title,
            "branch": record.identity.branch_name,
            "annotator": record.annotator,
            "score": record.score,
            "item_mean": self.item_mean,
            "passed": record.passed,
            "submitted_at": self.submission.at.isoformat(),
            "scored_at": record.scored_at.isoformat(),
            "true_positives": record.true_positives,
            "false_positives": record.false_positives,
            "false_negatives": record.false_negatives,
            "classifications_correct": record.classifications_correct,
            "classifications_total": record.classifications_total,
            "attributes_correct": record.attributes_correct,
            "attributes_total": record.attributes_total,
            "link": self.link,
            "frame": self.frame,
        }


@dataclass(frozen=True)
class Person:
    """What to discuss with one annotator."""

    line: BoardLine
    rated: RatingLine
    kappa: Mapping[str, Interval]
    """Cohen's kappa with the truth, by question"""
    above_items: float | None
    """Own mean score minus the mean over all annotators on the same items: corrects for hard items"""
    weeks: tuple[Group, ...]
    classes: tuple[Group, ...]
    conflicts: tuple[ConflictLine, ...]
    worst: tuple[TaskLine, ...]

    @property
    def name(self) -> str:
        """The annotator's name."""
        return self.line.annotator

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict of JSON types."""
        return {
            "annotator": self.name,
            "rating": {
                "rating": self.rated.rating.rating,
                "parts": self.rated.rating.parts._asdict(),
                "weights": self.rated.rating.weights._asdict(),
            },
            "kappa": {question: asdict(interval) for question, interval in self.kappa.items()},
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
    rated: Sequence[RatingLine],
    questions: Sequence[QuestionAgreement],
    zone: tzinfo,
) -> list[Person]:
    """A page for each annotator to talk to first: those below the bar, then by place from the bottom.

    Args:
        board: the leaderboard of all annotators.
        tasks: of all annotators.
        rated: the ratings of all annotators.
        questions: agreement of all annotators with the truth, per question.
        zone: time zone of the weeks.
    """
    by_name: dict[str, list[TaskLine]] = defaultdict(list)
    for task in tasks:
        by_name[task.record.annotator or UNKNOWN_ANNOTATOR].append(task)
    ratings = {line.annotator: line for line in rated}
    urgent = sorted(board.lines, key=lambda line: (line.verdict != "below the bar", -(line.place or 0)))
    return [
        _person(line, by_name[line.annotator], ratings[line.annotator], questions, zone=zone, level=board.bar.level)
        for line in urgent[:PEOPLE_SHOWN]
    ]


def _person(
    line: BoardLine,
    tasks: Sequence[TaskLine],
    rated: RatingLine,
    questions: Sequence[QuestionAgreement],
    *,
    zone: tzinfo,
    level: float,
) -> Person:
    records = [task.record for task in tasks]
    worst = sorted(
        (task for task in tasks if task.record.score is not None and task.record.score < 1.0),
        key=lambda task: (task.record.score or 0.0, -(task.item_mean or 0.0), task.record.identity.data_hash),
    )
    return Person(
        line=line,
        rated=rated,
        kappa={each.question: each.kappa[line.annotator] for each in questions if line.annotator in each.kappa},
        above_items=_above_items(tasks),
        weeks=tuple(by_week([task.submission for task in tasks], zone=zone, level=level)),
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
