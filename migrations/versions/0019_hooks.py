"""Hooks: up to where each has been told, and its calls that are yet to be made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    op.create_table(
        "hook",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_hook"),
    )
    op.create_table(
        "hook_call",
        sa.Column("hook", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("credential", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("hook", "sequence", name="pk_hook_call"),
    )
