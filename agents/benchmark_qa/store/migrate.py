"""Run Alembic from inside the package, without a configuration file or a command of its own."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, inspect, text

from benchmark_qa.store.errors import SchemaBehindError
from benchmark_qa.store.schema import HEAD, revision_of
from benchmark_qa.store.sums import rebuild

MIGRATIONS = Path(__file__).parent / "migrations"


ONE_AT_A_TIME = 6_117_240_514
"""Key of the advisory lock of a migration.

The lock is per transaction, so it also works behind PgBouncer.
"""


def migrate(engine: Engine) -> str | None:
    """Run every missing revision and recompute the sums, in one transaction. Returns the revision before.

    Of several concurrent callers one migrates; the others wait and then find nothing to do.

    Raises:
        SchemaBehindError: this software does not know the database's revision.
    """
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
        before = revision_of(connection)
        if before == HEAD:
            return before
        config = configuration(connection)
        if _is_unmarked(connection):
            command.stamp(config, "0001")
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise SchemaBehindError(f"the score store's tables are not of this software: {error}") from None
        rebuild(connection)
        return before


def configuration(connection: Connection) -> Config:
    """Alembic's settings, with the connection that `migrations/env.py` uses."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def newest_revision() -> str | None:
    """The newest revision of the migrations."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return ScriptDirectory.from_config(config).get_current_head()


def _is_unmarked(connection: Connection) -> bool:
    """Whether the tables were created before revisions were recorded."""
    tables = inspect(connection)
    return tables.has_table("score_records") and not tables.has_table("alembic_version")
