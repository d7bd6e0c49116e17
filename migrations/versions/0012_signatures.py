"""The signature of each event, by the key of the installation that wrote it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    op.add_column("event", sa.Column("signature", sa.String(86)))
    op.add_column("event", sa.Column("signer", sa.String(16)))
