"""Run Alembic from inside the package, without a configuration file or a command of its own."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, inspect, text

from benchmark_qa.store.errors import SchemaBehindError
from benchmark_qa.store.schema import HEAD, metadata, revision_of
from benchmark_qa.store.sums import rebuild_sums

MIGRATIONS = Path(__file__).parent / "migrations"


ONE_AT_A_TIME = 6_117_240_514
"""Key of the advisory lock of a migration.

The lock is per transaction, so it also works behind PgBouncer.
"""


GIVE_WAY_SECONDS = 5
"""Seconds to wait for a table. Whoever waits for a table holds up every later call that needs it."""


def run_migrations(engine: Engine) -> str | None:
    """Run every missing revision, in one transaction. Returns the revision before.

    It also recomputes the sums, unless every one of these revisions has `keeps_sums = True`: writers wait meanwhile.

    Of several concurrent callers one migrates; the others wait and then find nothing to do. The service may be running:
    its writes wait for the transaction's end, and this gives way to a long query, to be tried again.

    Raises:
        OperationalError: a table was in use for `GIVE_WAY_SECONDS`.
        SchemaBehindError: this software does not know the database's revision.
    """
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
            connection.execute(text(f"SET LOCAL lock_timeout = '{GIVE_WAY_SECONDS}s'"))
        before = revision_of(connection)
        if before == HEAD:
            return before
        config = configuration(connection)
        if _is_unmarked(connection):
            command.stamp(config, "0001")
        try:
            command.upgrade(config, HEAD)
        except CommandError as error:
            raise SchemaBehindError(f"the score store's tables are not of this software: {error}") from None
        if not keep_sums(config, before, HEAD):
            rebuild_sums(connection)
        return before


def configuration(connection: Connection) -> Config:
    """Alembic's settings, with the connection that `migrations/env.py` uses."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def unlike_ours(connection: Connection) -> str:
    """What keeps this software from using the tables of a newer revision; empty if nothing does.

    More tables do not, nor columns that need no value, nor indexes that are not unique.
    """
    differences: list[Any] = compare_metadata(MigrationContext.configure(connection), metadata)
    return ", ".join(filter(None, map(_in_the_way, differences)))


def _in_the_way(difference: Any) -> str:
    if isinstance(difference, list):  # changes of one column
        _, _, table, column, *_ = difference[0]
        return f"{table}.{column} has changed"
    kind, *about = difference
    if kind == "remove_table":
        return ""
    if kind == "remove_column":
        _, table, column = about
        return "" if column.nullable or column.server_default is not None else f"{table}.{column.name} needs a value"
    if kind == "remove_index":
        return f"{about[0].name} is unique" if about[0].unique else ""
    if kind == "add_column":
        _, table, column = about
        return f"{table}.{column.name} is gone"
    return f"{about[0].name} is gone" if kind == "add_table" else kind.replace("_", " ")


def newest_revision() -> str | None:
    """The newest revision of the migrations."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return ScriptDirectory.from_config(config).get_current_head()


def keep_sums(config: Config, before: str | None, last: str) -> bool:
    """Whether no revision after `before`, up to `last`, changes a figure."""
    scripts = ScriptDirectory.from_config(config).iterate_revisions(last, before or "base")
    return all(getattr(script.module, "keeps_sums", False) for script in scripts)


def _is_unmarked(connection: Connection) -> bool:
    """Whether the tables were created before revisions were recorded."""
    tables = inspect(connection)
    return tables.has_table("score_records") and not tables.has_table("alembic_version")
