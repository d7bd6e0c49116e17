"""What was seen of certificates that an org shows no content of, and when something was found gone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    op.add_column("sighting", sa.Column("not_after", TIME))
    op.add_column("sighting", sa.Column("key_bits", sa.Integer))
    op.add_column("sighting", sa.Column("gone_at", TIME))
