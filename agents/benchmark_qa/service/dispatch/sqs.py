"""Jobs put on Amazon SQS. Importing this module and its client takes half a second: only who submits jobs does."""

import time
from collections.abc import Sequence
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from benchmark_qa.tasks.jobs import DrainJob, QueueUnavailable

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
