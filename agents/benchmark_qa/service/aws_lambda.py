"""One deployment as two Lambda functions: `http` (function URL or API Gateway) and `jobs` (SQS).

They are two so that a caller of the public one cannot submit a job. A third, `migrate`, upgrades the schema and needs
DATABASE_URL only; a person or a pipeline invokes it. The application is created when this module is imported, because
Lambda gives a new instance its full processor then.
"""

import os
import sys
from typing import Any, Protocol

from benchmark_qa.lazy import loading

with loading():
    from fastapi import FastAPI
    from mangum import Mangum

    from benchmark_qa.config.account import SettingsError
    from benchmark_qa.config.aws_secrets import load_secrets
    from benchmark_qa.config.settings import load_settings
    from benchmark_qa.context import unit_of_work
    from benchmark_qa.service.app import create_app
    from benchmark_qa.service.dispatch.sqs import BatchAnswer, failed_records
    from benchmark_qa.service.observability import log_as_json

SAFETY_SECONDS = 5.0
"""Seconds kept back to answer before Lambda ends the invocation."""
Event = dict[str, Any]


class LambdaContext(Protocol):
    """The invocation's context from Lambda."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""


def http(event: Event, context: LambdaContext) -> Any:
    """Answer one HTTP request, an event of payload version 2.0."""
    with unit_of_work(seconds=_seconds(context)):
        return _mangum(event, context)  # type: ignore[arg-type]


def jobs(event: Event, context: LambdaContext) -> BatchAnswer:
    """Process one batch of the queue. The event source mapping must have `ReportBatchItemFailures`."""
    with unit_of_work(seconds=_seconds(context)):
        return failed_records(event["Records"], _app.state.service.work_off)


def migrate(_event: Event, _context: LambdaContext) -> dict[str, str | None]:
    """Upgrade the schema of DATABASE_URL and create the user of SERVICE_DATABASE_URL.

    Returns:
        The revisions `before` and after (`schema`), and `service_user` if one was created.
    """
    from benchmark_qa.config.hosting import load_database  # noqa: PLC0415 - the other functions never migrate
    from benchmark_qa.store.database import Database  # noqa: PLC0415
    from benchmark_qa.store.service_user import make_service_user  # noqa: PLC0415

    own = set(os.environ)
    try:
        load_secrets(os.environ)
        settings = load_database()
    finally:  # an instance that is used again reads the secret again: it may have changed
        for name in set(os.environ) - own:
            del os.environ[name]
    if settings.database_url == "none":
        return {"schema": "none"}
    database = Database(settings.scores_url, connections=1)
    before, after = database.upgrade()
    made = {}
    if settings.service_database_url is not None:
        made = {"service_user": make_service_user(database, settings.service_database_url)}
    database.close()
    return {"before": before, "schema": after, **made}


def start() -> FastAPI:
    """Create the application from the environment and Secrets Manager; exits if the settings are invalid."""
    try:
        load_secrets(os.environ)
        settings = load_settings(endpoints=True)
    except SettingsError as error:
        # Without a traceback, which would hide the useful lines.
        sys.exit(f"the settings are not usable:\n  {error}")
    log_as_json(settings.log_level, settings.secret_values())
    return create_app(settings)


def _seconds(context: LambdaContext) -> float:
    return context.get_remaining_time_in_millis() / 1000 - SAFETY_SECONDS


if not os.environ.get("_HANDLER", "").endswith(".migrate"):  # `migrate` needs only the database's settings
    with loading():
        _app = start()
    # Without lifespan: start-up and shutdown are per instance, and Mangum would repeat them for every request.
    _mangum = Mangum(_app, lifespan="off")
