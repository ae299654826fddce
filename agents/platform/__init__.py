"""Encord, through the official SDK: sessions, caches, paging, bundles."""

from agents.platform.context import remaining_seconds, unit_of_work
from agents.platform.encord import ACTIONS_PER_REQUEST, Encord
from agents.platform.errors import (
    AccessRefused,
    AnswerTooLarge,
    EncordUnavailable,
    NotFoundOnPlatform,
    PlatformError,
    RequestRejected,
    UnexpectedAnswer,
    UnusableKey,
)
from agents.platform.models import LabelRow, Moved, Project, Stage, Task

__all__ = [
    "ACTIONS_PER_REQUEST",
    "AccessRefused",
    "AnswerTooLarge",
    "Encord",
    "EncordUnavailable",
    "LabelRow",
    "Moved",
    "NotFoundOnPlatform",
    "PlatformError",
    "Project",
    "RequestRejected",
    "Stage",
    "Task",
    "UnexpectedAnswer",
    "UnusableKey",
    "remaining_seconds",
    "unit_of_work",
]
