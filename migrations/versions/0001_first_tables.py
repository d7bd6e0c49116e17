"""The first tables: rotations, the journal of events and its head, certificates and where they were seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

FINGERPRINT = sa.String(64)
TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")

# The journal only grows. REPLACE would delete without firing a trigger, hence the first of the three.
APPEND_ONLY = {
    "sqlite": (
        """
        CREATE TRIGGER event_goes_at_the_end BEFORE INSERT ON event
        WHEN EXISTS (SELECT 1 FROM event WHERE sequence >= NEW.sequence)
        BEGIN SELECT RAISE(ABORT, 'events are appended at the end only'); END
        """,
        """
        CREATE TRIGGER event_is_not_changed BEFORE UPDATE ON event
        BEGIN SELECT RAISE(ABORT, 'events are never changed'); END
        """,
        """
        CREATE TRIGGER event_is_not_deleted BEFORE DELETE ON event
        BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END
        """,
    ),
    "postgresql": (
        """
        CREATE FUNCTION event_goes_at_the_end() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE taken boolean;
        BEGIN
            -- The table that the trigger is on, whatever the search path of the session is.
            EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I WHERE sequence >= $1)', TG_TABLE_SCHEMA, TG_TABLE_NAME)
                INTO taken USING NEW.sequence;
            IF taken THEN RAISE EXCEPTION 'events are appended at the end only'; END IF;
            RETURN NEW;
        END $$
        """,
        """
        CREATE FUNCTION event_stays() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'events are never %', CASE TG_OP WHEN 'UPDATE' THEN 'changed' ELSE 'deleted' END;
        END $$
        """,
        """
        CREATE TRIGGER event_goes_at_the_end BEFORE INSERT ON event
        FOR EACH ROW EXECUTE FUNCTION event_goes_at_the_end()
        """,
        """
        CREATE TRIGGER event_is_not_changed BEFORE UPDATE OR DELETE ON event
        FOR EACH ROW EXECUTE FUNCTION event_stays()
        """,
        """
        CREATE TRIGGER event_is_not_emptied BEFORE TRUNCATE ON event
        FOR EACH STATEMENT EXECUTE FUNCTION event_stays()
        """,
    ),
}


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    _rotations()
    _journal()
    _certificates()


def _rotations() -> None:
    op.create_table(
        "rotation",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("credential", sa.Text, nullable=False),
        sa.Column("org", sa.Text, nullable=False),
        sa.Column("strategy", sa.Text, nullable=False),
        sa.Column("trigger", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("goal", sa.Text, nullable=False),
        sa.Column("replaces", FINGERPRINT),
        sa.Column("brings_back", FINGERPRINT),
        sa.Column("keep_key", sa.Boolean, nullable=False),
        sa.Column("retire_now", sa.Boolean, nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("finished_at", TIME),
        sa.Column("outcome", sa.Text),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("old_fingerprint", FINGERPRINT),
        sa.Column("new_fingerprint", FINGERPRINT),
        sa.Column("gap_seconds", sa.Float),
        sa.PrimaryKeyConstraint("id", name="pk_rotation"),
    )
    op.create_index("ix_rotation_credential_started_at", "rotation", ["credential", "started_at"])
    op.create_index("ix_rotation_started_at", "rotation", ["started_at"])


def _journal() -> None:
    op.create_table(
        "event",
        sa.Column("sequence", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("time", TIME, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("credential", sa.Text),
        sa.Column("rotation_id", sa.String(32)),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_event"),
        sa.ForeignKeyConstraint(["rotation_id"], ["rotation.id"], name="fk_event_rotation_id"),
    )
    op.create_index("ix_event_credential", "event", ["credential"])
    op.create_index("ix_event_rotation_id", "event", ["rotation_id"])
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)
    head = op.create_table(
        "head",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("events", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_head"),
    )
    op.bulk_insert(head, [{"id": 1, "events": 0, "hash": "0" * 64}])


def _certificates() -> None:
    op.create_table(
        "certificate",
        sa.Column("fingerprint", FINGERPRINT, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("not_before", TIME, nullable=False),
        sa.Column("not_after", TIME, nullable=False),
        sa.Column("key_algorithm", sa.Text, nullable=False),
        sa.Column("key_bits", sa.Integer, nullable=False),
        sa.Column("signature_algorithm", sa.Text, nullable=False),
        sa.Column("serial", sa.Text, nullable=False),
        sa.Column("first_seen", TIME, nullable=False),
        sa.Column("last_seen", TIME, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_certificate"),
    )
    op.create_table(
        "sighting",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("org", sa.Text, nullable=False),
        sa.Column("app", sa.Text, nullable=False),
        sa.Column("app_type", sa.Text, nullable=False),
        sa.Column("certificate_fingerprint", FINGERPRINT),
        sa.Column("first_seen", TIME, nullable=False),
        sa.Column("last_seen", TIME, nullable=False),
        sa.Column("app_modified_at", TIME),
        sa.Column("app_modified_by", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_sighting"),
        sa.ForeignKeyConstraint(
            ["certificate_fingerprint"], ["certificate.fingerprint"], name="fk_sighting_certificate_fingerprint"
        ),
        sa.UniqueConstraint(
            "org",
            "app",
            "app_type",
            "certificate_fingerprint",
            name="uq_sighting_org_app_app_type_certificate_fingerprint",
        ),
    )
    op.create_index("ix_sighting_certificate_fingerprint", "sighting", ["certificate_fingerprint"])
