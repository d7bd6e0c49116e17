"""Reading the history: rotations, events, and the proof that no event was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import literal_column, select

from rotator.history.engine.tables import EVENT, HEAD, ROTATION
from rotator.history.engine.times import stored_text
from rotator.history.journal import projection
from rotator.history.journal.chain import GENESIS, event_hash, read_details
from rotator.history.journal.journal import PROMOTION
from rotator.history.records import ChainVerification, Event, Rotation

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from sqlalchemy import ColumnElement, Connection, CursorResult, Row, Select

    from rotator.history.engine.database import Database
    from rotator.history.engine.transactions import Transactions
    from rotator.history.journal.projection import CredentialRecord

_BATCH: Final = 500
_HASHED: Final = ("sequence", "time", "kind", "credential", "rotation_id", "details", "previous_hash")


def rotations(database: Database, credential: str | None = None, limit: int = 100) -> list[Rotation]:
    """The newest `limit` rotations, of one credential or of all, newest first."""
    query = select(ROTATION).order_by(ROTATION.c.started_at.desc(), ROTATION.c.id.desc()).limit(limit)
    if credential is not None:
        query = query.where(ROTATION.c.credential == credential)
    with database.reading() as connection:
        return [Rotation(**row._asdict()) for row in connection.execute(query)]


def events(database: Database, *, credential: str | None = None, rotation_id: str | None = None) -> list[Event]:
    """The events, of one credential or rotation where it is given, oldest first."""
    query = select(EVENT).order_by(EVENT.c.sequence)
    if credential is not None:
        query = query.where(EVENT.c.credential == credential)
    if rotation_id is not None:
        query = query.where(EVENT.c.rotation_id == rotation_id)
    with database.reading() as connection:
        return [Event(**row._asdict() | {"details": read_details(row.details)}) for row in connection.execute(query)]


def credential_records(database: Transactions) -> dict[str, CredentialRecord]:
    """What was last learnt of each credential that the journal knows (`rotator.history.journal.projection`)."""
    with database.reading() as connection:
        return projection.credential_records(connection)


def promotions(database: Transactions) -> dict[str, datetime]:
    """When a version of each credential was last promoted, as `Journal.last_promotion` tells of one."""
    query = select(EVENT.c.credential, EVENT.c.time, EVENT.c.details)
    query = query.where(EVENT.c.kind == PROMOTION, EVENT.c.credential.is_not(None)).order_by(EVENT.c.sequence)
    with database.reading() as connection:
        rows = connection.execute(query)
        return {row.credential: row.time for row in rows if read_details(row.details).get("succeeded", True)}


def verify(database: Database) -> ChainVerification:
    """Re-computes the journal's chain of hashes, in constant memory.

    It finds any event that was changed, taken out, put in or moved, and an end that was cut off, by anyone who did not
    re-compute all that follows. Who can rewrite the whole database, hashes and head with it, is not found by it: for
    that, note the `head` elsewhere now and then, and look for it among the events' hashes later.
    """
    good, head = 0, GENESIS
    with database.reading() as connection:
        written = connection.execute(select(HEAD.c.events, HEAD.c.hash)).first()
        with _raw_events(connection) as rows:
            for row in rows:
                fault = _fault(row, good + 1, head)
                if fault:
                    return ChainVerification(events=good, intact=False, first_bad=good + 1, why=fault, head=head)
                good, head = good + 1, row.hash
    why = _end_fault(written, good, head)
    return ChainVerification(events=good, intact=not why, first_bad=None, why=why, head=head)


def _raw_events(connection: Connection) -> CursorResult[*tuple[Any, ...]]:
    # Without the columns' types, which would refuse a tampered value before it can be reported.
    columns: list[ColumnElement[Any]] = [literal_column(name) for name in (*_HASHED, "hash")]
    raw = select(*columns).select_from(EVENT).order_by(EVENT.c.sequence)
    return _streamed(connection, raw)


def _streamed(connection: Connection, query: Select[*tuple[Any, ...]]) -> CursorResult[*tuple[Any, ...]]:
    """The rows in constant memory. To be closed by who may not read them all: a server would keep the rest."""
    return connection.execute(query, execution_options={"yield_per": _BATCH})


def _fault(row: Row[*tuple[Any, ...]], sequence: int, previous_hash: str) -> str:
    if row.sequence != sequence:
        return f"Event {sequence} is missing."
    if row.previous_hash != previous_hash:
        return f"Event {sequence} does not follow the event before it."
    try:
        computed = event_hash((row.sequence, stored_text(row.time), *row[2:7]))
    except (TypeError, ValueError):
        computed = ""
    return "" if row.hash == computed else f"Event {sequence} is not what was written."


def _end_fault(written: Row[*tuple[Any, ...]] | None, events: int, head: str) -> str:
    if written is None:
        return "The record of the last event is missing."
    if tuple(written) == (events, head):
        return ""
    if isinstance(written.events, int) and written.events > events:
        return f"The last events are missing: {written.events} were written, {events} are there."
    return f"The record of the last event is not what was written: {events} events are there."
