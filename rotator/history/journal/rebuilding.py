"""Writing the rows that follow from events anew, where somebody has changed them behind the journal's back.

Only what follows from events is written, and only while the chain of events is what was written: a row can be believed
no more than the events that it is made from. That it was done, by whom, and what was changed, is an event itself.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, insert, select, update

from rotator.errors import HistoryError
from rotator.history.engine.tables import ALERT, CREDENTIAL_RECORD, ROTATION
from rotator.history.engine.times import utc_time
from rotator.history.journal.chain import storable
from rotator.history.journal.events import Entry, append
from rotator.history.journal.standstill_rows import row_of
from rotator.history.journal.verification import SILENCE, row_faults, verified_chain

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from rotator.core.actor import Actor
    from rotator.history.engine.database import Database
    from rotator.history.journal.derived_rows import ExpectedRows
    from rotator.history.journal.verification import RowFault
    from rotator.history.records import JSON

REBUILD: Final = "rebuild"
"""Kind of the event that rows were written anew."""

_MOST_TOLD: Final = 20
"""Sentences that the event keeps."""

_TIMES: Final = frozenset({"acknowledged_at", "snoozed_until"})
"""Of SILENCE, what is a time."""


def rebuild(database: Database, actor: Actor, now: datetime) -> list[str]:
    """Makes every row that follows from events what they say. Returns what was wrong, a sentence for each row.

    Raises HistoryError, and changes nothing, where the chain of events is not what was written.
    """
    with database.writing() as connection:
        found, expected = verified_chain(connection, database.signer)
        if not found.intact:
            raise HistoryError(found.finding, effect="No row was changed.", hint=found.hint)
        faults = [*row_faults(connection, expected)]
        for fault in faults:
            _mend(connection, fault, expected)
        sentences = [storable(each.sentence) for each in faults]
        if sentences:
            told: list[JSON] = [*sentences[:_MOST_TOLD]]
            append(connection, Entry(REBUILD, now, None, None, {"rows": len(faults), "was": told, **actor.details()}))
    return sentences


def _mend(connection: Connection, fault: RowFault, expected: ExpectedRows) -> None:
    if fault.table is ALERT:
        said = dict.fromkeys(SILENCE) | expected.silenced.get(fault.id, {})
        values = {name: utc_time(str(value)) if value and name in _TIMES else value for name, value in said.items()}
        connection.execute(update(ALERT).where(ALERT.c.id == fault.id).values(values))
        return
    [key] = fault.table.primary_key.columns
    row = _row(expected, fault)
    if row is None:
        connection.execute(delete(fault.table).where(key == fault.id))
    elif connection.execute(select(key).where(key == fault.id)).first():
        connection.execute(update(fault.table).where(key == fault.id).values(row))
    else:
        connection.execute(insert(fault.table).values(row))


def _row(expected: ExpectedRows, fault: RowFault) -> dict[str, Any] | None:
    """What the events say of one row: nothing of one that was put in."""
    if fault.table is ROTATION:
        return vars(expected.rotations[fault.id]) if fault.id in expected.rotations else None
    if fault.table is CREDENTIAL_RECORD:
        return asdict(expected.credentials[fault.id]) if fault.id in expected.credentials else None
    return row_of(expected.standstills[fault.id]) if fault.id in expected.standstills else None
