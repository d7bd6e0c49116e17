"""How each managed credential was last seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    op.create_table(
        "last_observation",
        sa.Column("credential", sa.Text, nullable=False),
        sa.Column("observed_at", TIME),
        sa.Column("promoted_at", TIME),
        sa.Column("stages", sa.Text, nullable=False),
        sa.Column("apps", sa.Text, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("credential", name="pk_last_observation"),
    )
