"""Runs the migrations of the jobs schema, in the transaction and search path that rotator.queue.jobs_schema brings."""

from alembic import context

from rotator.queue.queue_tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
