"""What an alert tells its readers beside what is so: since when consumers are refused, what is done, what to do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    op.add_column("alert", sa.Column("meanwhile", sa.Text, nullable=False, server_default=sa.text("''")))
    op.add_column("alert", sa.Column("to_do", sa.Text, nullable=False, server_default=sa.text("''")))
    op.add_column("alert", sa.Column("refused_since", TIME))
    op.add_column("alert", sa.Column("again_at", TIME))
