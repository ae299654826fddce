"""The figures by class, requirement, dataset and week."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from benchmark_qa.quality.leaderboard import Figures, figures_of
from benchmark_qa.quality.submissions import Submission
from benchmark_qa.records.figures import totals_of, totals_of_shares
from benchmark_qa.records.score import ConflictKey, FigureShare, ScoreRecord, conflict_counts, object_shares
from benchmark_qa.stats.intervals import Interval, mean_interval, proportion_interval


@dataclass(frozen=True)
class Group:
    """The figures of one class, dataset, week or annotator."""

    name: str
    figures: Figures

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict of JSON types."""
        return {"name": self.name, **self.figures.to_dict()}


@dataclass(frozen=True)
class RequirementLine:
    """How often one requirement was met."""

    name: str
    metric: str
    threshold: float
    passed: Interval
    """Share of the tasks it applies to that met it"""
    value: Interval | None
    """Mean of the metric; None if the metric is not a share"""
    not_applicable: int
    """Tasks it did not apply to"""

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict of JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class Confusion:
    """Counts by true class (rows) and given class (columns); the last row and column mean no object."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict of JSON types."""
        return {"classes": list(self.classes), "counts": [list(row) for row in self.counts]}


def by_dataset(records: Iterable[ScoreRecord], *, titles: Mapping[str, str], level: float) -> list[Group]:
    """One group per dataset, sorted by name."""
    return _grouped(records, lambda record: _dataset(record, titles), level)


def by_week(submissions: Iterable[Submission], *, zone: tzinfo, level: float) -> list[Group]:
    """One group per week of submission, named by its Monday; a week begins at midnight in `zone`."""
    weeks: dict[str, list[ScoreRecord]] = defaultdict(list)
    for each in submissions:
        weeks[monday_of(each.at, zone)].append(each.record)
    return [Group(name, figures_of(totals_of(some), level=level)) for name, some in sorted(weeks.items())]


def by_class(records: Iterable[ScoreRecord], *, level: float) -> list[Group]:
    """One group per class, the worst first."""
    tasks: dict[str, list[list[FigureShare]]] = defaultdict(list)
    for record in records:
        for entry in record.details.get("by_class", {}).values():
            tasks[entry["name"]].append(list(class_shares(entry)))
    groups = [Group(name, figures_of(totals_of_shares(shares), level=level)) for name, shares in tasks.items()]
    return sorted(groups, key=lambda group: (_headline(group.figures), group.name))


def by_requirement(records: Iterable[ScoreRecord], *, level: float) -> list[RequirementLine]:
    """One line per requirement, the one that is met least often first."""
    verdicts: dict[tuple[str, str, float], list[Mapping[str, Any]]] = defaultdict(list)
    for record in records:
        for entry in record.details.get("requirements", ()):
            verdicts[entry["name"], entry["metric"], entry["threshold"]].append(entry)
    lines = [_requirement(*key, entries, level) for key, entries in verdicts.items()]
    return sorted(lines, key=lambda line: (_or_one(line.passed), line.name))


def confusion_of(records: Iterable[ScoreRecord]) -> Confusion:
    """The confusion matrix over all tasks."""
    names: dict[str, str] = {}
    cells: Counter[tuple[str | None, str | None]] = Counter()
    for record in records:
        names.update((key, entry["name"]) for key, entry in record.details.get("by_class", {}).items())
        for true, given, count in record.details.get("confusion", ()):
            cells[true, given] += count
    hashes = sorted({one for cell in cells for one in cell if one is not None}, key=lambda one: names.get(one, one))
    both: list[str | None] = [*hashes, None]
    return Confusion(
        classes=tuple(names.get(one, one) for one in hashes),
        counts=tuple(tuple(cells[true, given] for given in both) for true in both),
    )


def class_shares(entry: Mapping[str, Any]) -> Iterator[FigureShare]:
    """The figures of one class in one task, from `ClassScore.to_dict`."""
    yield "tasks", 1.0, 1.0
    objects = entry.get("objects")
    if objects:
        yield from object_shares(
            objects["true_positives"],
            objects["false_positives"],
            objects["false_negatives"],
            objects["similarity_sum"],
        )
    for figure, key in (("accuracy", "classifications"), ("attribute_accuracy", "attributes")):
        answers = entry.get(key)
        total = answers["expected"] + answers["spurious"] if answers else 0
        if answers and total:
            yield figure, answers["correct"], total  # type: ignore[misc]


def monday_of(moment: datetime, zone: tzinfo) -> str:
    """The date of the week's Monday in the time zone."""
    day = moment.astimezone(zone).date()
    return (day - timedelta(days=day.weekday())).isoformat()


def _grouped(records: Iterable[ScoreRecord], key: Callable[[ScoreRecord], str], level: float) -> list[Group]:
    groups: dict[str, list[ScoreRecord]] = defaultdict(list)
    for record in records:
        groups[key(record)].append(record)
    return [Group(name, figures_of(totals_of(groups[name]), level=level)) for name in sorted(groups)]


def _dataset(record: ScoreRecord, titles: Mapping[str, str]) -> str:
    if record.dataset_hash is None:
        return "(not recorded)"
    return titles.get(record.dataset_hash, record.dataset_hash)


def _headline(figures: Figures) -> float:
    known = (figures.f1.estimate, figures.accuracy.estimate, figures.attribute_accuracy.estimate)
    return next((figure for figure in known if figure is not None), 1.0)


def _requirement(
    name: str, metric: str, threshold: float, entries: Sequence[Mapping[str, Any]], level: float
) -> RequirementLine:
    applied = [entry for entry in entries if entry["passed"] is not None]
    values = [entry["value"] for entry in applied if entry["value"] is not None]
    is_share = bool(values) and all(0.0 <= value <= 1.0 for value in values)
    return RequirementLine(
        name=name,
        metric=metric,
        threshold=threshold,
        passed=proportion_interval(sum(entry["passed"] for entry in applied), len(applied), level=level),
        value=mean_interval(values, level=level) if is_share else None,
        not_applicable=len(entries) - len(applied),
    )


def _or_one(interval: Interval) -> float:
    return 1.0 if interval.estimate is None else interval.estimate


@dataclass(frozen=True)
class ConflictLine:
    """How often one kind of conflict occurred."""

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
        """The kind in plain words."""
        return self.kind.replace("_", " ")

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict of JSON types."""
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
