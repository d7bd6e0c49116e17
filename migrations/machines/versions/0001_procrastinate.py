"""Procrastinate's own tables and functions, from the package that is installed."""

from __future__ import annotations

from alembic import op

from rotator.queue.jobs_schema import bring_procrastinate_up

revision = "0001"
down_revision = None


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    bring_procrastinate_up(op.get_bind())
