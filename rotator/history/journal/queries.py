"""Reading the history: rotations and events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import func, literal_column, select

from rotator.history.engine.damage import met
from rotator.history.engine.tables import EVENT, ROTATION
from rotator.history.engine.transactions import Within
from rotator.history.journal import credential_rows
from rotator.history.journal.journal import PROMOTION, Journal
from rotator.history.journal.readers import EVENTS, ROTATIONS

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from rotator.history.engine.database import Database
    from rotator.history.engine.transactions import Transactions
    from rotator.history.journal.projection import CredentialRecord
    from rotator.history.records import Event, Rotation


def rotations(database: Database, credential: str | None = None, limit: int = 100) -> list[Rotation]:
    """The newest `limit` rotations, of one credential or of all, newest first."""
    query = select(ROTATION).order_by(ROTATION.c.started_at.desc(), ROTATION.c.id.desc()).limit(limit)
    if credential is not None:
        query = query.where(ROTATION.c.credential == credential)
    with database.reading() as connection:
        return list(ROTATIONS.read(connection, query))


def events(database: Database, *, credential: str | None = None, rotation_id: str | None = None) -> list[Event]:
    """The events, of one credential or rotation where it is given, oldest first."""
    query = select(EVENT).order_by(EVENT.c.sequence)
    if credential is not None:
        query = query.where(EVENT.c.credential == credential)
    if rotation_id is not None:
        query = query.where(EVENT.c.rotation_id == rotation_id)
    with database.reading() as connection:
        return list(EVENTS.read(connection, query))


def events_of_several(database: Transactions, kinds: Collection[str]) -> list[Event]:
    """The events of these kinds that are of no single credential, oldest first."""
    query = select(EVENT).where(EVENT.c.credential.is_(None), EVENT.c.kind.in_(kinds)).order_by(EVENT.c.sequence)
    with database.reading() as connection:
        return list(EVENTS.read(connection, query))


def credential_records(database: Transactions, names: Collection[str] | None = None) -> dict[str, CredentialRecord]:
    """What was last learnt of some credentials, or of each that the journal knows.

    See `rotator.history.journal.projection`.
    """
    with database.reading() as connection:
        return credential_rows.credential_records(connection, names)


# Written out, as only so a database knows that its index of promotions answers it.
_PROMOTED: Final = EVENT.c.kind == literal_column(f"'{PROMOTION}'")


def promotions(database: Transactions, names: Collection[str] | None = None) -> dict[str, datetime]:
    """When a version of some credentials, or of each, was last promoted, as `Journal.last_promotion` tells of one."""
    last = select(func.max(EVENT.c.sequence)).where(_PROMOTED, EVENT.c.credential.is_not(None))
    if names is not None:
        last = last.where(EVENT.c.credential.in_([*names]))
    query = select(EVENT).where(EVENT.c.sequence.in_(last.group_by(EVENT.c.credential)))
    with database.reading() as connection:
        found: dict[str, datetime | None] = {}
        rows = connection.execute(query).all()
        for row in rows:
            event, unreadable = EVENTS.judged(connection, row)
            met(connection, unreadable)
            has_succeeded = event is not None and event.details.get("succeeded", True)
            # Of the first release some had failed, and one may be damaged; then an earlier one counts.
            earlier = None if has_succeeded else Journal(Within(connection)).last_promotion(row.credential)
            found[row.credential] = event.time if event and has_succeeded else earlier
    return {name: time for name, time in found.items() if time}
