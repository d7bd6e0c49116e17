"""Alerts, notifications and attempts under these names; what an alert is about beside its org and app, in columns."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

FINGERPRINT = sa.String(64)
TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
OPEN = sa.text("closed_at IS NULL")
PENDING = sa.text("delivered_at IS NULL")

TABLES = {"trial": "attempt", "matter": "alert", "notice": "notification"}
COLUMNS = {
    "attempt": {"advice": "hint"},
    "alert": {},
    "notification": {"matter_id": "alert_id", "owed_at": "queued_at", "told_at": "delivered_at", "receipt": "thread"},
}

ALERT = sa.table("alert", *map(sa.column, ("id", "key", "kind", "facts", "type", "store", "channel")))


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    if op.get_bind().dialect.name == "sqlite":
        _make_anew()
    else:
        _rename()
        for name in ("type", "store", "channel"):
            op.add_column("alert", sa.Column(name, sa.Text))
    _fill_in()


def _rename() -> None:
    """Renamed and not made anew: a role keeps what it was granted."""
    for before, after in TABLES.items():
        op.rename_table(before, after)
        for old, new in COLUMNS[after].items():
            op.alter_column(after, old, new_column_name=new)
        op.execute(f"ALTER TABLE {after} RENAME CONSTRAINT pk_{before} TO pk_{after}")
        _rename_not_null(after)
    op.execute("ALTER TABLE notification RENAME CONSTRAINT fk_notice_matter_id TO fk_notification_alert_id")
    op.execute(
        "ALTER TABLE notification RENAME CONSTRAINT uq_notice_matter_id_step_channel"
        " TO uq_notification_alert_id_step_channel"
    )
    op.execute("ALTER INDEX ix_matter_key RENAME TO ix_alert_key")
    op.execute("ALTER INDEX uq_matter_open_key RENAME TO uq_alert_open_key")
    op.execute("ALTER INDEX ix_notice_owed RENAME TO ix_notification_pending")
    op.execute("ALTER SEQUENCE notice_id_seq RENAME TO notification_id_seq")


def _rename_not_null(name: str) -> None:
    """From version 18 on NOT NULL is a constraint with a name, which renaming a table leaves as it was."""
    found = op.get_bind().execute(
        sa.text(
            "SELECT conname, attname FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]"
            " WHERE conrelid = CAST(:name AS regclass) AND contype = 'n'"
        ),
        {"name": name},
    )
    for constraint, column in found.all():
        op.execute(f"ALTER TABLE {name} RENAME CONSTRAINT {constraint} TO {name}_{column}_not_null")


def _make_anew() -> None:
    """SQLite renames a table, and none of its constraints."""
    _make_attempt()
    _make_alert()
    _make_notification()
    for before, after in TABLES.items():
        formerly = {new: old for old, new in COLUMNS[after].items()}
        names = [column["name"] for column in sa.inspect(op.get_bind()).get_columns(after)]
        names = [name for name in names if name not in {"type", "store", "channel"} or after == "notification"]
        columns = ", ".join(formerly.get(name, name) for name in names)
        op.execute(f"INSERT INTO {after} ({', '.join(names)}) SELECT {columns} FROM {before}")  # noqa: S608 - names from above
    for before in reversed(TABLES):
        op.drop_table(before)


def _make_attempt() -> None:
    op.create_table(
        "attempt",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("last_at", TIME),
        sa.Column("last_good_at", TIME),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("lasting", sa.Integer, nullable=False),
        sa.Column("next_at", TIME),
        sa.Column("needs_attention", sa.Boolean, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("hint", sa.Text, nullable=False),
        sa.Column("world", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_attempt"),
    )


def _make_alert() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("org", sa.Text),
        sa.Column("app", sa.Text),
        sa.Column("type", sa.Text),
        sa.Column("credential", sa.Text),
        sa.Column("store", sa.Text),
        sa.Column("channel", sa.Text),
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
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
    )
    op.create_index("ix_alert_key", "alert", ["key"])
    op.create_index("uq_alert_open_key", "alert", ["key"], unique=True, sqlite_where=OPEN)


def _make_notification() -> None:
    op.create_table(
        "notification",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("alert_id", sa.String(32), nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("queued_at", TIME, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("tried_at", TIME),
        sa.Column("next_at", TIME),
        sa.Column("claimed_until", TIME),
        sa.Column("claimed_by", sa.Text),
        sa.Column("delivered_at", TIME),
        sa.Column("thread", sa.Text, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notification"),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_notification_alert_id"),
        sa.UniqueConstraint("alert_id", "step", "channel", name="uq_notification_alert_id_step_channel"),
    )
    op.create_index("ix_notification_pending", "notification", ["channel"], sqlite_where=PENDING)


def _fill_in() -> None:
    """What stood only in the key of an alert, or among the facts that people are shown."""
    connection = op.get_bind()
    for row in connection.execute(sa.select(ALERT)).all():
        facts = dict(json.loads(row.facts))
        about = {
            "type": facts.get("Type"),
            "store": row.key.partition(":")[2] if row.kind == "store" else facts.get("Store"),
            "channel": row.key.partition(":")[2] if row.kind == "delivery" else None,
        }
        if any(about.values()):
            connection.execute(sa.update(ALERT).where(ALERT.c.id == row.id).values(about))
