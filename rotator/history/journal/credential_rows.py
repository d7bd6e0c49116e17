"""What was last learnt of each credential (`rotator.history.journal.projection`), kept as its events are written."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from rotator.history.engine.tables import CREDENTIAL_RECORD
from rotator.history.journal.projection import KINDS, CredentialRecord, after
from rotator.history.journal.readers import CREDENTIALS, credential_by_events

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from rotator.history.records import Event


def project(connection: Connection, event: Event) -> None:
    """Brings the record of an event's credential up to date, in the transaction of the event."""
    if event.credential is None or event.kind not in KINDS:
        return
    this = CREDENTIAL_RECORD.c.credential == event.credential
    row = connection.execute(select(CREDENTIAL_RECORD).where(this)).first()
    if row is None:
        record = after(CredentialRecord(credential=event.credential), event)
        connection.execute(insert(CREDENTIAL_RECORD).values(asdict(record)))
        return
    known, unreadable = CREDENTIALS.judged(connection, row)
    if known is None or unreadable:
        known = credential_by_events(connection, event.credential, before=event.sequence)
    record = after(known, event)
    if unreadable or record != known:
        connection.execute(update(CREDENTIAL_RECORD).where(this).values(asdict(record)))


def credential_record(connection: Connection, credential: str) -> CredentialRecord:
    """What was last learnt of one; of one that the journal does not know, nothing."""
    this = select(CREDENTIAL_RECORD).where(CREDENTIAL_RECORD.c.credential == credential)
    return CREDENTIALS.first(connection, this) or CredentialRecord(credential=credential)


def credential_records(connection: Connection, names: Collection[str] | None = None) -> dict[str, CredentialRecord]:
    """What was last learnt of some credentials, or of each that the journal knows."""
    query = select(CREDENTIAL_RECORD)
    if names is not None:
        query = query.where(CREDENTIAL_RECORD.c.credential.in_([*names]))
    return {record.credential: record for record in CREDENTIALS.read(connection, query)}
