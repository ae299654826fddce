"""One combined rating of an annotator, with its parts.

rating = 100 x sum(weight x part) / sum(weights of the known parts), every part in [0, 1]:

| part | formula | weight |
| --- | --- | --- |
| quality | the overall score, shrunk to the group (`ranking`) | 0.60 |
| first pass | tasks accepted at the first attempt / tasks reviewed | 0.15 |
| completion | tasks done / tasks assigned, at most 1 | 0.10 |
| not rejected | tasks reviewed / (tasks reviewed + rejections) | 0.05 |
| time | the group's median time per task / own, at most 1 | 0.05 |
| pace | own objects an hour / the group's median, at most 1 | 0.05 |

Being faster than the median does not raise the rating. An unknown part is left out with its weight and never counts as
0; without quality there is no rating.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import median
from typing import NamedTuple


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
