"""What the system knew of who began a rotation, apart from what was only claimed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    op.add_column("rotation", sa.Column("uid", sa.BigInteger))
    op.add_column("rotation", sa.Column("login_uid", sa.BigInteger))
    op.add_column("rotation", sa.Column("login_name", sa.Text, nullable=False, server_default=sa.text("''")))
    op.add_column("rotation", sa.Column("claimed_name", sa.Text, nullable=False, server_default=sa.text("''")))
