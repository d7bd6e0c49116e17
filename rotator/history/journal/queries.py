"""Reading the history: rotations and events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, func, literal_column, select

from rotator.history.engine.damage import met
from rotator.history.engine.row_reading import AT_ONCE
from rotator.history.engine.tables import CREDENTIAL_RECORD, EVENT, ROTATION
from rotator.history.engine.transactions import Within
from rotator.history.journal import credential_rows
from rotator.history.journal.journal import PROMOTION, Journal
from rotator.history.journal.readers import EVENTS, ROTATIONS
from rotator.portions import portions

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from rotator.history.engine.database import Database
    from rotator.history.engine.transactions import Transactions
    from rotator.history.journal.projection import CredentialRecord
    from rotator.history.records import Event, Rotation


def rotations(database: Database, credential: str | None = None, limit: int = 100) -> list[Rotation]:
    """The newest `limit` rotations, of one credential or of all, newest first.

    They stand in the order in which they began, also where the clock was set back in between.
    """
    query = select(ROTATION).order_by(ROTATION.c.started_at.desc(), ROTATION.c.id.desc()).limit(limit)
    if credential is not None:
        query = query.where(ROTATION.c.credential == credential)
    with database.reading() as connection:
        found = list(ROTATIONS.read(connection, query))
        began: dict[str, int] = {}
        for ids in portions([each.id for each in found], AT_ONCE):
            first = select(EVENT.c.rotation_id, func.min(EVENT.c.sequence)).where(EVENT.c.rotation_id.in_(ids))
            began |= {row[0]: row[1] for row in connection.execute(first.group_by(EVENT.c.rotation_id))}
    return sorted(found, key=lambda each: began.get(each.id, 0), reverse=True)


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


def events_of_kind(database: Transactions, kind: str) -> list[Event]:
    """The events of one kind, of every credential, oldest first."""
    query = select(EVENT).where(EVENT.c.kind == kind).order_by(EVENT.c.sequence)
    with database.reading() as connection:
        return list(EVENTS.read(connection, query))


def credential_records(database: Transactions, names: Collection[str] | None = None) -> dict[str, CredentialRecord]:
    """What was last learnt of some credentials, or of each that the journal knows.

    See `rotator.history.journal.projection`.
    """
    with database.reading() as connection:
        return credential_rows.credential_records(connection, names)


def stopped_credentials(database: Transactions) -> set[str]:
    """Those of which a rotation stopped where a person was needed, and no proof has ended that."""
    query = select(CREDENTIAL_RECORD.c.credential).where(CREDENTIAL_RECORD.c.halted_at.is_not(None))
    with database.reading() as connection:
        return set(connection.execute(query).scalars())


# Written out, as only so a database knows that its index of promotions answers it.
_PROMOTED: Final = EVENT.c.kind == literal_column(f"'{PROMOTION}'")


_LAST: Final = select(func.max(EVENT.c.sequence)).where(_PROMOTED, EVENT.c.credential.is_not(None))
_LAST_OF: Final = _LAST.where(EVENT.c.credential.in_(bindparam("names", expanding=True)))
_PROMOTIONS: Final = select(EVENT).where(EVENT.c.sequence.in_(_LAST.group_by(EVENT.c.credential)))
_PROMOTIONS_OF: Final = select(EVENT).where(EVENT.c.sequence.in_(_LAST_OF.group_by(EVENT.c.credential)))


def promotions(database: Transactions, names: Collection[str] | None = None) -> dict[str, datetime]:
    """When a version of some credentials, or of each, was last promoted, as `Journal.last_promotion` tells of one."""
    query, parameters = (_PROMOTIONS, {}) if names is None else (_PROMOTIONS_OF, {"names": [*names]})
    with database.reading() as connection:
        found: dict[str, datetime | None] = {}
        rows = connection.execute(query, parameters).all()
        for row in rows:
            event, unreadable = EVENTS.judged(connection, row)
            met(connection, unreadable)
            has_succeeded = event is not None and event.details.get("succeeded", True)
            # Of the first release some had failed, and one may be damaged; then an earlier one counts.
            earlier = None if has_succeeded else Journal(Within(connection)).last_promotion(row.credential)
            found[row.credential] = event.time if event and has_succeeded else earlier
    return {name: time for name, time in found.items() if time}
