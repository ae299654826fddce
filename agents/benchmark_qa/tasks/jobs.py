"""Job messages, small enough for any queue. A job looks up its tasks when it runs."""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, Self, TypeVar

from benchmark_qa.errors import TryAgainLater

JOB_VERSION = 1


T = TypeVar("T")


_log = logging.getLogger(__name__)


class JobError(ValueError):
    """The message is not a job of this version."""


class QueueUnavailable(TryAgainLater):
    """The queue did not accept a job. Submitting it again is safe."""


@dataclass(frozen=True)
class DrainJob:
    """A job to drain the queue of one agent stage of one project."""

    project_hash: str
    stage_uuid: str
    data_hashes: tuple[str, ...] | None = None
    """Only the tasks of these data units, to spread a long queue over instances. None: all waiting tasks."""
    page_token: str | None = None
    """Page of Encord's list of waiting tasks at which this job begins; only without `data_hashes`."""

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
    """Accepts jobs from requests and runs them somewhere else or later."""

    def submit(self, job: DrainJob) -> None:
        """Hand the job over. Returns when it is safe to answer the request."""


class JobQueue(Dispatcher, Protocol):
    """A queue outside this process that delivers each job at least once."""

    def submit_all(self, jobs: Sequence[DrainJob]) -> None:
        """Hand over several jobs.

        Raises:
            QueueUnavailable: some may be on the queue; all may be submitted again.
        """
