"""Jobs put on Amazon SQS. Importing this module and its client takes half a second: only who submits jobs does."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, TypedDict

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from benchmark_qa.tasks.jobs import DrainJob, JobError, QueueUnavailable

MESSAGES_PER_REQUEST = 10
"""SQS takes no more at once"""


ATTEMPTS = 3


class SqsQueue:
    """A standard queue. Who may send and receive is a matter of IAM; the messages hold hashes alone.

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
            # SQS answers 200 and lists what it has not taken.
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
    """What tells SQS which messages to keep; the others of the batch are done."""

    batchItemFailures: list[dict[str, str]]


def failed_records(records: Sequence[dict[str, Any]], work: Callable[[DrainJob], None]) -> BatchAnswer:
    """Work off the records of one SQS event, each on its own.

    Args:
        records: as Lambda gives them.
        work: runs one job; whatever it raises fails that record only, which SQS delivers again and at last moves to
            the dead-letter queue.
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
        # Anything may fail, and must not take the other records of the batch with it.
        _log.exception("a job failed", extra=facts)
        return False
    return True
