"""The verdict about a person: one figure against one bar, by evidence that is valid after every task.

The report, the page, alerts, actions and exports all use this verdict. The crowd is everybody with evidence in the
project, so filters and pages of a list do not change a verdict. The method and its guarantees:
docs/statistics/evidence.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any, Literal, get_args

from benchmark_qa.quality.submissions import (
    JudgedFigure,
    Submission,
    figure_of,
    gains_of,
    part_of,
    totals_of_figure,
)
from benchmark_qa.quality.verdict_history import VerdictEvent, history_of
from benchmark_qa.stats.crowd_evidence import AmongOthers, PersonEvidence, beside_others, standings
from benchmark_qa.stats.evidence import folds
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
    people = sorted(_by_person(submissions).items(), key=lambda person: (-len(person[1]), person[0]))
    return item_order({name: _moments(own[:_ITEMS_COMPARED]) for name, own in people[:_PEOPLE_COMPARED]}, draws=draws)


def judge(submissions: Sequence[Submission], bar: Bar, order: ItemOrder) -> Verdicts:
    """The verdict about everybody.

    Args:
        submissions: of the whole project, in order; work of unknown annotators is left out.
        bar: what everybody is held against.
        order: the result of `order_of_items`, with the draws that the deployment knows.
    """
    by_person = _by_person(submissions)
    figure = bar.figure or figure_of(each.record for each in submissions)
    gains = {name: gains_of([each.record for each in own], figure, bar.threshold) for name, own in by_person.items()}
    judged = {name: [each for each in own if part_of(each.record, figure)[1]] for name, own in by_person.items()}
    evidence = folds(gains)
    said = standings(evidence)
    is_said = not order.is_systematic
    events = history_of(judged, figure, bar.threshold, minimum=bar.minimum_tasks) if is_said else {}
    others = beside_others({name: _values(own, figure) for name, own in judged.items()})
    crowd = _crowd_on_items(judged, figure)
    totals = {name: totals_of_figure([each.record for each in own], figure) for name, own in by_person.items()}
    people = {
        name: PersonVerdict(
            annotator=name,
            words=_words(standing, bar, is_said=is_said),
            figure=totals[name].interval(level=bar.level),
            standing=standing,
            others=others[name] if others[name].tasks else None,
            crowd=crowd[name],
            events=tuple(events.get(name, ())),
        )
        for name, standing in said.items()
    }
    return Verdicts(bar, figure, order, people, totals)


def _words(standing: PersonEvidence, bar: Bar, *, is_said: bool) -> Verdict:
    if standing.tasks < bar.minimum_tasks:
        return "too few tasks"
    if not is_said:
        return "cannot be said: items not in random order"
    return _OF_SIDE.get(standing.side, "undecided")


def _by_person(submissions: Iterable[Submission]) -> dict[str, list[Submission]]:
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
