"""When a run of a rotation began that has not ended, in a column of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")

BEGUN = "A run was begun, and has not ended or was interrupted."


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    op.add_column("attempt", sa.Column("begun_at", TIME))
    # Until now that sentence alone said it.
    attempt = sa.table("attempt", *map(sa.column, ("last_at", "begun_at", "problem")))
    op.execute(sa.update(attempt).where(attempt.c.problem == BEGUN).values(begun_at=attempt.c.last_at))
