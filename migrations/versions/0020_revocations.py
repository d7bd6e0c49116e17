"""That a credential was revoked, by which steps, and what was taken from its user."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    op.add_column("credential_record", sa.Column("revocation", sa.Text, nullable=False, server_default=sa.text("''")))
