"""Alembic's entry: migrates the connection that `agents.store.migrate` hands over, within its transaction."""

from alembic import context

from agents.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
