"""Settings of the database: the only settings needed to upgrade its schema."""

import tempfile
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from benchmark_qa.config.account import SettingsError
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
