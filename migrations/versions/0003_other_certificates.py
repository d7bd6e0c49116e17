"""What was seen of certificates that an org shows no content of, and when something was found gone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")

# A certificate was gone when the next one was first seen in its place.
REPLACED = """
    UPDATE sighting SET gone_at = (
        SELECT min(next.first_seen) FROM sighting AS next
        WHERE next.org = sighting.org AND next.app = sighting.app AND next.app_type = sighting.app_type
        AND next.first_seen > sighting.last_seen
    )
"""


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    op.add_column("sighting", sa.Column("not_after", TIME))
    op.add_column("sighting", sa.Column("key_bits", sa.Integer))
    op.add_column("sighting", sa.Column("gone_at", TIME))
    op.execute(REPLACED)
