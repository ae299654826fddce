"""One deployment as a Lambda function: HTTP from a function URL or API Gateway, jobs from SQS.

The application is made when this module is imported, which is when Lambda gives a new instance its full processor.
"""

import os
import sys
from collections.abc import Callable
from typing import Any, Protocol

from mangum import Mangum

from agents.app import create_app
from agents.config import SettingsError, load_settings
from agents.config.aws_secrets import load_secrets
from agents.dispatch.jobs import DrainJob
from agents.dispatch.sqs_batch import BatchAnswer, failed_records
from agents.logs import log_as_json
from agents.platform import unit_of_work

SAFETY_SECONDS = 5.0
"""Kept back of the function's time, to answer before Lambda ends the invocation"""

Event = dict[str, Any]


class LambdaContext(Protocol):
    """What Lambda tells about the invocation."""

    def get_remaining_time_in_millis(self) -> int:
        """Until Lambda ends it."""


def make_handler() -> Callable[[Event, LambdaContext], Any]:
    """The function's handler.

    Raises:
        SettingsError: naming each key that is missing or wrong.
    """
    load_secrets(os.environ)
    settings = load_settings(endpoints=True)
    log_as_json(settings.log_level)
    app = create_app(settings)
    # The application's start-up and shutdown are the instance's, not the invocation's.
    http = Mangum(app, lifespan="off")

    def work(job: DrainJob) -> None:
        app.state.service.work_off(job)

    def handle(event: Event, context: LambdaContext) -> Any:
        seconds = context.get_remaining_time_in_millis() / 1000 - SAFETY_SECONDS
        if is_sqs(event):
            return _work_off(event, work, seconds)
        with unit_of_work(seconds=seconds):
            return http(event, context)  # type: ignore[arg-type]

    return handle


def is_sqs(event: Event) -> bool:
    """Whether the event is a batch of the queue; only the event source mapping can send one, HTTP comes wrapped."""
    records = event.get("Records")
    return isinstance(records, list) and bool(records) and all(r.get("eventSource") == "aws:sqs" for r in records)


def _work_off(event: Event, work: Callable[[DrainJob], None], seconds: float) -> BatchAnswer:
    with unit_of_work(seconds=seconds):
        return failed_records(event["Records"], work)


try:
    handler = make_handler()
except SettingsError as error:
    # Without a traceback, which would bury the one line that helps.
    sys.exit(f"the settings are not usable:\n  {error}")
