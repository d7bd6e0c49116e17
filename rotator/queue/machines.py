"""The machines that share a database: each says every few seconds that it is there, in a row of its own."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from sqlalchemy import delete, func, text, update
from sqlalchemy.dialects.postgresql import insert

import rotator
from rotator.core.machines.fleet import HEARTBEAT, SILENT_AFTER, clock_off
from rotator.queue.queue_tables import ASKED_JOB, MACHINE, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from rotator.core.machines.fleet import Role
    from rotator.queue.jobs_database import JobsDatabase


@dataclass(frozen=True)
class SilentMachine:
    """A machine that is taken for lost; its process may live on all the same, stopped or cut off."""

    host: str
    pid: int
    seen_at: datetime


# Not where another has its place and is called the same, as in a container that was started anew.
_SILENT: Final = text("""
    SELECT host, pid, max(seen_at) FROM machine GROUP BY host, pid
    HAVING isfinite(max(seen_at)) AND max(seen_at) < clock_timestamp() - :silent_after
""").bindparams(silent_after=SILENT_AFTER)
_MISSED_AFTER: Final = 3 * HEARTBEAT
_NOW: Final = text("SELECT clock_timestamp()")
_FAIL: Final = text("UPDATE procrastinate_jobs SET status = 'failed' WHERE id = ANY (:jobs) AND status = 'doing'")


class ThisMachine:
    """What this process says of itself to the others. For one thread."""

    def __init__(
        self, database: JobsDatabase, role: Role, *, now: Callable[[], datetime], monotonic: Callable[[], float]
    ) -> None:
        self.database: Final = database
        self.role: Final = role
        self.id: Final = uuid4().hex
        self.clock_off = timedelta(0)
        """By how much its clock is ahead of the database's, as it was last seen; negative where it is behind."""
        self._now: Final = now
        self._monotonic: Final = monotonic
        self._last = self._steady_since = float("-inf")

    @property
    def may_judge(self) -> bool:
        """Whether it has heard of the others for so long that silence means something.

        While the server was away, or this machine was, nobody's word could arrive; they are given the time for it.
        """
        return self._last - self._steady_since >= SILENT_AFTER.total_seconds()

    def beat(self, *, leads: bool, concurrency: Mapping[str, int]) -> list[SilentMachine]:
        """Says that it is there; gives those that are taken for lost. Raises HistoryError."""
        silent = self._put(leads=leads, concurrency=concurrency)
        last, self._last = self._last, self._monotonic()
        if self._last - last > _MISSED_AFTER.total_seconds():
            self._steady_since = self._last
        return silent if self.may_judge else []

    def _put(self, *, leads: bool, concurrency: Mapping[str, int]) -> list[SilentMachine]:
        now = func.clock_timestamp()
        who = {"host": socket.gethostname(), "pid": os.getpid(), "role": self.role, "release": rotator.__version__}
        with self.database.transaction() as connection:
            self._look_at_clock(connection)
            said = {"seen_at": now, "leads": leads, "concurrency": dict(concurrency)}
            said["clock_off"] = round(self.clock_off.total_seconds())
            put = insert(MACHINE).values(id=self.id, started_at=now, **who, **said)
            connection.execute(put.on_conflict_do_update(index_elements=[MACHINE.c.id], set_=said))
            return [SilentMachine(*row) for row in connection.execute(_SILENT)]

    def _look_at_clock(self, connection: Connection) -> None:
        before, there = self._now(), connection.scalar(_NOW)
        self.clock_off = clock_off(before, there, self._now())

    def leave(self) -> None:
        """Says that it ends: what it has not done is free at once. Raises HistoryError."""
        with self.database.transaction() as connection:
            let_go(connection, self.id)
            connection.execute(delete(MACHINE).where(MACHINE.c.id == self.id))


def let_go(connection: Connection, machine: str) -> None:
    """Ends the jobs that a machine has and will not do, so that they can be asked for anew."""
    its = ASKED_JOB.c.machine_id == machine, ASKED_JOB.c.ended_at.is_(None)
    ended = update(ASKED_JOB).where(*its).values(ended_at=func.clock_timestamp(), outcome=Outcome.DROPPED)
    jobs = connection.scalars(ended.returning(ASKED_JOB.c.job_id)).all()
    connection.execute(_FAIL, {"jobs": list(jobs)})
