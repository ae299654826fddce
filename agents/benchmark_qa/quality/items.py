"""The benchmark items (difficulty, exposures), and the combined rating of each annotator."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean, median
from typing import Any

from benchmark_qa.quality.leaderboard import UNKNOWN_ANNOTATOR, Leaderboard
from benchmark_qa.records.score import ScoreRecord, WorkReading, passed
from benchmark_qa.stats.crowd_answers import item_rating
from benchmark_qa.stats.intervals import Interval, mean_interval
from benchmark_qa.stats.ranking import Rating, Work, rate


@dataclass(frozen=True)
class Item:
    """One benchmark item."""

    data_hash: str
    data_title: str
    score: Interval
    """Mean score over the annotators who labelled it"""
    rating: float
    """(accepted + 1) / (uses + 1): an item that good annotators keep failing should be inspected"""
    accepted: int
    uses: int
    exposures: int
    """How often it was labelled, counting every version of the labels"""
    most_seen_by_one: int

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict of JSON types."""
        return asdict(self)


def scored_items(
    records: Iterable[ScoreRecord],
    *,
    exposures: Mapping[str, Mapping[str | None, int]],
    threshold: float,
    level: float,
) -> list[Item]:
    """Every item that was scored, the hardest first."""
    by_item: dict[str, list[ScoreRecord]] = defaultdict(list)
    for record in records:
        by_item[record.identity.data_hash].append(record)
    items = [_item(some, exposures.get(data_hash, {}), threshold, level) for data_hash, some in by_item.items()]
    return sorted(items, key=lambda item: (_or_two(item.score), item.rating, item.data_hash))


def mean_scores(records: Iterable[ScoreRecord]) -> dict[str, float]:
    """Each item's mean score over all annotators, for comparison with one annotator's score."""
    scores: dict[str, list[float]] = defaultdict(list)
    for record in records:
        if record.score is not None:
            scores[record.identity.data_hash].append(record.score)
    return {data_hash: fmean(some) for data_hash, some in scores.items()}


def _item(records: Sequence[ScoreRecord], seen: Mapping[str | None, int], threshold: float, level: float) -> Item:
    scores = [record.score for record in records if record.score is not None]
    judged = [met for record in records if (met := passed(record, threshold)) is not None]
    return Item(
        data_hash=records[0].identity.data_hash,
        data_title=records[0].data_title,
        score=mean_interval(scores, level=level),
        rating=item_rating(sum(judged), len(judged)),
        accepted=sum(judged),
        uses=len(judged),
        exposures=sum(seen.values()) or len(records),
        most_seen_by_one=max(seen.values(), default=1),
    )


def _or_two(interval: Interval) -> float:
    """The estimate of an interval; 2 if there is none, so that items without a score come last."""
    return 2.0 if interval.estimate is None else interval.estimate


@dataclass(frozen=True)
class RatingLine:
    """One annotator's rating and its parts."""

    annotator: str
    rating: Rating
    work: Work

    def to_dict(self) -> dict[str, Any]:
        """A flat dict of JSON types."""
        return {
            "annotator": self.annotator,
            "rating": self.rating.rating,
            **{f"part_{name}": part for name, part in self.rating.parts._asdict().items()},
            "done": self.work.done,
            "assigned": self.work.assigned,
            "reviewed": self.work.reviewed,
            "accepted_at_once": self.work.accepted_at_once,
            "rejections": self.work.rejections,
            "timed_tasks": self.work.timed,
            "seconds_per_task": self.seconds_per_task,
            "objects_per_hour": self.work.objects_per_hour,
        }

    @property
    def seconds_per_task(self) -> float | None:
        """Mean time spent on a task, in seconds."""
        hours = self.work.hours_per_task
        return None if hours is None else 3600.0 * hours


def rate_everybody(
    board: Leaderboard,
    records: Sequence[ScoreRecord],
    *,
    first_passes: Mapping[str, tuple[int, int]],
    reading: WorkReading | None,
) -> list[RatingLine]:
    """One line per annotator, in the order of the leaderboard.

    Args:
        board: the leaderboard of all annotators.
        records: those that count.
        first_passes: by annotator, how many tasks met the bar with their first version, and of how many.
        reading: what Encord's analytics said; if None, the parts that need it are left out.
    """
    work = {line.annotator: Work(quality=line.shrunk) for line in board.lines}
    for annotator, (accepted, tasks) in first_passes.items():
        if annotator in work:
            work[annotator] = replace(work[annotator], reviewed=tasks, accepted_at_once=accepted)
    if reading is not None:
        work = {annotator: _with_reading(own, annotator, reading) for annotator, own in work.items()}
        for annotator, (timed, seconds, objects) in _timed(records, reading).items():
            work[annotator] = replace(work[annotator], timed=timed, hours=seconds / 3600.0, objects=objects)
    ratings = rate(work)
    return [RatingLine(line.annotator, ratings[line.annotator], work[line.annotator]) for line in board.lines]


def usual_seconds(lines: Iterable[RatingLine]) -> float | None:
    """The time per task of the median annotator, in seconds."""
    known = [line.seconds_per_task for line in lines if line.seconds_per_task is not None]
    return median(known) if known else None


def _with_reading(own: Work, annotator: str, reading: WorkReading) -> Work:
    """Add a person's tasks on Encord: a score reviews a benchmark item, reviewers review other work."""
    person = reading.people.get(annotator)
    if person is None:
        return own
    return replace(
        own,
        done=person.done,
        assigned=person.assigned,
        reviewed=(own.reviewed or 0) + person.reviewed,
        accepted_at_once=(own.accepted_at_once or 0) + person.accepted_at_once,
        rejections=person.rejections,
    )


def _timed(records: Iterable[ScoreRecord], reading: WorkReading) -> dict[str, tuple[int, float, int | None]]:
    """By annotator: number of scored tasks with known time, their seconds, and the objects drawn in them."""
    tasks: dict[str, int] = defaultdict(int)
    seconds: dict[str, float] = defaultdict(float)
    objects: dict[str, int] = defaultdict(int)
    for record in records:
        annotator = record.annotator or UNKNOWN_ANNOTATOR
        spent = reading.seconds.get((annotator, record.identity.data_hash))
        if spent:  # Encord counts whole seconds; 0 seconds means that the time is not known
            tasks[annotator] += 1
            seconds[annotator] += spent
            objects[annotator] += record.true_positives + record.false_positives
    drew = any(objects.values())
    return {who: (tasks[who], seconds[who], objects[who] if drew else None) for who in tasks}
