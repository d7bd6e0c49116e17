"""Runs the migrations on the connection, and in the transaction, that rotator.history.engine.upgrades brings."""

from alembic import context

from rotator.history.engine.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
