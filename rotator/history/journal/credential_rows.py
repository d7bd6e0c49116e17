"""What was last learnt of each credential (`rotator.history.journal.projection`), kept as its events are written."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, insert, select, update

from rotator.history.engine.row_reading import of_names
from rotator.history.engine.tables import CREDENTIAL_RECORD
from rotator.history.journal.projection import KINDS, CredentialRecord, after
from rotator.history.journal.readers import CREDENTIALS, credential_by_events

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from rotator.history.records import Event


_THIS: Final = CREDENTIAL_RECORD.c.credential == bindparam("its_credential")
_ALL: Final = select(CREDENTIAL_RECORD)
_OF_NAMES: Final = of_names(_ALL, CREDENTIAL_RECORD.c.credential)
_GET: Final = _ALL.where(_THIS)
_CHANGE: Final = update(CREDENTIAL_RECORD).where(_THIS)
_ADD: Final = insert(CREDENTIAL_RECORD)


def project(connection: Connection, event: Event) -> None:
    """Brings the record of an event's credential up to date, in the transaction of the event."""
    if event.credential is None or event.kind not in KINDS:
        return
    row = connection.execute(_GET, {"its_credential": event.credential}).first()
    if row is None:
        record = after(CredentialRecord(credential=event.credential), event)
        connection.execute(_ADD, asdict(record))
        return
    known, unreadable = CREDENTIALS.judged(connection, row)
    if known is None or unreadable:
        known = credential_by_events(connection, event.credential, before=event.sequence)
    record = after(known, event)
    if unreadable or record != known:
        connection.execute(_CHANGE, asdict(record) | {"its_credential": event.credential})


def credential_record(connection: Connection, credential: str) -> CredentialRecord:
    """What was last learnt of one; of one that the journal does not know, nothing."""
    known = CREDENTIALS.first(connection, _GET, its_credential=credential)
    return known or CredentialRecord(credential=credential)


def credential_records(connection: Connection, names: Collection[str] | None = None) -> dict[str, CredentialRecord]:
    """What was last learnt of some credentials, or of each that the journal knows."""
    query, parameters = _OF_NAMES(names)
    return {record.credential: record for record in CREDENTIALS.read(connection, query, **parameters)}
