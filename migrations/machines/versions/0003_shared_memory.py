"""What one process knows by itself and several have to share: turns of locks, calls to orgs, what jobs remember."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    for numbers in ("turn_number", "remembered_number"):
        op.execute(sa.schema.CreateSequence(sa.Sequence(numbers)))
    op.create_table(
        "turn",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("taken_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_turn"),
    )
    op.create_table(
        "org_call",
        sa.Column("org", sa.Text, nullable=False),
        sa.Column("minute", TIME, nullable=False),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("logins", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("org", "minute", name="pk_org_call"),
    )
    op.create_table(
        "remembered",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.JSON),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_remembered"),
    )
    op.create_index("ix_remembered_number", "remembered", ["kind", "number"])
