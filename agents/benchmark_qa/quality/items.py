"""The benchmark items: how hard each is, how well it does, how often it was seen."""

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
    """Mean score over the annotators who did it"""
    rating: float
    """(accepted + 1) / (uses + 1): an item that good people keep failing is to be looked at"""
    accepted: int
    uses: int
    exposures: int
    """How often it was labelled, counting every version"""
    most_seen_by_one: int

    def to_dict(self) -> dict[str, Any]:
        """JSON types only."""
        return asdict(self)


def items_of(
    records: Iterable[ScoreRecord],
    *,
    exposures: Mapping[str, Mapping[str | None, int]],
    threshold: float,
    level: float,
) -> list[Item]:
    """Every item that somebody was scored on, the hardest first."""
    by_item: dict[str, list[ScoreRecord]] = defaultdict(list)
    for record in records:
        by_item[record.identity.data_hash].append(record)
    items = [_item(some, exposures.get(data_hash, {}), threshold, level) for data_hash, some in by_item.items()]
    return sorted(items, key=lambda item: (_or_two(item.score), item.rating, item.data_hash))


def mean_scores(records: Iterable[ScoreRecord]) -> dict[str, float]:
    """Each item's mean score over everybody: what an annotator's own score is to be held against."""
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
    """Items without a score come last."""
    return 2.0 if interval.estimate is None else interval.estimate
