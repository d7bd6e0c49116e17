"""The tables. A change here needs a migration; a test compares the two.

Of which rows an index is stands in the migration alone, here in a comment: said here, it would load the dialect of
Postgres into a process that works on a file.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
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
    text,
)

from rotator.history.engine.column_types import Flag, StoredOptions
from rotator.history.engine.times import UtcDateTime

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
    # What the system knew of the actor, and what was only claimed (`rotator.core.actor`).
    Column("uid", BigInteger),
    Column("login_uid", BigInteger),
    Column("login_name", Text, nullable=False, server_default=text("''")),
    Column("claimed_name", Text, nullable=False, server_default=text("''")),
    Column("reason", Text, nullable=False),
    Column("goal", Text, nullable=False),
    Column("replaces", FINGERPRINT),
    Column("brings_back", FINGERPRINT),
    Column("options", StoredOptions, nullable=False, server_default="{}"),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("outcome", Text),
    Column("why", Text, nullable=False),
    Column("old_fingerprint", FINGERPRINT),
    Column("new_fingerprint", FINGERPRINT),
    Column("gap_seconds", Float),
    Index(None, "credential", "started_at"),
    Index(None, "started_at"),
    Index(None, "old_fingerprint"),
    Index(None, "new_fingerprint"),
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
    # Ed25519 over the hash, in base64 for URLs, and the id of the key; none of earlier releases.
    Column("signature", String(86)),
    Column("signer", String(16)),
    Index(None, "credential"),
    Index(None, "rotation_id"),
    Index("ix_event_promotions", "credential", "sequence"),  # WHERE kind = 'promote'
)

# What the events of a credential come to (`rotator.history.journal.projection`).
CREDENTIAL_RECORD: Final = Table(
    "credential_record",
    METADATA,
    Column("credential", Text, primary_key=True),
    Column("tried_at", UtcDateTime),
    Column("tried_version", FINGERPRINT),
    Column("tried_outcome", Text),
    Column("tried_answer", Text, nullable=False),
    Column("tried_by", Text, nullable=False),
    Column("accepted_at", UtcDateTime),
    Column("refused_since", UtcDateTime),
    Column("is_refusal_certain", Flag, nullable=False),
    Column("halted_at", UtcDateTime),
    Column("halt", Text, nullable=False),
    Column("halted_why", Text, nullable=False),
    Column("halted_hint", Text, nullable=False, server_default=text("''")),
    Column("unproven_app", Text),
    Column("unproven_version", FINGERPRINT),
    # JSON, empty where it is not revoked (`rotator.core.lifecycle.revocation.Revocation`).
    Column("revocation", Text, nullable=False, server_default=text("''")),
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
    Column("serial", Text, key="serial_number", nullable=False),
    Column("first_seen", UtcDateTime, nullable=False),
    Column("last_seen", UtcDateTime, nullable=False),
)


# A `key` is the name by which the program knows a column (`rotator.core.observed.ObservedCertificate`). To give the
# column that name would end the work of an earlier release that shares the database while machines are upgraded.
SIGHTING: Final = Table(
    "sighting",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("org", Text, nullable=False),
    Column("app", Text, nullable=False),
    Column("app_type", Text, key="type", nullable=False),
    Column("certificate_fingerprint", FINGERPRINT, ForeignKey(CERTIFICATE.c.fingerprint), key="fingerprint"),
    Column("first_seen", UtcDateTime, nullable=False),
    Column("last_seen", UtcDateTime, nullable=False),
    Column("app_modified_at", UtcDateTime, key="last_modified_at"),
    Column("app_modified_by", Text, key="last_modified_by"),
    # Of a certificate without a fingerprint: all that the org shows of it.
    Column("not_after", UtcDateTime),
    Column("key_bits", Integer),
    Column("gone_at", UtcDateTime),
    UniqueConstraint("org", "app", "type", "fingerprint"),
    Index(None, "fingerprint"),
    Index("ix_sighting_there", "org"),  # WHERE gone_at IS NULL
)

# How each managed credential was last seen (`rotator.core.observed.ObservedCredential`).
LAST_OBSERVATION: Final = Table(
    "last_observation",
    METADATA,
    Column("credential", Text, primary_key=True),
    Column("observed_at", UtcDateTime),
    Column("promoted_at", UtcDateTime),
    # JSON, both: versions by stage, and apps in the order of the configuration.
    Column("stages", Text, nullable=False),
    Column("apps", Text, nullable=False),
    # Why it could not be seen since; empty where it could.
    Column("problem", Text, nullable=False),
)

# What is tried again and again (`rotator.core.attempts.AttemptRecord`).
ATTEMPT: Final = Table(
    "attempt",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("last_at", UtcDateTime),
    Column("last_good_at", UtcDateTime),
    Column("failures", Integer, nullable=False),
    Column("lasting", Integer, nullable=False),
    Column("next_at", UtcDateTime),
    Column("needs_attention", Flag, nullable=False),
    Column("problem", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("circumstances", Text, nullable=False),
)

# What holds rotations up (`rotator.core.schedule.Standstill`).
STANDSTILL: Final = Table(
    "standstill",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("why", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("until", UtcDateTime),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("scope", Text, nullable=False),
)


ALERT: Final = Table(
    "alert",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("meanwhile", Text, nullable=False, server_default=text("''")),
    Column("to_do", Text, nullable=False, server_default=text("''")),
    Column("refused_since", UtcDateTime),
    Column("again_at", UtcDateTime),
    Column("org", Text),
    Column("app", Text),
    Column("type", Text),
    Column("credential", Text),
    Column("store", Text),
    Column("channel", Text),
    Column("fingerprint", FINGERPRINT),
    Column("not_after", UtcDateTime),
    # JSON, an object of texts.
    Column("facts", Text, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("closed_why", Text, nullable=False),
    Column("acknowledged_at", UtcDateTime),
    Column("acknowledged_by", Text),
    Column("acknowledged_why", Text),
    Column("snoozed_until", UtcDateTime),
    Column("snoozed_by", Text),
    Column("snoozed_why", Text),
    Index(None, "key"),
    # Of what is open there is at most one of a key.
    Index("uq_alert_open_key", "key", unique=True),  # WHERE closed_at IS NULL
)


# The outbox: that nobody is sent the same twice rests on the unique constraint.
NOTIFICATION: Final = Table(
    "notification",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("alert_id", String(32), ForeignKey(ALERT.c.id), nullable=False),
    Column("step", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("queued_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("tried_at", UtcDateTime),
    Column("next_at", UtcDateTime),
    Column("claimed_until", UtcDateTime),
    Column("claimed_by", Text),
    Column("delivered_at", UtcDateTime),
    Column("thread", Text, nullable=False),
    Column("problem", Text, nullable=False),
    UniqueConstraint("alert_id", "step", "channel"),
    Index("ix_notification_pending", "channel"),  # WHERE delivered_at IS NULL
)

# The program's own logins, each written before it is made.
OWN_LOGIN: Final = Table(
    "own_login",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("org", Text, nullable=False),
    Column("username", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("app", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    # None: nobody knows.
    Column("is_accepted", Flag),
    Index(None, "org", "username", "at"),
    Index(None, "at"),
)

# Who uses each credential since its last promotion (`rotator.core.usage.usage.Usage`).
LOGIN_USAGE: Final = Table(
    "login_usage",
    METADATA,
    Column("credential", Text, primary_key=True),
    Column("promoted_at", UtcDateTime, nullable=False),
    Column("looked_at", UtcDateTime),
    Column("user_id", Text, nullable=False),
    # JSON, both: a list of texts, and one of objects.
    Column("applications", Text, nullable=False),
    Column("sources", Text, nullable=False),
    Column("is_cut", Flag, nullable=False),
    Column("problem", Text, nullable=False),
    Column("hint", Text, nullable=False),
)

# What consumers say that they log in with (`rotator.core.usage.retirement.ConsumerReport`).
CONSUMER_REPORT: Final = Table(
    "consumer_report",
    METADATA,
    Column("credential", Text, primary_key=True),
    Column("consumer", Text, primary_key=True),
    Column("fingerprint", FINGERPRINT, nullable=False),
    Column("logged_in_at", UtcDateTime, nullable=False),
    Column("noted_at", UtcDateTime, nullable=False),
    Column("via", Text, nullable=False),
)

# What the daily audits found (`rotator.core.posture.kept_finding.KeptFinding`).
FINDING: Final = Table(
    "finding",
    METADATA,
    Column("org", Text, primary_key=True),
    # Empty: it is of the org.
    Column("credential", Text, primary_key=True),
    Column("check_name", Text, primary_key=True),
    Column("risk", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("seen", Text, nullable=False),
    Column("needs", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("until", UtcDateTime),
    Column("since", UtcDateTime, nullable=False),
    Column("last_seen", UtcDateTime, nullable=False),
    Column("gone_at", UtcDateTime),
)

# Up to which event of the journal each hook has been told what it is to be called after.
HOOK: Final = Table(
    "hook",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("seen", BigInteger, nullable=False),
)

# The calls of hooks that are yet to be made, each after an event of the journal; one that was made is an event itself.
HOOK_CALL: Final = Table(
    "hook_call",
    METADATA,
    Column("hook", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("credential", Text, nullable=False),
)

# Which rows of the tables above have changed, each with a higher number than the one before. Triggers of the migration
# write it, so that it is known also where another release or a person changes them: a migration that makes one of those
# tables anew makes its triggers anew.
CHANGE: Final = Table(
    "change",
    METADATA,
    # The table, and the name by which its rows are read again (`rotator.history.kept`).
    Column("part", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Index(None, "number"),
)
