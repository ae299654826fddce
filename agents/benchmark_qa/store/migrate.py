"""Alembic, run from inside the package: no configuration file, no command of its own."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, inspect, text

from benchmark_qa.store.database import revision_of
from benchmark_qa.store.errors import SchemaBehindError
from benchmark_qa.store.rebuild import rebuild
from benchmark_qa.store.schema import HEAD

MIGRATIONS = Path(__file__).parent / "migrations"


ONE_AT_A_TIME = 6_117_240_514
"""Key of the lock that whoever migrates holds; of the transaction, so that it works behind PgBouncer as well"""


def migrate(engine: Engine) -> str | None:
    """Every revision that is missing, and then the sums that follow from the records, in one transaction.

    Of several at once one works; the others wait for it, and find nothing left to do. Returns the revision before.

    Raises:
        SchemaBehindError: the database is of a revision that this software does not know.
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
    """The head of the migrations."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return ScriptDirectory.from_config(config).get_current_head()


def _is_unmarked(connection: Connection) -> bool:
    """Tables from before revisions were written down."""
    tables = inspect(connection)
    return tables.has_table("score_records") and not tables.has_table("alembic_version")
