"""The jobs that were asked of all machines, as they stand in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sqlalchemy import select

from rotator.queue.queue_tables import ASKED_JOB, MACHINE

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.queue.jobs_database import JobsDatabase

Key: TypeAlias = tuple[str, str]
"""Kind and name of a job."""


class Asked(NamedTuple):
    """One of them."""

    key: Key
    pid: int | None
    """Of the machine that has taken it."""
    taken_at: datetime | None
    ended_at: datetime | None
    outcome: str | None


def asked_jobs(database: JobsDatabase) -> list[Asked]:
    """All that are kept. Raises HistoryError."""
    columns = (ASKED_JOB.c.taken_at, ASKED_JOB.c.ended_at, ASKED_JOB.c.outcome)
    joined = ASKED_JOB.outerjoin(MACHINE, MACHINE.c.id == ASKED_JOB.c.machine_id)
    query = select(ASKED_JOB.c.kind, ASKED_JOB.c.name, MACHINE.c.pid, *columns).select_from(joined)
    with database.transaction() as connection:
        rows = connection.execute(query).all()
    return [Asked((row.kind, row.name), row.pid, row.taken_at, row.ended_at, row.outcome) for row in rows]
