"""What is seen of a certificate, in columns of the names that it has elsewhere; and whether a run came to its end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")

SIGHTING = {
    "app_type": "type",
    "certificate_fingerprint": "fingerprint",
    "app_modified_at": "last_modified_at",
    "app_modified_by": "last_modified_by",
}
UNIQUE = "uq_sighting_org_app_app_type_certificate_fingerprint", "uq_sighting_org_app_type_fingerprint"
REFERENCE = "fk_sighting_certificate_fingerprint", "fk_sighting_fingerprint"
INDEX = "ix_sighting_certificate_fingerprint", "ix_sighting_fingerprint"

BEGUN = "A run was begun, and has not ended or was interrupted."


def upgrade() -> None:
    """There is no way down: a database is put back from its backup."""
    op.alter_column("certificate", "serial", new_column_name="serial_number")
    if op.get_context().dialect.name == "sqlite":
        _make_sighting_anew()
    else:
        _rename_in_sighting()
    op.add_column("attempt", sa.Column("begun_at", TIME))
    # Until now that sentence alone said that a run had begun.
    attempt = sa.table("attempt", *map(sa.column, ("last_at", "begun_at", "problem")))
    op.execute(sa.update(attempt).where(attempt.c.problem == BEGUN).values(begun_at=attempt.c.last_at))


def _rename_in_sighting() -> None:
    """Renamed and not made anew: a role keeps what it was granted."""
    for before, after in SIGHTING.items():
        op.alter_column("sighting", before, new_column_name=after)
    for before, after in (UNIQUE, REFERENCE):
        op.execute(f"ALTER TABLE sighting RENAME CONSTRAINT {before} TO {after}")
    op.execute(f"ALTER INDEX {INDEX[0]} RENAME TO {INDEX[1]}")


def _make_sighting_anew() -> None:
    """SQLite renames columns, and none of the constraints that are named after them."""
    made = sa.text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'sighting'")
    triggers = op.get_bind().scalars(made).all()
    op.rename_table("sighting", "sighting_before")
    op.create_table(
        "sighting",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("org", sa.Text, nullable=False),
        sa.Column("app", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.String(64)),
        sa.Column("first_seen", TIME, nullable=False),
        sa.Column("last_seen", TIME, nullable=False),
        sa.Column("last_modified_at", TIME),
        sa.Column("last_modified_by", sa.Text),
        sa.Column("not_after", TIME),
        sa.Column("key_bits", sa.Integer),
        sa.Column("gone_at", TIME),
        sa.PrimaryKeyConstraint("id", name="pk_sighting"),
        sa.ForeignKeyConstraint(["fingerprint"], ["certificate.fingerprint"], name=REFERENCE[1]),
        sa.UniqueConstraint("org", "app", "type", "fingerprint", name=UNIQUE[1]),
    )
    names = [column["name"] for column in sa.inspect(op.get_bind()).get_columns("sighting_before")]
    columns = ", ".join(SIGHTING.get(name, name) for name in names)
    op.execute(f"INSERT INTO sighting ({columns}) SELECT {', '.join(names)} FROM sighting_before")  # noqa: S608 - names of columns
    op.drop_table("sighting_before")
    op.create_index(INDEX[1], "sighting", ["fingerprint"])
    op.create_index("ix_sighting_there", "sighting", ["org"], sqlite_where=sa.text("gone_at IS NULL"))
    for trigger in triggers:
        op.execute(trigger)
