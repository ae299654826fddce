"""When verdicts appeared and were lifted: the project is judged after every moment of submission."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Literal

import numpy as np

from benchmark_qa.labels.annotations import Numbers
from benchmark_qa.quality.submissions import JudgedFigure, Submission, gains_of
from benchmark_qa.stats.crowd_evidence import named_of_many
from benchmark_qa.stats.evidence import cap_for, evidence_paths, naming_level

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
