"""Places in the ranking with their intervals, and the combined rating from several parts.

Raw figures would put a lucky beginner first. Empirical Bayes uses the group as the prior. Annotators' true figures are
Beta distributed; mean and spread of that distribution are estimated from everybody. An annotator's shrunk figure is
(successes + a) / (trials + a + b), with the effective number of trials of the tasks after clustering
(`RatioTotals.effective_trials`). Show the raw figure, the shrunk figure and n side by side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import median
from typing import NamedTuple

import numpy as np

from benchmark_qa.labels.annotations import Numbers
from benchmark_qa.stats.intervals import Interval, RatioTotals

_MOST_CERTAIN_PRIOR = 1_000.0
"""Most trials that the prior counts for; if annotators do not differ, all get almost the same figure."""


@dataclass(frozen=True, slots=True)
class CrowdPrior:
    """The Beta distribution of the annotators' true figures: its mean, and its trials (a + b)."""

    mean: float
    trials: float

    def shrink(self, totals: RatioTotals) -> float:
        """One annotator's figure, shrunk to the group's mean; fewer trials shrink it more."""
        trials = totals.effective_trials()
        raw = totals.share if totals.tasks else 0.0
        return (trials * raw + self.trials * self.mean) / (trials + self.trials)


@dataclass(frozen=True, slots=True)
class Ranked:
    """One annotator's rank; equal shrunk figures share a rank."""

    place: int
    annotator: str
    raw: Interval
    shrunk: float
    n: int

    def __str__(self) -> str:
        return f"{self.place}. {self.annotator}: {self.shrunk:.3f}, raw {self.raw}"


@dataclass(frozen=True, slots=True)
class Places:
    """The best and the worst possible rank of one annotator."""

    first: int
    last: int


def places(totals: Mapping[str, RatioTotals], *, level: float = 0.95) -> dict[str, Places]:
    """The possible ranks of everybody with a task.

    An annotator ranks before another if their intervals do not overlap, at a level at which all intervals hold at once
    (Bonferroni). So all ranks hold at once (Klein, Wright & Wieczorek 2020).
    """
    done = {name: entry for name, entry in totals.items() if entry.tasks}
    intervals = {name: entry.interval(level=1.0 - (1.0 - level) / len(done)) for name, entry in done.items()}
    ends = {name: (each.low or 0.0, 1.0 if each.high is None else each.high) for name, each in intervals.items()}
    lows, highs = np.sort([low for low, _ in ends.values()]), np.sort([high for _, high in ends.values()])
    found = {}
    for name, (low, high) in ends.items():
        better = len(lows) - int(np.searchsorted(lows, high, side="right"))
        worse = int(np.searchsorted(highs, low, side="left"))
        found[name] = Places(1 + better, len(done) - worse)
    return found


def fit_group(totals: Mapping[str, RatioTotals]) -> CrowdPrior | None:
    """Mean and spread of the annotators' true figures, by moments; None if nobody did anything.

    The spread is the variance of raw figures beyond what the number of trials explains (Paule & Mandel 1982: the spread
    at which the weighted sum of squares equals its degrees of freedom).
    """
    done = [entry for entry in totals.values() if entry.tasks]
    if not done:
        return None
    raw = np.array([entry.share for entry in done])
    trials = np.array([entry.effective_trials() for entry in done])
    spread, mean = _spread(raw, trials)
    mean = min(max(mean, 1e-6), 1.0 - 1e-6)
    certainty = mean * (1.0 - mean) / spread - 1.0 if spread > 0.0 else _MOST_CERTAIN_PRIOR
    return CrowdPrior(mean, min(max(certainty, 1.0), _MOST_CERTAIN_PRIOR))


def _spread(raw: Numbers, trials: Numbers) -> tuple[float, float]:
    """Variance between annotators and their mean, by bisection of the Paule-Mandel equation."""
    pooled = float((raw * trials).sum() + 1.0) / float(trials.sum() + 2.0)
    noise = pooled * (1.0 - pooled) / trials

    def excess(spread: float) -> tuple[float, float]:
        weights = 1.0 / (noise + spread)
        mean = float((weights * raw).sum() / weights.sum())
        return float((weights * (raw - mean) ** 2).sum()) - (len(raw) - 1), mean

    low, high = 0.0, 0.25
    if excess(low)[0] <= 0.0:
        return 0.0, excess(low)[1]
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if excess(middle)[0] > 0.0 else (low, middle)
    return high, excess(high)[1]


def rank(totals: Mapping[str, RatioTotals], *, level: float = 0.95) -> tuple[Ranked, ...]:
    """Everybody with a task, the best shrunk figure first; equal ones are ordered by name.

    Args:
        totals: per annotator, of any ratio figure; all with the same floor (see `RatioTotals`).
        level: of the interval of the raw figure.
    """
    group = fit_group(totals)
    if group is None:
        return ()
    floor = {entry.floor for entry in totals.values()}
    if len(floor) > 1:
        raise ValueError(f"figures over different floors cannot be ranked: {sorted(floor)}")
    bottom = floor.pop()
    figures = {name: bottom + (1.0 - bottom) * group.shrink(entry) for name, entry in totals.items() if entry.tasks}
    order = sorted(figures, key=lambda name: (-figures[name], name))
    first_at: dict[float, int] = {}
    for place, name in enumerate(order, start=1):
        first_at.setdefault(figures[name], place)
    return tuple(
        Ranked(
            place=first_at[figures[name]],
            annotator=name,
            raw=totals[name].interval(level=level),
            shrunk=figures[name],
            n=totals[name].tasks,
        )
        for name in order
    )


class Parts(NamedTuple):
    """The parts of a rating, or their weights; None where a part is not known."""

    quality: float | None
    first_pass: float | None
    completion: float | None
    not_rejected: float | None
    time: float | None
    pace: float | None


WEIGHTS = Parts(quality=0.60, first_pass=0.15, completion=0.10, not_rejected=0.05, time=0.05, pace=0.05)


@dataclass(frozen=True, slots=True)
class Work:
    """Facts about an annotator's work; None if unknown."""

    quality: float | None = None
    """The overall score, shrunk, in [0, 1]."""
    done: int | None = None
    assigned: int | None = None
    reviewed: int | None = None
    accepted_at_once: int | None = None
    rejections: int | None = None
    """Number of rejections; one task may be rejected several times."""
    timed: int | None = None
    """Number of tasks that the hours were spent on."""
    hours: float | None = None
    objects: int | None = None
    """Number of objects drawn in these hours."""

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if value is not None and not (isfinite(value) and value >= 0):
                raise ValueError(f"{name} is not {value!r}")
        if self.quality is not None and self.quality > 1.0:
            raise ValueError(f"quality lies between 0 and 1, not {self.quality!r}")
        if self.accepted_at_once is not None and (self.reviewed is None or self.accepted_at_once > self.reviewed):
            raise ValueError(f"{self.accepted_at_once} tasks accepted at once of {self.reviewed} reviewed")

    @property
    def hours_per_task(self) -> float | None:
        """Mean time per task, in hours."""
        return _share(self.hours, self.timed)

    @property
    def objects_per_hour(self) -> float | None:
        """Objects drawn per hour."""
        return _share(self.objects, self.hours)


@dataclass(frozen=True, slots=True)
class Rating:
    """The combined rating from 0 to 100 (None without quality), and its parts."""

    rating: float | None
    parts: Parts
    weights: Parts

    def __str__(self) -> str:
        known = ", ".join(
            f"{name.replace('_', ' ')} {part:.2f}" for name, part in self.parts._asdict().items() if part is not None
        )
        return f"{'not applicable' if self.rating is None else f'{self.rating:.0f} of 100'} ({known})"


def rate(people: Mapping[str, Work], *, weights: Parts = WEIGHTS) -> dict[str, Rating]:
    """Everybody's rating; time and pace are measured against the medians of these people."""
    _check(weights)
    usual_time = _median([work.hours_per_task for work in people.values()])
    usual_pace = _median([work.objects_per_hour for work in people.values()])
    return {name: _combine(_parts(work, usual_time, usual_pace), weights) for name, work in people.items()}


def _parts(work: Work, usual_time: float | None, usual_pace: float | None) -> Parts:
    sent_back = None if work.reviewed is None or work.rejections is None else work.reviewed + work.rejections
    return Parts(
        quality=work.quality,
        first_pass=_share(work.accepted_at_once, work.reviewed),
        completion=_at_most_one(_share(work.done, work.assigned)),
        not_rejected=_share(work.reviewed, sent_back),
        time=_at_most_one(_share(usual_time, work.hours_per_task)),
        pace=_at_most_one(_share(work.objects_per_hour, usual_pace)),
    )


def _combine(parts: Parts, weights: Parts) -> Rating:
    if parts.quality is None:
        return Rating(None, parts, weights)
    known = [(part, weight) for part, weight in zip(parts, weights, strict=True) if part is not None and weight]
    total = sum(weight for _, weight in known)
    return Rating(100.0 * sum(part * weight for part, weight in known) / total, parts, weights)


def _share(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below else None


def _at_most_one(value: float | None) -> float | None:
    return None if value is None else min(value, 1.0)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _check(weights: Parts) -> None:
    if any(weight is not None and not (isfinite(weight) and weight >= 0) for weight in weights):
        raise ValueError(f"weights are numbers of zero or more, not {tuple(weights)}")
    if not weights.quality:
        raise ValueError("quality needs a weight: without it a rating would say nothing of the labels")
