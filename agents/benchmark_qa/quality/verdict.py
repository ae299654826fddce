"""The verdict about a person: one figure against one bar, by evidence that is valid after every task.

The report, the page, alerts, actions and exports all use this verdict. The crowd is everybody with evidence in the
project, so filters and pages of a list do not change a verdict. For the dates at which verdicts appeared and were
lifted, the project is judged after every moment of submission. The method and its guarantees:
docs/statistics/evidence.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Literal, get_args

import numpy as np

from benchmark_qa.labels.annotations import Numbers
from benchmark_qa.quality.submissions import (
    JudgedFigure,
    Submission,
    figure_of,
    gains_of,
    part_of,
    totals_of_figure,
)
from benchmark_qa.stats.crowd_evidence import AmongOthers, PersonEvidence, beside_others, named_of_many, standings
from benchmark_qa.stats.evidence import Evidence, cap_for, evidence_paths, folds, naming_level
from benchmark_qa.stats.intervals import Interval, RatioTotals
from benchmark_qa.stats.item_order import ItemOrder, item_order

Verdict = Literal[
    "above the bar", "below the bar", "undecided", "too few tasks", "cannot be said: items not in random order"
]


VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


BELOW_OTHERS = "below the others on these items"


_PEOPLE_COMPARED = 20


_ITEMS_COMPARED = 200


_FAR = 500
"""Tasks above which the expected number is not given, only that it will take long"""


_TOGETHER = timedelta(seconds=2)


_OF_SIDE: Mapping[str, Verdict] = {"above": "above the bar", "below": "below the bar"}


EventWords = Literal["above the bar", "below the bar", "undecided"]


@dataclass(frozen=True, slots=True)
class VerdictEvent:
    """A verdict appeared, or the one before was lifted (`undecided`)."""

    at: datetime
    task: int
    """Tasks with something to judge that the person had submitted by then"""
    words: EventWords

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict of JSON types."""
        return {"at": self.at.isoformat(), "task": self.task, "words": self.words}


@dataclass(frozen=True)
class Bar:
    """The bar for annotators, and the settings of the verdict."""

    threshold: float = 0.7
    minimum_tasks: int = 5
    """Tasks with something to judge that a verdict needs"""
    level: float = 0.95
    """Confidence level of every interval that is shown; it has no effect on verdicts"""
    figure: JudgedFigure | None = None
    """None: F1, or the accuracy of answers if the project has no objects"""


@dataclass(frozen=True)
class PersonVerdict:
    """The verdict about one person, with its evidence."""

    annotator: str
    words: Verdict
    figure: Interval
    """The figure held against the bar, with the interval of a single look"""
    standing: PersonEvidence
    others: AmongOthers | None
    """Comparison with the others on the same items; None if no other has labelled enough of them"""
    crowd: float | None
    """The figure of the others on this person's items"""
    events: tuple[VerdictEvent, ...] = ()
    """Verdicts that appeared and were lifted, the oldest first"""

    @property
    def since(self) -> VerdictEvent | None:
        """The event at which the verdict appeared; None if there is no verdict."""
        return self.events[-1] if self.events and self.events[-1].words == self.words else None

    @property
    def tasks(self) -> int:
        """Number of tasks with something to judge."""
        return self.standing.tasks

    @property
    def is_below_others(self) -> bool:
        """Whether the person is below the others; depends neither on the order of items nor on the bar."""
        return self.others is not None and self.others.is_below

    @property
    def still(self) -> str | None:
        """The expected number of tasks until the verdict is known, in words.

        None unless the verdict is undecided and the number can be estimated.
        """
        expected = self.standing.tasks_expected
        if self.words != "undecided" or expected is None:
            return None
        return f"about {expected:,} more" if expected <= _FAR else f"over {_FAR:,} more"

    def explain(self) -> str:
        """The verdict with its evidence, as one line."""
        figure = "n/a" if self.figure.estimate is None else f"{self.figure.estimate:.2f}"
        said = f"{self.words}: {figure} on {self.tasks:,} task{'' if self.tasks == 1 else 's'}"
        standing = self.standing
        if self.words == "above the bar":
            said += f", evidence {standing.evidence_above:,.0f} of {standing.needed_above:,.0f} needed"
        elif self.words in ("below the bar", "undecided"):
            said += f", evidence {standing.evidence_below:,.1f} of {standing.needed_below:,.0f} needed to be below"
        if self.since is not None:
            said += f", since task {self.since.task:,} on {self.since.at:%Y-%m-%d}"
        elif self.still is not None:
            said += f"; {self.still} until we know"
        return said

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict of JSON types."""
        since = self.since
        return {
            "annotator": self.annotator,
            "verdict": self.words,
            "figure": asdict(self.figure),
            "since": since.to_dict() if since else None,
            "evidence": {name: value for name, value in asdict(self.standing).items() if name != "side"},
            "tasks_expected": self.standing.tasks_expected,
            "still": self.still,
            "others_on_these_items": self.crowd,
            "beside_others": self._beside_others(),
            "events": [event.to_dict() for event in self.events],
        }

    def _beside_others(self) -> dict[str, Any] | None:
        if self.others is None:
            return None
        return asdict(self.others) | {"words": BELOW_OTHERS if self.is_below_others else None}


@dataclass(frozen=True)
class Verdicts:
    """The verdicts about all annotators of a project."""

    bar: Bar
    figure: JudgedFigure
    """The figure that the verdicts use"""
    order: ItemOrder
    """Whether annotators get the items in a random order"""
    people: Mapping[str, PersonVerdict] = field(default_factory=dict)
    totals: Mapping[str, RatioTotals] = field(default_factory=dict)
    """The sums of the figure by annotator"""

    def words_on(self, annotator: str) -> Verdict:
        """The verdict in words; "too few tasks" for an annotator who is not known."""
        person = self.people.get(annotator)
        return person.words if person else "too few tasks"

    def with_words(self, words: Verdict) -> list[PersonVerdict]:
        """All annotators with this verdict, sorted by name."""
        return [self.people[name] for name in sorted(self.people) if self.people[name].words == words]


def order_of_items(submissions: Iterable[Submission], draws: Iterable[int] = ()) -> ItemOrder:
    """Whether people get the items in a random order; the result is the same for every bar.

    Compares only the first items of the people with the most items: that shows a common order, and this runs often.

    Args:
        submissions: of the whole project, in order.
        draws: seeds with which `pace` has ordered the queue.
    """
    people = by_person(submissions)
    compared = people_compared({name: len(own) for name, own in people.items()})
    return item_order({name: places_compared(people[name]) for name in compared}, draws=draws)


def people_compared(met: Mapping[str, int]) -> list[str]:
    """The people whose orders are compared, from the number of items that everybody has met."""
    return sorted(met, key=lambda name: (-met[name], name))[:_PEOPLE_COMPARED]


def places_compared(own: Sequence[Submission]) -> dict[str, float]:
    """Data hash -> position, of the items of one person that are compared."""
    return _moments(own[:_ITEMS_COMPARED])


def judge(submissions: Sequence[Submission], bar: Bar, order: ItemOrder) -> Verdicts:
    """The verdict about everybody.

    Args:
        submissions: of the whole project, in order; work of unknown annotators is left out.
        bar: what everybody is held against.
        order: the result of `order_of_items`, with the draws that the deployment knows.
    """
    people = by_person(submissions)
    figure = bar.figure or figure_of(each.record for each in submissions)
    gains = {name: gains_of([each.record for each in own], figure, bar.threshold) for name, own in people.items()}
    judged = {name: [each for each in own if part_of(each.record, figure)[1]] for name, own in people.items()}
    totals = {name: totals_of_figure([each.record for each in own], figure) for name, own in people.items()}
    found = said_of(folds(gains), totals, (bar, figure, order))
    is_said = not order.is_systematic
    events = history_of(judged, figure, bar.threshold, minimum=bar.minimum_tasks) if is_said else {}
    others = beside_others({name: _values(own, figure) for name, own in judged.items()})
    crowd = _crowd_on_items(judged, figure)
    return replace(
        found,
        people={
            name: replace(
                person,
                others=others[name] if others[name].tasks else None,
                crowd=crowd[name],
                events=tuple(events.get(name, ())),
            )
            for name, person in found.people.items()
        },
    )


def said_of(
    evidence: Mapping[str, Evidence],
    totals: Mapping[str, RatioTotals],
    about: tuple[Bar, JudgedFigure, ItemOrder],
) -> Verdicts:
    """The verdicts without what is shown beside them: the others on the same items, and the events.

    Args:
        evidence: about everybody in the project.
        totals: the sums of the figure by annotator.
        about: the bar, the figure that is held against it, and the order of items.
    """
    bar, figure, order = about
    people = {
        name: PersonVerdict(
            annotator=name,
            words=_words(standing, bar, is_said=not order.is_systematic),
            figure=totals[name].interval(level=bar.level),
            standing=standing,
            others=None,
            crowd=None,
        )
        for name, standing in standings(evidence).items()
    }
    return Verdicts(bar, figure, order, people, totals)


def _words(standing: PersonEvidence, bar: Bar, *, is_said: bool) -> Verdict:
    if standing.tasks < bar.minimum_tasks:
        return "too few tasks"
    if not is_said:
        return "cannot be said: items not in random order"
    return _OF_SIDE.get(standing.side, "undecided")


def by_person(submissions: Iterable[Submission]) -> dict[str, list[Submission]]:
    """The submissions of each known annotator, in the order given."""
    found: dict[str, list[Submission]] = {}
    for each in submissions:
        if each.record.annotator is not None:
            found.setdefault(each.record.annotator, []).append(each)
    return found


def _moments(own: Sequence[Submission]) -> dict[str, float]:
    """Data hash -> position in the order of one person's work.

    Submissions within a second or two share a position: they were handed in or imported together, in any order. A
    submission without a known time has no position, because the order of scoring is not the order of work.
    """
    places: dict[str, float] = {}
    place, last = 0, None
    for each in (one for one in own if one.is_moment_known):
        if last is not None and each.at - last > _TOGETHER:
            place += 1
        last = each.at
        places[each.record.identity.data_hash] = float(place)
    return places


def _values(own: Sequence[Submission], figure: JudgedFigure) -> list[tuple[str, float]]:
    parts = [(each.record.identity.data_hash, part_of(each.record, figure)) for each in own]
    return [(data_hash, above / below) for data_hash, (above, below) in parts]


def _crowd_on_items(judged: Mapping[str, Sequence[Submission]], figure: JudgedFigure) -> dict[str, float | None]:
    """For each person, the figure that the others reach on the same items; each item has the same weight."""
    sums: dict[str, list[float]] = {}
    for own in judged.values():
        for each in own:
            item = sums.setdefault(each.record.identity.data_hash, [0.0, 0.0, 0.0])
            above, below = part_of(each.record, figure)
            item[0] += above
            item[1] += below
            item[2] += 1
    found: dict[str, float | None] = {}
    for name, own in judged.items():
        reached = weighed = 0.0
        for each in own:
            above, below, people = sums[each.record.identity.data_hash]
            mine = part_of(each.record, figure)
            if people > 1:
                reached += (above - mine[0]) / (people - 1)
                weighed += (below - mine[1]) / (people - 1)
        found[name] = reached / weighed if weighed else None
    return found


def history_of(
    judged: Mapping[str, Sequence[Submission]], figure: JudgedFigure, bar: float, *, minimum: int
) -> dict[str, list[VerdictEvent]]:
    """The events of each annotator, the oldest first.

    All submissions of one moment are judged together. The cap of the evidence is that of today's crowd.

    Args:
        judged: by annotator, the tasks with something to judge, in order.
        figure: the figure that is judged.
        bar: the threshold that it is held against.
        minimum: tasks below which there is no verdict.
    """
    names = sorted(name for name, own in judged.items() if own)
    paths = _Paths.of([judged[name] for name in names], figure, bar)
    looks = sorted(
        (each.at, person, task) for person, name in enumerate(names) for task, each in enumerate(judged[name], start=1)
    )
    seen = np.zeros(len(names), int)
    below, above = np.zeros(len(names)), np.zeros(len(names))
    said = np.zeros(len(names), int)
    events: dict[str, list[VerdictEvent]] = {name: [] for name in names}
    for at, group in groupby(looks, key=lambda look: look[0]):
        for _, person, task in group:
            seen[person] = task
            below[person], above[person] = paths.below[person, task - 1], paths.above[person, task - 1]
        now = _sides(below, above, seen, minimum)
        for person in np.flatnonzero(now != said).tolist():
            events[names[person]].append(VerdictEvent(at, int(seen[person]), _WORDS[int(now[person])]))
        said = now
    return events


@dataclass(frozen=True, slots=True)
class _Paths:
    """Evidence after each task: (people, tasks); rows with fewer tasks are padded."""

    below: Numbers
    above: Numbers

    @classmethod
    def of(cls, people: Sequence[Sequence[Submission]], figure: JudgedFigure, bar: float) -> "_Paths":
        longest = max(map(len, people), default=0)
        for_below, for_above = np.full((2, len(people), longest), np.nan)
        for person, own in enumerate(people):
            gains = gains_of([each.record for each in own], figure, bar)
            for_below[person, : len(own)] = gains.for_below
            for_above[person, : len(own)] = gains.for_above
        below = evidence_paths(for_below, cap=cap_for(max(len(people), 1)))
        return cls(below, evidence_paths(for_above, cap=cap_for()))


_WORDS: Mapping[int, EventWords] = {-1: "below the bar", 0: "undecided", 1: "above the bar"}


def _sides(below: Numbers, above: Numbers, seen: np.ndarray[Any, np.dtype[np.int_]], minimum: int) -> Any:
    """The side of everybody at one look: -1 below, 1 above, 0 neither."""
    level = naming_level()
    is_above, is_below = above >= level, np.zeros(len(below), bool)
    if (below >= level).any():  # below the level nobody has enough evidence, however many annotators there are
        crowd = np.flatnonzero(seen)
        is_below[crowd] = named_of_many(below[crowd][None])[0]
    sides = is_above.astype(int) - is_below.astype(int)
    return np.where(seen >= minimum, sides, 0)
