"""The machines of a history in Postgres, as surfaces show them; nothing of it is loaded over a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.errors import HistoryError
from rotator.services.machines.fleet_remarks import remarks_on, who_leads, who_works
from rotator.services.schedule.jobs import LEADER_LOCK

if TYPE_CHECKING:
    from rotator.core.machines.fleet import Fleet
    from rotator.errors import Holder
    from rotator.history.engine.database import Database
    from rotator.history.engine.transactions import Transactions
    from rotator.services.machines.fleet_remarks import FleetRemark


@dataclass(frozen=True)
class MachinesShown:
    """What pages and monitors are shown of the machines."""

    fleet: Fleet | None
    """None where they cannot be read."""
    hidden: str = ""
    """Why they cannot be read, in a sentence or two."""

    @property
    def remarks(self) -> tuple[FleetRemark, ...]:
        """What keeps jobs from being done, the worst first; of machines that cannot be read, nothing."""
        return remarks_on(self.fleet) if self.fleet else ()

    @property
    def summary(self) -> str:
        """Who leads and who works, in two sentences."""
        return f"{who_leads(self.fleet)} {who_works(self.fleet)}" if self.fleet else self.hidden


def shown_machines(database: Database, within: Transactions | None = None) -> MachinesShown | None:
    """What is shown of the machines, also where the role may not read them; None where there can be none.

    They are read `within` a transaction, which reads nothing after it, or in one of its own.

    Raises HistoryUnavailable when the history is away.
    """
    try:
        fleet = fleet_of(database, within)
    except HistoryError as error:
        if error.transient:
            raise
        return MachinesShown(None, str(error))
    return MachinesShown(fleet) if fleet else None


def fleet_of(database: Database, within: Transactions | None = None) -> Fleet | None:
    """The machines, who leads them and their queue; None where no machines can share the history, as it is a file.

    Raises HistoryError, also where the role may not read them.
    """
    if not database.is_shared:
        return None
    from rotator.queue.machines_seen import machines_seen  # noqa: PLC0415 - over SQLite it is not loaded

    return machines_seen(database, LEADER_LOCK, within)


def leader_of(database: Database) -> Holder | None:
    """The `rotator run` that leads just now, or works alone; None when none does. Raises HistoryError."""
    return database.holders([LEADER_LOCK]).get(LEADER_LOCK)
