"""Pauses, the first start of the service, and the freezes that the journal knows of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")

ATTEMPT = sa.table("attempt", sa.column("last_at", TIME))
ALERT = sa.table("alert", sa.column("opened_at", TIME))


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    table = op.create_table(
        "standstill",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("until", TIME),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_standstill"),
    )
    since = _first_start()
    if since is not None:
        row = {"key": "first start", "why": "first start", "since": since, "until": since}
        op.bulk_insert(table, [{**row, "reason": "", "by": "", "scope": ""}])


def _first_start() -> object:
    """When the service was here at the latest: only it keeps records of attempts. None where it never was."""
    connection = op.get_bind()
    tried = connection.scalar(sa.select(sa.func.min(ATTEMPT.c.last_at)))
    if tried is None:
        return None
    told = connection.scalar(sa.select(sa.func.min(ALERT.c.opened_at)))
    return min(time for time in (tried, told) if time is not None)
