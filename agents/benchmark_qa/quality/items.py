"""The benchmark items: difficulty, rating and exposures."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from benchmark_qa.records.score import ScoreRecord, passed
from benchmark_qa.stats.crowd_answers import item_rating
from benchmark_qa.stats.intervals import Interval, mean_interval


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


def items_of(
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
