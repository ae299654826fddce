"""Score records to one line per annotator, every figure with its interval."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from agents.records import ScoreRecord
from agents.scoring.intervals import Interval, ratio_interval

Verdict = Literal["above the bar", "below the bar", "undecided", "too few tasks"]
UNKNOWN_ANNOTATOR = "(unknown)"
ALL_ANNOTATORS = "(all)"


@dataclass(frozen=True)
class Line:
    """The figures of one annotator, or of all of them pooled."""

    annotator: str
    tasks: int
    true_positives: int
    false_positives: int
    false_negatives: int
    precision: Interval
    recall: Interval
    f1: Interval
    mean_similarity: Interval
    """Mean similarity (IoU) of the matches"""
    accuracy: Interval
    """Of classifications"""
    score: Interval
    """Mean of the overall scores"""
    verdict: Verdict

    def to_dict(self) -> dict[str, Any]:
        """JSON types only; intervals as `{"estimate", "low", "high", "n", ...}`."""
        return asdict(self)


@dataclass(frozen=True)
class Leaderboard:
    """One line per annotator, the best first, and all of them pooled."""

    lines: tuple[Line, ...]
    pooled: Line
    records: tuple[ScoreRecord, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON types only: `annotators`, `pooled`, and `tasks` with one entry per score record."""
        return {
            "annotators": [line.to_dict() for line in self.lines],
            "pooled": self.pooled.to_dict(),
            "tasks": [
                {
                    "data_hash": record.identity.data_hash,
                    "data_title": record.data_title,
                    "branch": record.identity.branch_name,
                    "annotator": record.annotator,
                    "score": record.score,
                    "true_positives": record.true_positives,
                    "false_positives": record.false_positives,
                    "false_negatives": record.false_negatives,
                    "classifications_correct": record.classifications_correct,
                    "classifications_total": record.classifications_total,
                }
                for record in self.records
            ],
        }


def leaderboard(
    records: Iterable[ScoreRecord], *, threshold: float, minimum_tasks: int, level: float = 0.95
) -> Leaderboard:
    """Aggregate score records, one per task and annotator.

    Args:
        records: the latest record of each task and annotator.
        threshold: the bar that a verdict holds the interval against.
        minimum_tasks: no verdict on fewer tasks.
        level: of the intervals.
    """
    everything = tuple(records)
    by_annotator: dict[str, list[ScoreRecord]] = defaultdict(list)
    for record in everything:
        by_annotator[record.annotator or UNKNOWN_ANNOTATOR].append(record)

    def line(name: str, some: Sequence[ScoreRecord]) -> Line:
        return _line(name, some, threshold=threshold, minimum_tasks=minimum_tasks, level=level)

    lines = [line(name, some) for name, some in by_annotator.items()]
    lines.sort(key=lambda each: (-(_headline(each).estimate or 0.0), each.annotator))
    return Leaderboard(tuple(lines), line(ALL_ANNOTATORS, everything), everything)


def _line(
    annotator: str, records: Sequence[ScoreRecord], *, threshold: float, minimum_tasks: int, level: float
) -> Line:
    tp = [r.true_positives for r in records]
    found = [r.true_positives + r.false_positives for r in records]
    true = [r.true_positives + r.false_negatives for r in records]
    scores = [r.score for r in records if r.score is not None]
    f1 = ratio_interval([2 * n for n in tp], [a + b for a, b in zip(found, true, strict=True)], level=level)
    accuracy = ratio_interval(
        [r.classifications_correct for r in records], [r.classifications_total for r in records], level=level
    )
    return Line(
        annotator=annotator,
        tasks=len(records),
        true_positives=sum(tp),
        false_positives=sum(found) - sum(tp),
        false_negatives=sum(true) - sum(tp),
        precision=ratio_interval(tp, found, level=level),
        recall=ratio_interval(tp, true, level=level),
        f1=f1,
        mean_similarity=ratio_interval([r.similarity_sum for r in records], tp, level=level),
        accuracy=accuracy,
        score=ratio_interval(scores, [1] * len(scores), level=level),
        verdict=_verdict(f1 if f1.estimate is not None else accuracy, len(records), threshold, minimum_tasks),
    )


def _headline(line: Line) -> Interval:
    return line.f1 if line.f1.estimate is not None else line.accuracy


def _verdict(figure: Interval, tasks: int, threshold: float, minimum_tasks: int) -> Verdict:
    """The interval decides, never the point; and never on too few tasks."""
    if tasks < minimum_tasks:
        return "too few tasks"
    if figure.lies_above(threshold):
        return "above the bar"
    if figure.lies_below(threshold):
        return "below the bar"
    return "undecided"
