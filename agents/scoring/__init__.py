"""Geometry, matching, classifications, attributes, tracks, aggregation: pure functions and frozen results."""

from agents.scoring.config import ScoringConfig
from agents.scoring.errors import ScoringError
from agents.scoring.extensions import MetricInput
from agents.scoring.result import (
    AnswerScore,
    ClassScore,
    Conflict,
    IdentityFigures,
    ObjectScore,
    TaskScore,
    Verdict,
)
from agents.scoring.task import ENGINE_VERSION, score_task

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
