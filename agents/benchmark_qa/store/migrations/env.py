"""Entry point of Alembic: migrates `benchmark_qa.store.migrate`'s connection in its transaction."""

from alembic import context

from benchmark_qa.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
