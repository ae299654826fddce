"""Settings that depend on the host, and checks for combinations that would lose work or scores there."""

import os
import re
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from benchmark_qa.config.account import SettingsError, require_encrypted
from benchmark_qa.config.explain import explain

DRIVERS = {"psycopg": "psycopg", "": "psycopg2", "psycopg2": "psycopg2"}
"""Module of each PostgreSQL driver, by the part of the URL behind the plus sign."""


def require_database(url: str) -> None:
    """Refuse an invalid database URL, and one whose driver is not installed.

    The message never quotes the URL.

    Raises:
        ValueError: the message says what is wrong.
    """
    kind, _, driver = url.partition("://")[0].partition("+")
    if kind not in ("sqlite", "postgresql") or "://" not in url:
        raise ValueError("neither sqlite:///FILE nor postgresql+psycopg://USER@HOST/NAME nor 'none'")
    try:
        _ = urlsplit(url).port
    except ValueError:
        raise ValueError("host or port cannot be read") from None
    if kind == "sqlite":
        if driver not in ("", "pysqlite"):
            raise ValueError(f"SQLite's driver is 'pysqlite', not '{driver}'")
    elif driver not in DRIVERS:
        raise ValueError(f"PostgreSQL's driver is 'psycopg', not '{driver}': postgresql+psycopg://USER@HOST/NAME")
    elif not is_installed(DRIVERS[driver]):
        raise ValueError(f"{DRIVERS[driver]} is not installed: take postgresql+psycopg:// and the extra 'postgres'")


def is_installed(module: str) -> bool:
    """Whether the module could be imported. Imports its parent packages, not the module."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


WORKERS = 2
"""Worker processes beside the server, for large tasks and scoring drains; one connection each."""


class DatabaseSettings(BaseSettings):
    """The database and how to connect to it."""

    model_config = SettingsConfigDict(frozen=True, case_sensitive=True)

    database_url: str = Field(default="sqlite:///benchmark-qa.sqlite", validation_alias="DATABASE_URL", repr=False)
    """`none`: the scores are lost when the instance ends."""
    database_connections: int = Field(default=4, ge=1, le=100, validation_alias="DATABASE_CONNECTIONS")
    """Most connections of the server's process to PostgreSQL; each of its worker processes has one more."""
    database_prepared_statements: bool = Field(default=True, validation_alias="DATABASE_PREPARED_STATEMENTS")
    """False behind PgBouncer in transaction mode."""
    service_database_url: str | None = Field(default=None, validation_alias="SERVICE_DATABASE_URL", repr=False)
    """For `db upgrade` only: creates the user of this URL, who owns no table."""

    @field_validator("database_url", "service_database_url")
    @classmethod
    def _is_a_database(cls, value: str | None) -> str | None:
        if value is not None and value != "none":
            require_database(value)
        return value

    @property
    def connections_in_words(self) -> str:
        """The number of database connections of an instance, as text for the person who has to provide them."""
        if not self.database_url.startswith("postgresql"):
            return "database: no server"
        most = self.database_connections + WORKERS
        return (
            f"database connections: at most {most} = {self.database_connections} (DATABASE_CONNECTIONS) + {WORKERS} of "
            "worker processes, for each instance"
        )

    @property
    def scores_url(self) -> str:
        """The database URL of this instance; for `none`, a temporary file that its processes share."""
        if self.database_url != "none":
            return self.database_url
        return f"sqlite:///{Path(tempfile.gettempdir()) / 'benchmark-qa-instance.sqlite'}"


def load_database() -> DatabaseSettings:
    """Read and check only the database settings of the environment.

    Raises:
        SettingsError: the message names each key that is wrong.
    """
    try:
        return DatabaseSettings()
    except ValidationError as error:
        raise SettingsError(explain(error)) from None


def require_queue(*, cloud_tasks: bool) -> None:
    """Refuse a queue whose library is not installed.

    Raises:
        ValueError: the message names the extra.
    """
    needed, extra = ("google.cloud.tasks_v2", "cloud-tasks") if cloud_tasks else ("boto3", "sqs")
    if not is_installed(needed):
        raise ValueError(f"JOBS_QUEUE: {needed} is not installed: add the extra '{extra}'")


SECONDS_TO_ANSWER = 2.0
"""Seconds that an answer needs after the time budget of its request is spent."""


SAFETY_SECONDS = 10.0


_SQS_QUEUE = re.compile(r"https?://[^/]+/\d+/[\w.-]+\Z")


_CLOUD_TASKS_QUEUE = re.compile(r"projects/[^/]+/locations/[^/]+/queues/[^/]+\Z")


_SQLITE_FILE = re.compile(r"sqlite(?:\+\w+)?:///(?P<path>[^?]+)")


class Hosting(DatabaseSettings):
    """How jobs run, how long requests may take, and where scores are stored."""

    dispatch: Literal["inline", "background", "queue"] = Field(default="inline", validation_alias="DISPATCH")
    """How notified work runs: inside the request, after the response, or on the queue `JOBS_QUEUE`.

    After the response works only if the host keeps the process running.
    """
    jobs_queue: str | None = Field(default=None, validation_alias="JOBS_QUEUE")
    """URL of an SQS queue, or `projects/P/locations/L/queues/Q` of Cloud Tasks."""
    jobs_url: str | None = Field(default=None, validation_alias="JOBS_URL", pattern=r"^https?://.+/jobs$")
    """URL to which Cloud Tasks delivers: this service's `https://HOST/jobs`, also the tokens' audience."""
    jobs_service_account: str | None = Field(default=None, validation_alias="JOBS_SERVICE_ACCOUNT")
    """E-mail address of the service account that signs for Cloud Tasks."""
    jobs_certificates_url: str = Field(
        default="https://www.googleapis.com/oauth2/v1/certs",
        validation_alias="JOBS_CERTIFICATES_URL",
        pattern=r"^https?://",
    )
    """URL of Google's public keys; different in tests and private networks."""
    request_seconds: float = Field(default=150.0, gt=0, le=170, validation_alias="REQUEST_SECONDS")
    """Seconds that one request may take. Encord waits 180 s for an answer."""
    host_timeout_seconds: float | None = Field(default=None, ge=15, validation_alias="HOST_TIMEOUT_SECONDS")
    """Seconds after which the host ends a request: 30 behind API Gateway."""
    durable_directory: Path | None = Field(default=None, validation_alias="DURABLE_DIRECTORY")
    """A directory that is kept when the instance and its disk are gone, e.g. a mounted network volume."""

    @field_validator("jobs_url", "jobs_certificates_url")
    @classmethod
    def _jobs_are_encrypted(cls, value: str | None) -> str | None:
        because = "who changes what crosses the network could submit jobs"
        return None if value is None else require_encrypted(value, because)

    @field_validator("jobs_queue")
    @classmethod
    def _is_a_queue(cls, value: str | None) -> str | None:
        if value is not None and not _SQS_QUEUE.match(value) and not _CLOUD_TASKS_QUEUE.match(value):
            raise ValueError("neither the URL of an SQS queue nor projects/P/locations/L/queues/Q of Cloud Tasks")
        return value

    @model_validator(mode="after")
    def _jobs_arrive(self) -> Self:
        if self.dispatch == "background" and "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
            raise ValueError("DISPATCH: 'background' is lost on Lambda, which stops after the response: take 'queue'")
        if self.dispatch == "queue" and self.jobs_queue is None:
            raise ValueError("JOBS_QUEUE: missing, because DISPATCH is 'queue'")
        if self.uses_cloud_tasks and (self.jobs_url is None or self.jobs_service_account is None):
            raise ValueError("JOBS_URL and JOBS_SERVICE_ACCOUNT: both are needed with a Cloud Tasks queue")
        if self.jobs_queue is not None:
            require_queue(cloud_tasks=self.uses_cloud_tasks)
        return self

    @model_validator(mode="after")
    def _answers_in_time(self) -> Self:
        limit = self.host_timeout_seconds
        if limit is not None and self.request_seconds > limit - SECONDS_TO_ANSWER:
            raise ValueError(
                f"REQUEST_SECONDS: {self.request_seconds:g} is too long where the host ends requests after "
                f"{limit:g} s (HOST_TIMEOUT_SECONDS): at most {limit - SECONDS_TO_ANSWER:g}"
            )
        return self

    @model_validator(mode="after")
    def _scores_last(self) -> Self:
        host = _host_that_forgets()
        file = _SQLITE_FILE.match(self.database_url)
        if host is None or file is None or self._lasts(Path(file["path"])):
            return self
        raise ValueError(
            f"DATABASE_URL: a SQLite file (the default) does not last on {host}: name a PostgreSQL database, "
            "or say 'none' if scores may end with the instance"
        )

    def _lasts(self, file: Path) -> bool:
        return self.durable_directory is not None and file.absolute().is_relative_to(self.durable_directory.absolute())

    @property
    def job_seconds(self) -> float:
        """Seconds that a job over HTTP may take: the host's limit less the time for an answer."""
        return self.request_seconds if self.host_timeout_seconds is None else self.host_timeout_seconds - SAFETY_SECONDS

    @property
    def uses_cloud_tasks(self) -> bool:
        """Whether the queue is a Cloud Tasks queue, which delivers over HTTP."""
        return self.jobs_queue is not None and _CLOUD_TASKS_QUEUE.match(self.jobs_queue) is not None


def _host_that_forgets() -> str | None:
    """The name of the host if its disk is lost with the instance, else None."""
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        return "Lambda"
    return "Cloud Run" if "K_SERVICE" in os.environ or "CLOUD_RUN_JOB" in os.environ else None
