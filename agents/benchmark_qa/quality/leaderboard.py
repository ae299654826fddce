"""One line per annotator from sums: figures with intervals, place by the shrunk figure, verdict."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from benchmark_qa.quality.submissions import JudgedFigure
from benchmark_qa.quality.verdict import Bar, PersonVerdict, Verdict, Verdicts
from benchmark_qa.records.figures import Totals, join_totals
from benchmark_qa.records.score import Figure
from benchmark_qa.stats.intervals import Interval
from benchmark_qa.stats.ranking import Places, Ranked, places, rank

UNKNOWN_ANNOTATOR = "(unknown)"
ALL_ANNOTATORS = "(all)"


@dataclass(frozen=True)
class Figures:
    """Every published figure of a set of tasks, each with its interval."""

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
    """Accuracy of classifications"""
    attribute_accuracy: Interval
    """Accuracy of attributes of matched objects"""
    score: Interval
    """Mean of the task scores"""
    passed: Interval
    """Share of tasks that met every requirement"""

    def to_dict(self) -> dict[str, Any]:
        """A dict of JSON types; intervals as `{"estimate", "low", "high", "n", ...}`."""
        return asdict(self)


@dataclass(frozen=True)
class BoardLine(Figures):
    """The figures of one annotator, or of all of them pooled."""

    annotator: str
    place: int | None
    """Place by the shrunk figure; None for the pooled line"""
    shrunk: float | None
    """The figure of the verdict, shrunk towards the group's; the fewer tasks, the more"""
    verdict: Verdict
    places: Places | None = None
    """The places that the intervals allow"""
    judged: PersonVerdict | None = None
    """The evidence of the verdict; None for the pooled line and for work of unknown annotators"""

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict of JSON types."""
        own = {name: getattr(self, name) for name in ("annotator", "place", "shrunk", "verdict")}
        figures = {field.name: getattr(self, field.name) for field in fields(Figures)}
        return {
            **{name: asdict(value) if isinstance(value, Interval) else value for name, value in figures.items()},
            **own,
            "place_from": self.places.first if self.places else None,
            "place_to": self.places.last if self.places else None,
            **(self.judged.to_dict() if self.judged else {}),
        }


@dataclass(frozen=True)
class Leaderboard:
    """One line per annotator, the best first, and one line for all of them pooled."""

    lines: tuple[BoardLine, ...]
    pooled: BoardLine
    headline: JudgedFigure
    """The figure that the verdict uses"""
    verdicts: Verdicts

    @property
    def pooled_figure(self) -> float | None:
        """The figure of the verdict over the tasks of all annotators."""
        totals = [each for each in self.verdicts.totals.values() if each.tasks]
        return sum(totals[1:], totals[0]).share if totals else None

    @property
    def bar(self) -> Bar:
        """The bar that every annotator is held against."""
        return self.verdicts.bar

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict of JSON types."""
        return {
            "annotators": [line.to_dict() for line in self.lines],
            "pooled": self.pooled.to_dict(),
            "headline": self.headline,
            "bar": asdict(self.bar),
            "order_of_items": asdict(self.verdicts.order),
        }


def leaderboard(totals: Mapping[str | None, Totals], verdicts: Verdicts) -> Leaderboard:
    """Rank annotators by the figure that the verdicts use.

    Args:
        totals: sums by annotator, from `totals_of` over the records that count.
        verdicts: about the same records.
    """
    by_name = {annotator or UNKNOWN_ANNOTATOR: sums for annotator, sums in totals.items()}
    together = join_totals(by_name.values())
    ranked = {entry.annotator: entry for entry in rank(verdicts.totals)}
    reach = places(verdicts.totals, level=verdicts.bar.level)
    lines = [_line(name, sums, verdicts, ranked.get(name), reach.get(name)) for name, sums in by_name.items()]
    lines.sort(key=lambda line: (line.place is None, line.place, line.annotator))
    pooled = _line(ALL_ANNOTATORS, together, verdicts, None, None)
    return Leaderboard(tuple(lines), pooled, verdicts.figure, verdicts)


def figures_of(totals: Totals, *, level: float) -> Figures:
    """Every figure of these sums, with its interval."""
    return Figures(**_figures(totals, level))


def _line(name: str, totals: Totals, verdicts: Verdicts, ranked: Ranked | None, reach: Places | None) -> BoardLine:
    return BoardLine(
        **_figures(totals, verdicts.bar.level),
        annotator=name,
        place=ranked.place if ranked else None,
        shrunk=ranked.shrunk if ranked else None,
        verdict=verdicts.words_on(name),
        places=reach,
        judged=verdicts.people.get(name),
    )


def _figures(totals: Totals, level: float) -> dict[str, Any]:
    """The fields of `Figures`. Counts come from the sums: whole numbers, exact in a float."""
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
