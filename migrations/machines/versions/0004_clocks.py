"""By how much the clock of a machine is wrong."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    op.add_column("machine", sa.Column("clock_off", sa.Integer))
