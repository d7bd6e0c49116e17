"""What each machine's configuration knows: where one knows less, what it lacks may be there for another.

A machine notes a digest of the names that its configuration has (`rotator.services.schedule.memory.service_memory`).
It counts for as long as there is a row of the machine, also of one that is silent: it may come back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import Text, and_, bindparam, cast, exists, literal, or_, select

from rotator.queue.jobs_schema import in_jobs_schema
from rotator.queue.queue_tables import MACHINE, REMEMBERED
from rotator.queue.remembered import Remembered

if TYPE_CHECKING:
    from rotator.history.engine.transactions import Transactions

_KIND: Final = "configuration"
_PROCESS: Final = cast(MACHINE.c.pid, Text) + literal(" ") + MACHINE.c.host
_NOTED: Final = MACHINE.outerjoin(REMEMBERED, and_(REMEMBERED.c.kind == _KIND, REMEMBERED.c.name == _PROCESS))
_IS_ANOTHER: Final = select(
    exists(
        select(MACHINE.c.id)
        .select_from(_NOTED)
        .where(or_(REMEMBERED.c.value.is_(None), cast(REMEMBERED.c.value, Text) != bindparam("told")))
    )
)
_PROCESSES: Final = select(_PROCESS)


class Configurations:
    """Of the machines over one history. Threads may share it. Everything raises HistoryError."""

    def __init__(self, database: Transactions) -> None:
        self._database: Final = database
        self._remembered: Final = Remembered(database)

    def note(self, pid: int, host: str, digest: str) -> None:
        """What the configuration of a machine comes to from now on."""
        self._remembered.put(_KIND, {f"{pid} {host}": digest})

    def are_all(self, digest: str) -> bool:
        """Whether every machine's is this one, as far as machines have said; where one has not, it is not."""
        with self._database.reading() as connection:
            return not in_jobs_schema(connection).scalar(_IS_ANOTHER, {"told": f'"{digest}"'})

    def forget_gone(self) -> None:
        """Forgets what was noted by machines that are there no more."""
        with self._database.reading() as connection:
            there = in_jobs_schema(connection).scalars(_PROCESSES).all()
        self._remembered.keep_only(_KIND, there)
