"""What the rule that actions are taken by says of each annotator.

The report's verdict is that of one look, by the interval. Whoever acts looks after every task, and must not stop good
people by luck: the sequential test (docs of `benchmark_qa.stats.sequential`). A report says both.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.stats.intervals import ratio_interval
from benchmark_qa.stats.sequential import SequentialTest, Verdict, verdict_by_interval


@dataclass(frozen=True)
class Rule:
    """When somebody is said to be good enough, or not."""

    kind: Literal["sequential", "interval"]
    bar: float
    good: float
    """Mean score from which somebody is good enough (sequential test)"""
    minimum_tasks: int
    level: float
    """Of the interval"""


@dataclass(frozen=True)
class Ruled:
    """What a rule says of one annotator."""

    verdict: Verdict
    since_task: int | None = None
    """The number of tasks at which the sequential test decided"""

    @property
    def words(self) -> str:
        """As a person says it."""
        return self.verdict.value if self.since_task is None else f"{self.verdict.value} since task {self.since_task}"


def rule_on_each(records: Iterable[ScoreRecord], rule: Rule) -> dict[str, Ruled]:
    """What the rule says of every annotator with scores, in the order in which they were made.

    Open below the minimum number of tasks.
    """
    scores: dict[str, list[float]] = defaultdict(list)
    for record in sorted(records, key=lambda each: (each.scored_at, each.identity.key)):
        if record.annotator is not None and record.score is not None:
            scores[record.annotator].append(record.score)
    return {annotator: _rule(own, rule) for annotator, own in scores.items()}


def _rule(scores: list[float], rule: Rule) -> Ruled:
    if len(scores) < rule.minimum_tasks:
        return Ruled(Verdict.OPEN)
    if rule.kind == "sequential":
        ruling = SequentialTest(good=rule.good, poor=rule.bar).judge(scores)
        return Ruled(ruling.verdict, ruling.decided_at)
    interval = ratio_interval(scores, [1] * len(scores), level=rule.level)
    return Ruled(verdict_by_interval(interval, bar=rule.bar, minimum=rule.minimum_tasks))
