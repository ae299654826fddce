"""Geometry, matching, classifications, attributes, tracks, aggregation: pure functions and frozen results."""

from typing import TYPE_CHECKING

from benchmark_qa.deferred import deferred
from benchmark_qa.scoring.config import ScoringConfig
from benchmark_qa.scoring.errors import ScoringError

if TYPE_CHECKING:
    from benchmark_qa.scoring.extensions import MetricInput
    from benchmark_qa.scoring.result import (
        AnswerScore,
        ClassScore,
        Conflict,
        IdentityFigures,
        ObjectScore,
        TaskScore,
        Verdict,
    )
    from benchmark_qa.scoring.task import ENGINE_VERSION, score_task
else:
    __getattr__ = deferred(
        __name__,
        {
            "ENGINE_VERSION": "task",
            "AnswerScore": "result",
            "ClassScore": "result",
            "Conflict": "result",
            "IdentityFigures": "result",
            "MetricInput": "extensions",
            "ObjectScore": "result",
            "TaskScore": "result",
            "Verdict": "result",
            "score_task": "task",
        },
    )

__all__ = [
    "ENGINE_VERSION",
    "AnswerScore",
    "ClassScore",
    "Conflict",
    "IdentityFigures",
    "MetricInput",
    "ObjectScore",
    "ScoringConfig",
    "ScoringError",
    "TaskScore",
    "Verdict",
    "score_task",
]
