"""What a person is to do about a rotation that stopped."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    op.add_column("credential_record", sa.Column("halted_hint", sa.Text, nullable=False, server_default=sa.text("''")))
