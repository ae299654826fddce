"""Clusters of pictures in which more fails than elsewhere: a model misses objects, people score low."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark_qa.stats.intervals import Interval, RatioTotals

LEVEL = 0.95
"""Probability that the gaps of all clusters are in their intervals at once"""
LEAST = 5
"""Pictures that a cluster and the rest need at least"""


@dataclass(frozen=True, slots=True)
class FailingCluster:
    """One cluster, held against all other pictures."""

    cluster: int
    pictures: int
    count: float
    """Things that can fail in it"""
    inside: float
    """Share that fails in the cluster"""
    outside: float
    """Share that fails elsewhere"""
    gap: float
    """Inside minus outside: above 0 the cluster is worse than the rest"""
    gap_low: float
    """Low end of an interval that holds for all clusters at once"""
    gap_high: float

    @property
    def certain(self) -> bool:
        """Whether the whole interval says that the cluster is worse."""
        return self.gap_low > 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        plain = {name: value for name, value in asdict(self).items() if name not in ("gap_low", "gap_high")}
        gap = {"estimate": self.gap, "low": self.gap_low, "high": self.gap_high}
        return plain | {"gap": gap, "certain": self.certain}


def failing_clusters(
    clusters: Sequence[int] | npt.NDArray[np.intp],
    failed: npt.ArrayLike,
    counts: npt.ArrayLike | None = None,
    *,
    level: float = LEVEL,
    least: int = LEAST,
) -> list[FailingCluster]:
    """Every cluster against the rest, the surest failure first: by the low end of the gap's interval.

    Intervals are Newcombe's (1998, method 10) over intervals that are clustered by picture. Their level is so high that
    with `level` all gaps are in their intervals (Bonferroni). Clusters below 0 mean "in none": they are part of the
    rest and are not listed.

    Args:
        clusters: cluster number of each picture.
        failed: failures of each picture, such as missed objects; 0 or 1 for a picture that fails as a whole.
        counts: things of each picture that can fail; default 1. A picture with 0 does not count.
        level: of all intervals together.
        least: pictures that a cluster and the rest need.
    """
    numbers = np.asarray(clusters, dtype=np.int64)
    above = np.asarray(failed, dtype=np.float64)
    below = np.ones(len(above)) if counts is None else np.asarray(counts, dtype=np.float64)
    whole = below > 0
    tested = []
    for number in np.unique(numbers[whole & (numbers >= 0)]).tolist():
        member = whole & (numbers == number)
        rest = whole & ~member
        if min(int(member.sum()), int(rest.sum())) >= max(least, 1):
            inside = RatioTotals.of(above[member], below[member])
            tested.append((number, inside, RatioTotals.of(above[rest], below[rest])))
    each = 1 - (1 - level) / max(len(tested), 1)
    found = [_against(number, inside, rest, each) for number, inside, rest in tested]
    return sorted(found, key=lambda one: (-one.gap_low, one.cluster))


def _against(number: int, inside: RatioTotals, rest: RatioTotals, level: float) -> FailingCluster:
    here, there = inside.interval(level=level), rest.interval(level=level)
    gap, low, high = gap_between(here, there)
    return FailingCluster(
        number, inside.tasks, inside.denominator, here.estimate or 0.0, there.estimate or 0.0, gap, low, high
    )


def gap_between(one: Interval, other: Interval) -> tuple[float, float, float]:
    """`one` minus `other`, with the interval of two independent shares (Newcombe 1998, method 10).

    Raises:
        ValueError: one of them is not applicable.
    """
    a, b = _ends(one), _ends(other)
    gap = a[0] - b[0]
    return gap, gap - math.hypot(a[0] - a[1], b[2] - b[0]), gap + math.hypot(a[2] - a[0], b[0] - b[1])


def _ends(interval: Interval) -> tuple[float, float, float]:
    if interval.estimate is None or interval.low is None or interval.high is None:
        raise ValueError(f"no figure: {interval.reason}")
    return interval.estimate, interval.low, interval.high
