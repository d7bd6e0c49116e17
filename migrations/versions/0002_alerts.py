"""What is tried again and again, what people should know of, and the ledger of who was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

FINGERPRINT = sa.String(64)
TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
OPEN = sa.text("closed_at IS NULL")
OWED = sa.text("told_at IS NULL")


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    _trials()
    _matters()
    _ledger()


def _trials() -> None:
    op.create_table(
        "trial",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("last_at", TIME),
        sa.Column("last_good_at", TIME),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("lasting", sa.Integer, nullable=False),
        sa.Column("next_at", TIME),
        sa.Column("needs_attention", sa.Boolean, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("advice", sa.Text, nullable=False),
        sa.Column("world", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_trial"),
    )


def _matters() -> None:
    op.create_table(
        "matter",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("org", sa.Text),
        sa.Column("app", sa.Text),
        sa.Column("credential", sa.Text),
        sa.Column("fingerprint", FINGERPRINT),
        sa.Column("not_after", TIME),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("closed_at", TIME),
        sa.Column("closed_why", sa.Text, nullable=False),
        sa.Column("acknowledged_at", TIME),
        sa.Column("acknowledged_by", sa.Text),
        sa.Column("acknowledged_why", sa.Text),
        sa.Column("snoozed_until", TIME),
        sa.Column("snoozed_by", sa.Text),
        sa.Column("snoozed_why", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_matter"),
    )
    op.create_index("ix_matter_key", "matter", ["key"])
    op.create_index("uq_matter_open_key", "matter", ["key"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN)


def _ledger() -> None:
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("matter_id", sa.String(32), nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("owed_at", TIME, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("tried_at", TIME),
        sa.Column("next_at", TIME),
        sa.Column("claimed_until", TIME),
        sa.Column("claimed_by", sa.Text),
        sa.Column("told_at", TIME),
        sa.Column("receipt", sa.Text, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notice"),
        sa.ForeignKeyConstraint(["matter_id"], ["matter.id"], name="fk_notice_matter_id"),
        sa.UniqueConstraint("matter_id", "step", "channel", name="uq_notice_matter_id_step_channel"),
    )
    op.create_index("ix_notice_owed", "notice", ["channel"], sqlite_where=OWED, postgresql_where=OWED)
