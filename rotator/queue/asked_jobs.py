"""Jobs that the leader has asked for, and what became of each: one row from when it is asked for until it has ended.

A job is asked for by a row of ours and a job of Procrastinate's in one transaction, so there is never one without the
other. That nothing is asked for twice is the unique index over the rows that have not ended. Procrastinate's own way to
it (`queueing_lock`) is not used, as it blocks a job for good that is put back while another waits; nor are its retries:
what is due follows from the history, and whatever was not done is due again.

Its `lock` is the job's key: of one key never two are carried out at once, on whatever machines.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from procrastinate import SyncPsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from sqlalchemy import ARRAY, BigInteger, Text, bindparam, func, text, update

from rotator.errors import HistoryUnavailable
from rotator.portions import portions
from rotator.queue.first_call import queue_of, working
from rotator.queue.queue_tables import ASKED_JOB, Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from rotator.queue.first_call import Working
    from rotator.queue.jobs_database import JobsDatabase

TASK: Final = "carry_out"
"""Procrastinate's name of the one task that there is: to carry out what its arguments name."""

PAUSE: Final = timedelta(minutes=5)
"""So long a job is not asked for again after a fault, and at the most when machines were lost with it."""

MOST_STALLS: Final = 3
"""When so many machines were lost with a job, within what is kept of ended jobs, they may be lost by it."""

STALL_PAUSE: Final = timedelta(seconds=20)
"""So long it is not asked for then, and twice as long after each further loss: a rotation may be half done."""

_AT_ONCE: Final = 1000
"""Jobs that are asked for in one transaction."""


# What is active already is left to the index. After a bad end no record of an attempt says when it is next due. A time
# that is still to come was noted before the server's clock was set back, and holds up nothing.
_ASK: Final = text("""
    INSERT INTO asked_job (kind, name, asked_at)
    SELECT wanted.kind, wanted.name, clock_timestamp() FROM unnest(:kinds, :names) AS wanted (kind, name)
    WHERE NOT EXISTS (
        SELECT FROM asked_job AS bad
        WHERE bad.kind = wanted.kind AND bad.name = wanted.name AND bad.outcome IN ('fault', 'stalled')
        HAVING count(*) FILTER (WHERE bad.outcome = 'fault' AND bad.ended_at BETWEEN now() - :pause AND now()) > 0
            OR count(*) FILTER (WHERE bad.outcome = 'stalled') >= :most_stalls
            AND max(bad.ended_at) FILTER (WHERE bad.outcome = 'stalled') BETWEEN now() - least(
                :pause, :stall_pause * power(2, count(*) FILTER (WHERE bad.outcome = 'stalled') - :most_stalls)
            ) AND now()
    )
    AND NOT EXISTS (
        SELECT FROM asked_job AS late
        WHERE late.kind = wanted.kind AND late.name = wanted.name
        AND late.ended_at BETWEEN CAST(:since AS timestamptz) AND clock_timestamp()
    )
    ON CONFLICT (kind, name) WHERE ended_at IS NULL DO NOTHING
    RETURNING id, kind, name, EXISTS (
        SELECT FROM asked_job AS lost
        WHERE lost.kind = asked_job.kind AND lost.name = asked_job.name AND lost.outcome = 'stalled'
    ) AS was_lost, EXISTS (
        SELECT FROM asked_job AS left_undone
        WHERE left_undone.kind = asked_job.kind AND left_undone.name = asked_job.name
        AND left_undone.outcome IN ('stalled', 'unknown', 'dropped')
    ) AS was_left
""").bindparams(bindparam("kinds", type_=ARRAY(Text)), bindparam("names", type_=ARRAY(Text)))

_NOW: Final = text("SELECT clock_timestamp()")

_SET_JOB_IDS: Final = text("""
    UPDATE asked_job SET job_id = made.job_id FROM unnest(:asked, :made) AS made (asked_id, job_id)
    WHERE asked_job.id = made.asked_id
""").bindparams(bindparam("asked", type_=ARRAY(BigInteger)), bindparam("made", type_=ARRAY(BigInteger)))


_PAUSES: Final = {"pause": PAUSE, "stall_pause": STALL_PAUSE, "most_stalls": MOST_STALLS}


class AskedJobs:
    """The jobs that were asked for. Threads may share it. Everything raises HistoryError."""

    def __init__(self, database: JobsDatabase) -> None:
        self.database: Final = database
        # It is handed a connection with each call, and opens none.
        self._procrastinate: Final = JobManager(SyncPsycopgConnector())

    def now(self) -> datetime:
        """By the database's clock."""
        with self.database.transaction() as connection:
            now: datetime = connection.scalar(_NOW)
        return now

    def ask(
        self,
        keys: Sequence[tuple[str, str]],
        since: datetime | None = None,
        *,
        failed: Collection[tuple[str, str]] = (),
    ) -> int:
        """Asks for jobs, by kind and name, and gives how many were new. Of what has `failed` all are asked at once.

        Left out are those that were asked for and have not ended, or have ended `since` it was begun to find out that
        they are due (`now`), for PAUSE those that have ended by a fault, and from STALL_PAUSE on those with which
        MOST_STALLS machines were lost.
        """
        return sum(self._ask(some, since, failed) for some in portions(keys, _AT_ONCE))

    def _ask(self, keys: Sequence[tuple[str, str]], since: datetime | None, failed: Collection[tuple[str, str]]) -> int:
        wanted: dict[str, Any] = {"kinds": [kind for kind, _ in keys], "names": [name for _, name in keys]}
        with self.database.transaction() as connection:
            new = connection.execute(_ASK, wanted | _PAUSES | {"since": since}).all()
            if new:
                machines = working(connection)
                jobs = [_job(*row, machines=() if (row.kind, row.name) in failed else machines) for row in new]
                made = self._defer(connection, jobs)
                connection.execute(_SET_JOB_IDS, {"asked": [row.id for row in new], "made": made})
        return len(new)

    def _defer(self, connection: Connection, jobs: list[Job]) -> list[int]:
        """In the connection's transaction, which finds Procrastinate's types by its search path."""
        driver = connection.connection.driver_connection
        try:
            made = self._procrastinate.batch_defer_jobs(jobs, connection=driver)
        except ConnectorException as error:
            raise HistoryUnavailable(
                f"Jobs could not be asked for in {self.database.name}: {type(error.__cause__).__name__}.",
                effect="None of them was; they are due at the next tick as they were.",
            ) from None
        return [job.id for job in made if job.id is not None]

    def take(self, asked: int, machine: str) -> bool:
        """A machine takes a job. False when it has ended meanwhile, and may have been asked for anew."""
        return self._note(asked, taken_at=func.clock_timestamp(), machine_id=machine)

    def begin(self, asked: int, machine: str) -> bool:
        """A machine begins a job that it has taken. False when it has ended meanwhile."""
        return self._note(asked, machine, begun_at=func.clock_timestamp())

    def end(self, asked: int, machine: str, outcome: Outcome) -> bool:
        """A machine has ended a job. False when it was taken from it meanwhile, as the machine was taken for lost."""
        return self._note(asked, machine, ended_at=func.clock_timestamp(), outcome=outcome)

    def _note(self, asked: int, machine: str | None = None, **values: Any) -> bool:
        mine = ASKED_JOB.c.machine_id == machine if machine else ASKED_JOB.c.machine_id.is_(None)
        changed = update(ASKED_JOB).where(ASKED_JOB.c.id == asked, ASKED_JOB.c.ended_at.is_(None), mine)
        with self.database.transaction() as connection:
            return connection.execute(changed.values(**values)).rowcount == 1


def _job(asked: int, kind: str, name: str, was_lost: bool, was_left: bool, *, machines: Collection[Working]) -> Job:
    return Job(
        # What a lost machine may have left half done does not wait for what was not begun.
        priority=int(was_lost),
        # Who has left it undone, as its configuration lacks it or it was lost, is not the one to be asked first.
        queue=kind if was_left else queue_of(kind, name, machines),
        lock=f"{kind}:{name}",
        queueing_lock=None,
        task_name=TASK,
        task_kwargs={"asked": asked, "kind": kind, "name": name},
    )
