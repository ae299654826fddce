"""Put jobs on Amazon SQS.

The import takes half a second, so only code that submits jobs imports this module.
"""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, TypedDict

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from benchmark_qa.tasks.jobs import DrainJob, JobError, QueueUnavailable

MESSAGES_PER_REQUEST = 10
"""Most messages that SQS accepts in one request."""


ATTEMPTS = 3


class SqsQueue:
    """A standard queue. IAM controls who may send and receive; the messages contain hashes only.

    Args:
        url: of the queue.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = boto3.client("sqs")

    def submit(self, job: DrainJob) -> None:
        """Put one job on the queue. 1 request.

        Raises:
            QueueUnavailable
        """
        self.submit_all([job])

    def submit_all(self, jobs: Sequence[DrainJob]) -> None:
        """Put jobs on the queue. 1 request per 10.

        Raises:
            QueueUnavailable: some may be on the queue; all may be submitted again.
        """
        for start in range(0, len(jobs), MESSAGES_PER_REQUEST):
            self._send(jobs[start : start + MESSAGES_PER_REQUEST])

    def _send(self, jobs: Sequence[DrainJob]) -> None:
        entries = [{"Id": str(number), "MessageBody": job.to_json()} for number, job in enumerate(jobs)]
        for attempt in range(ATTEMPTS):
            answer = self._request(entries)
            # SQS answers 200 and lists the messages that it did not accept.
            failed = {entry["Id"] for entry in answer.get("Failed", [])}
            entries = [entry for entry in entries if entry["Id"] in failed]
            if not entries:
                return
            time.sleep(0.1 * 2**attempt)
        raise QueueUnavailable(f"SQS has not taken {len(entries)} of {len(jobs)} jobs")

    def _request(self, entries: list[dict[str, str]]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            raise QueueUnavailable(f"the queue of jobs is not available (SQS: {type(error).__name__})") from error
        return answer


_log = logging.getLogger(__name__)


class BatchAnswer(TypedDict):
    """Tells SQS which messages to keep; the others of the batch are deleted."""

    batchItemFailures: list[dict[str, str]]


def failed_records(records: Sequence[dict[str, Any]], work: Callable[[DrainJob], None]) -> BatchAnswer:
    """Process the records of one SQS event, each independently of the others.

    Args:
        records: from Lambda.
        work: runs one job. An exception fails that record only; SQS delivers it again, and finally moves it to the
            dead-letter queue.
    """
    failures = [record["messageId"] for record in records if not _succeeds(record, work)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failures]}


def _succeeds(record: dict[str, Any], work: Callable[[DrainJob], None]) -> bool:
    facts = {
        "message_id": record["messageId"],
        "delivery": record.get("attributes", {}).get("ApproximateReceiveCount"),
    }
    try:
        work(DrainJob.from_json(record["body"]))
    except JobError as error:
        _log.error("a message that no retry can mend: %s", error, extra=facts)
        return False
    except Exception:
        # Any exception: the other records of the batch must not fail with this one.
        _log.exception("a job failed", extra=facts)
        return False
    return True
