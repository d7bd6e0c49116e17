"""Several machines: who is there, what was asked for and what became of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    op.create_table(
        "machine",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("release", sa.Text, nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("leads", sa.Boolean, nullable=False),
        sa.Column("concurrency", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_machine"),
    )
    op.create_table(
        "asked_job",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("asked_at", TIME, nullable=False),
        sa.Column("taken_at", TIME),
        sa.Column("machine_id", sa.String(32)),
        sa.Column("begun_at", TIME),
        sa.Column("ended_at", TIME),
        sa.Column("outcome", sa.Text),
        sa.Column("job_id", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_asked_job"),
    )
    is_active = sa.text("ended_at IS NULL")
    op.create_index("uq_asked_job_active", "asked_job", ["kind", "name"], unique=True, postgresql_where=is_active)
    has_ended = sa.text("ended_at IS NOT NULL")
    op.create_index("ix_asked_job_ended", "asked_job", ["ended_at"], postgresql_where=has_ended)
    ended_badly = sa.text("outcome IN ('fault', 'stalled')")
    op.create_index("ix_asked_job_bad", "asked_job", ["kind", "name"], postgresql_where=ended_badly)
    op.create_index("ix_asked_job_job", "asked_job", ["job_id"])
    op.create_table(
        "stall",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("last_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("kind", name="pk_stall"),
    )
