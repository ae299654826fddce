"""Sums per annotator to one line each: every figure with its interval, a place that few tasks cannot win, a verdict."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from benchmark_qa.records.figures import Figure, Totals, join_totals
from benchmark_qa.stats.intervals import Interval
from benchmark_qa.stats.ranking import Ranked, rank

Verdict = Literal["above the bar", "below the bar", "undecided", "too few tasks"]
UNKNOWN_ANNOTATOR = "(unknown)"
ALL_ANNOTATORS = "(all)"
HEADLINES: tuple[Figure, ...] = ("f1", "accuracy", "score")
"""What an annotator is ranked and judged by: the first of these that anybody has"""


@dataclass(frozen=True)
class Bar:
    """What a verdict holds the interval against."""

    threshold: float = 0.7
    minimum_tasks: int = 5
    """No verdict on fewer"""
    level: float = 0.95
    """Of every interval"""


@dataclass(frozen=True)
class Figures:
    """Every published figure of some tasks, each with its interval."""

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
    attribute_accuracy: Interval
    """Of attributes of matched objects"""
    score: Interval
    """Mean of the overall scores"""
    passed: Interval
    """Share of tasks that met every requirement"""

    def to_dict(self) -> dict[str, Any]:
        """JSON types only; intervals as `{"estimate", "low", "high", "n", ...}`."""
        return asdict(self)


@dataclass(frozen=True)
class Line(Figures):
    """The figures of one annotator, or of all of them pooled."""

    annotator: str
    place: int | None
    """By the shrunk headline figure; None for all of them pooled"""
    shrunk: float | None
    """The headline figure, pulled towards the group's as far as the tasks are few"""
    verdict: Verdict


@dataclass(frozen=True)
class Leaderboard:
    """One line per annotator, the best first, and all of them pooled."""

    lines: tuple[Line, ...]
    pooled: Line
    headline: Figure
    """The figure that ranks and judges"""
    bar: Bar

    def to_dict(self) -> dict[str, Any]:
        """JSON types only."""
        return {
            "annotators": [line.to_dict() for line in self.lines],
            "pooled": self.pooled.to_dict(),
            "headline": self.headline,
            "bar": asdict(self.bar),
        }


def leaderboard(totals: Mapping[str | None, Totals], bar: Bar) -> Leaderboard:
    """Rank annotators by their sums (`SqlScoreStore.totals`, or `totals_of` any records)."""
    by_name = {annotator or UNKNOWN_ANNOTATOR: sums for annotator, sums in totals.items()}
    together = join_totals(by_name.values())
    headline = next((figure for figure in HEADLINES if figure in together), HEADLINES[0])
    ranked = {
        entry.annotator: entry
        for entry in rank({name: sums[headline] for name, sums in by_name.items() if headline in sums})
    }
    lines = [_line(name, sums, bar, headline, ranked.get(name)) for name, sums in by_name.items()]
    lines.sort(key=lambda line: (line.place is None, line.place, line.annotator))
    pooled = _line(ALL_ANNOTATORS, together, bar, headline, None)
    return Leaderboard(tuple(lines), pooled, headline, bar)


def figures_of(totals: Totals, *, level: float) -> Figures:
    """Every figure of these sums, with its interval."""
    return Figures(**_figures(totals, level))


def verdict_on(figure: Interval, bar: Bar, *, tasks: int) -> Verdict:
    """The interval decides, never the point; and never on too few tasks."""
    if tasks < bar.minimum_tasks:
        return "too few tasks"
    if figure.lies_above(bar.threshold):
        return "above the bar"
    if figure.lies_below(bar.threshold):
        return "below the bar"
    return "undecided"


def _line(name: str, totals: Totals, bar: Bar, headline: Figure, ranked: Ranked | None) -> Line:
    figures = _figures(totals, bar.level)
    verdict = verdict_on(figures[headline], bar, tasks=figures["tasks"])
    return Line(
        **figures,
        annotator=name,
        place=ranked.place if ranked else None,
        shrunk=ranked.shrunk if ranked else None,
        verdict=verdict,
    )


def _figures(totals: Totals, level: float) -> dict[str, Any]:
    """The fields of `Figures`. Counts are read off the sums: they are whole numbers, exact in a float."""
    precision, recall = totals.get("precision"), totals.get("recall")
    found = precision or recall
    matches = found.numerator if found else 0.0
    named: tuple[Figure, ...] = (
        "precision",
        "recall",
        "f1",
        "mean_similarity",
        "accuracy",
        "attribute_accuracy",
        "score",
        "passed",
    )
    return {
        "tasks": totals["tasks"].tasks if "tasks" in totals else 0,
        "true_positives": round(matches),
        "false_positives": round(precision.denominator - matches) if precision else 0,
        "false_negatives": round(recall.denominator - matches) if recall else 0,
        **{figure: _interval(totals, figure, level) for figure in named},
    }


def _interval(totals: Totals, figure: Figure, level: float) -> Interval:
    if figure not in totals:
        return Interval.not_applicable(_MISSING.get(figure, "nothing to count in any task"), level=level)
    return totals[figure].interval(level=level)


_MISSING: Mapping[Figure, str] = {
    "precision": "no task has labels with objects",
    "recall": "no task has objects in the ground truth",
    "f1": "no task has objects",
    "mean_similarity": "nothing matched",
    "accuracy": "no task has classifications",
    "attribute_accuracy": "no task has attributes",
    "score": "no task has a score",
    "passed": "no requirements are configured",
}
