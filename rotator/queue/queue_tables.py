"""The tables of several machines. A change here needs a migration in migrations/machines; a test compares the two.

Every time in them is the database's clock: machines whose clocks differ must not take each other for dead. The schema
JOBS stands for the one that `rotator.queue.jobs_schema` names.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, MetaData, Sequence, String, Table, Text

from rotator.history.engine.times import UtcDateTime

JOBS: Final = "jobs"

METADATA: Final = MetaData(schema=JOBS, naming_convention={"pk": "pk_%(table_name)s"})

MACHINE: Final = Table(
    "machine",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    # As in `rotator.core.machines.fleet.Role`.
    Column("role", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("leads", Boolean, nullable=False),
    # So many jobs of each kind at once.
    Column("concurrency", JSON, nullable=False),
    # By how many seconds its clock is ahead of the database's; negative where it is behind.
    Column("clock_off", Integer),
)


class Outcome(StrEnum):
    """How a job that was asked for has ended."""

    DONE = "done"
    FAILED = "failed"
    """It could not record how it went, as the history was away."""
    FAULT = "fault"
    """By an exception that nobody foresaw."""
    STALLED = "stalled"
    """Its machine was lost."""
    UNKNOWN = "unknown"
    """The configuration of its machine does not have what it is for."""
    DROPPED = "dropped"
    """Its machine did not begin it, or was asked to stop meanwhile."""


ASKED_JOB: Final = Table(
    "asked_job",
    METADATA,
    Column("id", BigInteger, primary_key=True),
    # As in `rotator.services.schedule.jobs.JobKind`. Unique with the name, among the jobs that have not ended.
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    # When a machine has taken it, and which; when it began, as it may have waited there for others of its kind.
    Column("taken_at", UtcDateTime),
    Column("machine_id", String(32)),
    Column("begun_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    # An Outcome.
    Column("outcome", Text),
    # Procrastinate's number of it.
    Column("job_id", BigInteger),
)

STALL: Final = Table(
    "stall",
    METADATA,
    Column("kind", Text, primary_key=True),
    # How often a machine was lost with a job of this kind, ever.
    Column("number", BigInteger, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
)

TURN_NUMBER: Final = Sequence("turn_number", metadata=METADATA)
TURN: Final = Table(
    "turn",
    METADATA,
    # Of a lock, as `rotator.history.locks` has it.
    Column("name", Text, primary_key=True),
    # Higher with each time that any lock is taken.
    Column("number", BigInteger, nullable=False),
    # Who took it last, as its session signs.
    Column("holder", Text, nullable=False),
    Column("taken_at", UtcDateTime, nullable=False),
)

ORG_CALL: Final = Table(
    "org_call",
    METADATA,
    Column("org", Text, primary_key=True),
    # By the database's clock, without seconds.
    Column("minute", UtcDateTime, primary_key=True),
    Column("calls", Integer, nullable=False),
    # Those among them that are logins.
    Column("logins", Integer, nullable=False),
)

REMEMBERED_NUMBER: Final = Sequence("remembered_number", metadata=METADATA)
REMEMBERED: Final = Table(
    "remembered",
    METADATA,
    # As in `rotator.queue.remembered`.
    Column("kind", Text, primary_key=True),
    # Of the org or the credential.
    Column("name", Text, primary_key=True),
    # Empty where it was forgotten, so that others see that it was.
    Column("value", JSON(none_as_null=True)),
    # Higher with each change, and committed in this order.
    Column("number", BigInteger, nullable=False),
    Index("ix_remembered_number", "kind", "number"),
)
