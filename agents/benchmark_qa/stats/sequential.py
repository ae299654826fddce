"""When to say something about a person who is looked at after every task.

An interval that holds once does not hold when it is looked at a hundred times: someone who is good enough falls
below the bar by luck at *some* look far more often than once in twenty. A sequential test may be looked at always.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import inf, log

from benchmark_qa.stats.intervals import Interval


class Verdict(StrEnum):
    """What is known about a person."""

    GOOD = "good enough"
    POOR = "not good enough"
    OPEN = "not known yet"


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict with the evidence for it.

    ``evidence`` is the log likelihood ratio of poor against good; POOR from ``upper`` on, GOOD from ``lower`` down.
    ``decided_at`` is the number of tasks at which the verdict fell, None while it is open.
    """

    verdict: Verdict
    evidence: float
    lower: float
    upper: float
    n: int
    decided_at: int | None

    def __str__(self) -> str:
        when = "" if self.decided_at is None else f" since task {self.decided_at}"
        return f"{self.verdict}{when} ({self.n} task{'' if self.n == 1 else 's'})"


@dataclass(frozen=True, slots=True)
class SequentialTest:
    """Wald's sequential probability ratio test (1945) of scores in [0, 1], one score per task.

    Each score x adds x log(poor / good) + (1 - x) log((1 - poor) / (1 - good)). For right-or-wrong tasks this is
    Wald's test. It holds for any score in [0, 1] as well, with nothing known of its distribution: by convexity the
    expected ratio is at most that of a right-or-wrong task with the same mean (Hoeffding 1963). The bounds are
    log(1 / false_alarm) and -log(1 / missed), a little wider than Wald's, so that by Ville's inequality the error
    rates hold exactly and however often one looks.

    Attributes:
        good: mean score from which a person is good enough.
        poor: mean score up to which a person must be stopped; between the two either verdict is right.
        false_alarm: how probable it may be that someone at or above ``good`` is ever called poor.
        missed: how probable it may be that someone at or below ``poor`` is ever called good.
    """

    good: float = 0.9
    poor: float = 0.75
    false_alarm: float = 0.05
    missed: float = 0.05

    def __post_init__(self) -> None:
        if not 0.0 < self.poor < self.good < 1.0:
            raise ValueError(f"0 < poor < good < 1 is needed, not poor {self.poor}, good {self.good}")
        if not (0.0 < self.false_alarm < 0.5 and 0.0 < self.missed < 0.5):
            raise ValueError(f"error rates lie between 0 and 0.5, not {self.false_alarm}, {self.missed}")

    @property
    def upper(self) -> float:
        """Evidence from which the verdict is poor."""
        return log(1.0 / self.false_alarm)

    @property
    def lower(self) -> float:
        """Evidence down to which the verdict is good."""
        return -log(1.0 / self.missed)

    def evidence(self, score: float) -> float:
        """What one score says for poor and against good; n scores say n times what their mean says."""
        if not 0.0 <= score <= 1.0:
            raise ValueError(f"a score lies between 0 and 1, not {score!r}")
        for_poor = log(self.poor / self.good)
        against = log((1.0 - self.poor) / (1.0 - self.good))
        return score * for_poor + (1.0 - score) * against

    def judge(self, scores: Iterable[float]) -> Ruling:
        """The verdict over scores in the order in which they came; the first one that falls stands.

        >>> print(SequentialTest().judge([1, 1, 0, 0, 1, 0, 0]))
        not good enough since task 7 (7 tasks)
        """
        total, n, decided, verdict = 0.0, 0, None, Verdict.OPEN
        for n, score in enumerate(scores, start=1):
            total += self.evidence(score)
            if decided is None and not self.lower < total < self.upper:
                verdict = Verdict.POOR if total >= self.upper else Verdict.GOOD
                decided = n
        return Ruling(verdict, total, self.lower, self.upper, n, decided)

    def tasks_needed(self, mean: float) -> float:
        """About how many right-or-wrong tasks the verdict takes for a person with this mean (Wald 1945).

        Infinite where the evidence goes neither way.
        """
        drift = self.evidence(mean)
        if drift == 0.0:
            return inf
        return (self.upper if drift > 0.0 else self.lower) / drift


def verdict_by_interval(interval: Interval, *, bar: float, minimum: int) -> Verdict:
    """The other rule: the whole interval lies on one side of the bar and at least ``minimum`` tasks carry it.

    It is meant for one look (a monthly report, an audit). Looked at after every task it calls good people poor more
    often than its level says; use `SequentialTest` there.
    """
    if interval.n < minimum:
        return Verdict.OPEN
    if interval.lies_below(bar):
        return Verdict.POOR
    return Verdict.GOOD if interval.lies_above(bar) else Verdict.OPEN
