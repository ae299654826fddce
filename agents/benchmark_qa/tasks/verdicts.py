"""Score records as the policy judges them."""

from collections.abc import Iterable

from benchmark_qa.config.deployment import Deployment
from benchmark_qa.records.conflicts import conflict_counts
from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.tasks.decision import Judged, passes


def judge(records: Iterable[ScoreRecord], deployment: Deployment) -> list[Judged]:
    """One verdict per annotator of a data unit."""
    return [
        Judged(
            annotator=record.annotator,
            score=record.score,
            passed=passes(record.score, record.passed, deployment.verdict.threshold),
            conflicts=conflict_counts(record.details),
        )
        for record in records
    ]
