"""Which machines there are, what each works at and where the queue stands, for who shows it: it is read, and no more.

Nothing of Procrastinate is loaded for it: what it knows of a job stands in a row of ours.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select, text

from rotator.core.machines.fleet import (
    UNKNOWN_WITHIN,
    Fleet,
    Machine,
    QueueLine,
    Role,
    RunningJob,
    UnknownJobs,
)
from rotator.errors import NOTHING_CHANGED, HistoryError
from rotator.history.engine.row_reading import RowReader, columns_of
from rotator.history.failures.failures import database_failures
from rotator.history.locks.advisory import holders_in
from rotator.history.locks.turns import jobs_schema as jobs_schema_beside
from rotator.queue.jobs_schema import in_schema
from rotator.queue.queue_tables import ASKED_JOB, MACHINE, STALL, Outcome

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Select

    from rotator.history.engine.database import Database
    from rotator.history.engine.transactions import Transactions

MOST_JOBS: Final = 10_000
"""So many jobs that run are read: more than any machines carry out at once."""

# All schemas that may be the one beside the history's: which of them it is, follows from the name of the history's.
# What was added to its tables last is asked for: no machine of this release has worked on one that lacks it.
_WHERE: Final = text("""
    SELECT clock_timestamp() AS at, current_schema() AS history, nspname AS name,
        has_schema_privilege(oid, 'USAGE') AS may_read, EXISTS (
            SELECT FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
            WHERE relnamespace = pg_namespace.oid AND relname = 'machine' AND attname = 'clock_off'
        ) AS has_tables
    FROM (SELECT 1) AS now LEFT JOIN pg_namespace ON right(nspname, 5) = '_jobs'
""")


def _role(stored: str) -> Role:
    """A later release may know others."""
    return Role(stored) if stored in set(Role) else Role.BOTH


def _off(stored: Any) -> timedelta:
    return timedelta(seconds=stored)


def _numbers(stored: Any) -> dict[str, int]:
    return {str(kind): int(number) for kind, number in stored.items()}


_MACHINES: Final = RowReader(
    columns_of(MACHINE),
    lambda values: Machine(**values),
    parse={"role": _role, "concurrency": _numbers, "clock_off": _off},
    spare={"concurrency": {}, "release": "", "clock_off": None},
)
_JOBS: Final = RowReader(
    {name: ASKED_JOB.c[name] for name in ("id", "kind", "name", "machine_id", "asked_at", "begun_at")},
    lambda values: RunningJob(
        kind=values["kind"],
        name=values["name"],
        machine=values["machine_id"],
        asked_at=values["asked_at"],
        begun_at=values["begun_at"],
    ),
)


def machines_seen(database: Database, leader_lock: str, within: Transactions | None = None) -> Fleet:
    """The machines, who of them holds the lock of the leader, and their queue at this moment, in few statements.

    They are read `within` a transaction, or in one of its own. None are there before the first. Raises HistoryError,
    also where the role may not read the jobs schema.
    """
    with database_failures(database.name), (within or database).reading() as connection:
        found = connection.execute(_WHERE).all()
        at, schema = found[0].at, jobs_schema_beside(found[0].history)
        there = next((each for each in found if each.name == schema and each.has_tables), None)
        if there is not None and not there.may_read:
            raise _not_permitted(schema, database.name)
        seen = _seen(in_schema(connection, schema), at) if there else Fleet(at=at)
        # Asked for last: a machine says that it is there before it leads.
        return replace(seen, leader=holders_in(connection, [leader_lock]).get(leader_lock))


def _seen(connection: Connection, at: datetime) -> Fleet:
    return Fleet(
        at=at,
        machines=tuple(_MACHINES.read(connection, _EVERY_MACHINE)),
        jobs=tuple(_JOBS.read(connection, _RUNNING)),
        queue=tuple(map(_line, connection.execute(_QUEUE))),
        unknown=tuple(UnknownJobs(**row._asdict()) for row in connection.execute(_UNKNOWN)),
    )


_EVERY_MACHINE: Final = _MACHINES.rows.order_by(MACHINE.c.id)
_RUNNING: Final = (
    _JOBS.rows.where(ASKED_JOB.c.ended_at.is_(None), ASKED_JOB.c.begun_at.is_not(None))
    .order_by(ASKED_JOB.c.begun_at, ASKED_JOB.c.id)
    .limit(MOST_JOBS)
)


def _unknown() -> Select[Any]:
    here, since = ASKED_JOB.c, func.clock_timestamp() - UNKNOWN_WITHIN
    key = (here.machine_id.label("machine"), here.kind, here.name)
    counted = select(*key, func.count().label("times")).where(here.outcome == Outcome.UNKNOWN, here.ended_at > since)
    return counted.where(here.machine_id.is_not(None)).group_by(*key).order_by(*key)


def _queue() -> Select[Any]:
    """The jobs that have not ended, and how often machines were lost with some, by kind."""
    waits = ASKED_JOB.c.begun_at.is_(None)
    jobs = (
        select(
            ASKED_JOB.c.kind,
            func.count().filter(waits).label("waiting"),
            func.count().filter(~waits).label("running"),
            func.min(ASKED_JOB.c.asked_at).label("oldest"),
            func.min(ASKED_JOB.c.asked_at).filter(waits).label("waiting_since"),
        )
        .where(ASKED_JOB.c.ended_at.is_(None))
        .group_by(ASKED_JOB.c.kind)
        .subquery()
    )
    kind = func.coalesce(jobs.c.kind, STALL.c.kind).label("kind")
    told = (jobs.c.waiting, jobs.c.running, jobs.c.oldest, jobs.c.waiting_since, STALL.c.number, STALL.c.last_at)
    both = jobs.join(STALL, jobs.c.kind == STALL.c.kind, isouter=True, full=True)
    return select(kind, *told).select_from(both).order_by(kind)


# Built once: to build one takes longer than to execute it.
_UNKNOWN: Final = _unknown()
_QUEUE: Final = _queue()


def _line(row: Row[Any]) -> QueueLine:
    return QueueLine(
        kind=row.kind,
        waiting=row.waiting or 0,
        running=row.running or 0,
        oldest_asked_at=_time(row.oldest),
        waiting_since=_time(row.waiting_since),
        stalls=row.number or 0,
        last_stall_at=_time(row.last_at),
    )


def _time(stored: Any) -> datetime | None:
    """None where there is none, or one that rotator did not write."""
    return stored if isinstance(stored, datetime) else None


def _not_permitted(schema: str, name: str) -> HistoryError:
    return HistoryError(
        f"The role of {name} may not read the machines and their queue, in the schema {schema}.",
        effect=NOTHING_CHANGED,
        hint=f"Have its owner run `GRANT USAGE ON SCHEMA {schema} TO ROLE; GRANT SELECT ON {schema}.machine,"
        f" {schema}.asked_job, {schema}.stall TO ROLE;`.",
    )
