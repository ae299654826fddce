"""What there is to do, small enough for any queue: the tasks themselves are looked up when the job runs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, Self

from benchmark_qa.errors import TryAgainLater

JOB_VERSION = 1


class JobError(ValueError):
    """A message that is no job of this version."""


class QueueUnavailable(TryAgainLater):
    """The queue has not taken a job; submitting it again does no harm."""


@dataclass(frozen=True)
class DrainJob:
    """Work through the queue of one agent stage of one project."""

    project_hash: str
    stage_uuid: str
    data_hashes: tuple[str, ...] | None = None
    """Only the tasks of these data units: how a long queue is spread over instances. None: all that wait"""
    page_token: str | None = None
    """Where in Encord's list of all that wait this job begins; only without `data_hashes`"""

    def to_json(self) -> str:
        """The message body."""
        return json.dumps({"version": JOB_VERSION, "kind": "drain", **asdict(self)}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a message body.

        Raises:
            JobError: not JSON, of another version, or of another kind.
        """
        try:
            message: Any = json.loads(text)
        except ValueError:
            raise JobError("the message is not JSON") from None
        if not isinstance(message, dict) or (message.get("version"), message.get("kind")) != (JOB_VERSION, "drain"):
            raise JobError(f"the message is no drain job of version {JOB_VERSION}")
        hashes, page_token = message.get("data_hashes"), message.get("page_token")
        try:
            return cls(
                project_hash=str(message["project_hash"]),
                stage_uuid=str(message["stage_uuid"]),
                data_hashes=None if hashes is None else tuple(str(value) for value in hashes),
                page_token=None if page_token is None else str(page_token),
            )
        except (KeyError, TypeError):
            raise JobError("the message lacks the project or the stage") from None


class Dispatcher(Protocol):
    """Takes a job off the hands of a request. How and where it runs is not the caller's concern."""

    def submit(self, job: DrainJob) -> None:
        """Hand the job over; returns when it is safe to answer the request."""


class JobQueue(Dispatcher, Protocol):
    """A queue outside of this process, which delivers each job at least once."""

    def submit_all(self, jobs: Sequence[DrainJob]) -> None:
        """Hand several jobs over.

        Raises:
            QueueUnavailable: some may be on the queue; all may be submitted again.
        """


PAGES_PER_PLAN = 200
"""Pages of 100 tasks that one job lists before it hands on to the next"""


PLAN_SECONDS = 45.0
"""The same, in time: far less than the time after which a queue takes a job for lost"""


PAGES_SUBMITTED_TOGETHER = 10


RESERVE_SECONDS = 15.0
