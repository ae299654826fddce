"""Encord, through the official SDK: sessions, caches, paging, bundles."""

from benchmark_qa.platform.analytics import TaskAction, TimeAtWork, WorkAnalytics
from benchmark_qa.platform.context import current_trace_id, remaining_seconds, unit_of_work
from benchmark_qa.platform.encord import ACTIONS_PER_REQUEST, Encord
from benchmark_qa.platform.errors import (
    AccessRefused,
    AnswerTooLarge,
    EncordUnavailable,
    NotFoundOnPlatform,
    PlatformError,
    RequestRejected,
    UnexpectedAnswer,
    UnusableKey,
)
from benchmark_qa.platform.models import LabelRow, Moved, Project, Stage, Task
from benchmark_qa.platform.people import AssignedTask, ConsensusReview, PeoplesWork
from benchmark_qa.platform.sessions import bodies_up_to, largest_body

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
