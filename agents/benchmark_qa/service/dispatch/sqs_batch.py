"""A batch of SQS messages worked off by a Lambda function."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypedDict

from benchmark_qa.tasks.jobs import DrainJob, JobError

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
