"""Encord, through the official SDK: sessions, caches, paging, bundles."""

from agents.platform.analytics import TaskAction, TimeAtWork, WorkAnalytics
from agents.platform.context import current_trace_id, remaining_seconds, unit_of_work
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
from agents.platform.people import AssignedTask, ConsensusReview, PeoplesWork
from agents.platform.sessions import bodies_up_to, largest_body

__all__ = [
    "ACTIONS_PER_REQUEST",
    "AccessRefused",
    "AnswerTooLarge",
    "AssignedTask",
    "ConsensusReview",
    "Encord",
    "EncordUnavailable",
    "LabelRow",
    "Moved",
    "NotFoundOnPlatform",
    "PeoplesWork",
    "PlatformError",
    "Project",
    "RequestRejected",
    "Stage",
    "Task",
    "TaskAction",
    "TimeAtWork",
    "UnexpectedAnswer",
    "UnusableKey",
    "WorkAnalytics",
    "bodies_up_to",
    "current_trace_id",
    "largest_body",
    "remaining_seconds",
    "unit_of_work",
]
