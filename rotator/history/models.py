"""The tables. A change here needs a migration; a test compares the two."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from rotator.history.times import UtcDateTime

FINGERPRINT: Final = String(64)

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ROTATION: Final = Table(
    "rotation",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("credential", Text, nullable=False),
    Column("org", Text, nullable=False),
    Column("strategy", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("goal", Text, nullable=False),
    Column("replaces", FINGERPRINT),
    Column("brings_back", FINGERPRINT),
    Column("keep_key", Boolean, nullable=False),
    Column("retire_now", Boolean, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("outcome", Text),
    Column("why", Text, nullable=False),
    Column("old_fingerprint", FINGERPRINT),
    Column("new_fingerprint", FINGERPRINT),
    Column("gap_seconds", Float),
    Index(None, "credential", "started_at"),
    Index(None, "started_at"),
)

# Append-only: triggers in the migration refuse UPDATE and DELETE.
EVENT: Final = Table(
    "event",
    METADATA,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("time", UtcDateTime, nullable=False),
    Column("kind", Text, nullable=False),
    Column("credential", Text),
    Column("rotation_id", String(32), ForeignKey(ROTATION.c.id)),
    # Text, not JSON: the hash is over exactly these characters.
    Column("details", Text, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index(None, "credential"),
    Index(None, "rotation_id"),
)

# One row: what the last event is, so that a journal with its end cut off does not pass for whole.
HEAD: Final = Table(
    "head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("events", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)

CERTIFICATE: Final = Table(
    "certificate",
    METADATA,
    Column("fingerprint", FINGERPRINT, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("not_after", UtcDateTime, nullable=False),
    Column("key_algorithm", Text, nullable=False),
    Column("key_bits", Integer, nullable=False),
    Column("signature_algorithm", Text, nullable=False),
    # Hex: a serial number has up to 160 bits (RFC 5280 section 4.1.2.2).
    Column("serial", Text, nullable=False),
    Column("first_seen", UtcDateTime, nullable=False),
    Column("last_seen", UtcDateTime, nullable=False),
)

SIGHTING: Final = Table(
    "sighting",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("org", Text, nullable=False),
    Column("app", Text, nullable=False),
    Column("app_type", Text, nullable=False),
    Column("certificate_fingerprint", FINGERPRINT, ForeignKey(CERTIFICATE.c.fingerprint)),
    Column("first_seen", UtcDateTime, nullable=False),
    Column("last_seen", UtcDateTime, nullable=False),
    Column("app_modified_at", UtcDateTime),
    Column("app_modified_by", Text),
    UniqueConstraint("org", "app", "app_type", "certificate_fingerprint"),
    Index(None, "certificate_fingerprint"),
)
