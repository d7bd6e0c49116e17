"""Appending to the journal, in whatever transaction the event belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from rotator.history.engine.damage import met
from rotator.history.engine.tables import EVENT, HEAD
from rotator.history.engine.times import utc_text
from rotator.history.engine.transactions import after_commit, signer_of
from rotator.history.journal.chain import GENESIS, details_text, event_hash, read_details
from rotator.history.journal.credential_rows import project
from rotator.history.journal.readers import HEADS
from rotator.history.records import JSON, Event
from rotator.history.signing.heads import Head

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from rotator.history.signing.signer import Signer


_ADD: Final = insert(EVENT)
_HEAD: Final = select(HEAD)
_MOVE_HEAD: Final = update(HEAD)


@dataclass(frozen=True)
class Entry:
    """An event that is yet to be written."""

    kind: str
    time: datetime
    credential: str | None
    rotation_id: str | None
    details: Mapping[str, JSON]


def append(connection: Connection, entry: Entry) -> Event:
    """Writes the event after the last one, and chains it to it. The transaction is one that may write.

    Raises HistoryError when the details hold a secret, TypeError or ValueError when JSON cannot hold them.
    """
    events, before = _end(connection)
    sequence = events + 1
    named = {"kind": str(entry.kind), "credential": entry.credential, "rotation_id": entry.rotation_id}
    text = details_text(entry.details)
    written = event_hash((sequence, utc_text(entry.time), *named.values(), text, before))
    row: dict[str, Any] = {
        "sequence": sequence,
        "time": entry.time.astimezone(UTC),
        **named,
        "previous_hash": before,
        "hash": written,
    }
    signer: Signer | None = signer_of(connection)
    if signer:
        row["signature"], row["signer"] = signer.sign_event(written)
        _note_afterwards(connection, signer, Head.signed(sequence, written, entry.time, signer.key()))
    connection.execute(_ADD, {"details": text, **row})
    connection.execute(_MOVE_HEAD, {"events": sequence, "hash": written})
    event = Event(details=read_details(text), **row)
    project(connection, event)
    return event


def _end(connection: Connection) -> tuple[int, str]:
    """How many events there are, and the hash of the last; found by that one where the record of it cannot be read."""
    row = connection.execute(_HEAD).one()
    noted, unreadable = HEADS.judged(connection, row)
    met(connection, unreadable)
    if noted is not None:
        return noted
    last = connection.execute(select(EVENT.c.sequence, EVENT.c.hash).order_by(EVENT.c.sequence.desc()).limit(1)).first()
    return (last.sequence, str(last.hash)) if last else (0, GENESIS)


def _note_afterwards(connection: Connection, signer: Signer, head: Head) -> None:
    """Notes the head beside the state, unless the one that is noted there is not in the chain: that one is kept."""
    known = signer.last_head()
    if known is None or has_head(connection, known):
        after_commit(connection, lambda: signer.note_head(head))


def has_head(connection: Connection, head: Head) -> bool:
    """Whether the chain has so many events and more, and that one has that hash."""
    return connection.scalar(select(EVENT.c.hash).where(EVENT.c.sequence == head.events)) == head.hash


def try_writing(connection: Connection) -> None:
    """Writes the row of the head as it is: what cannot be written raises, and what can be is as before."""
    connection.execute(update(HEAD).values(events=HEAD.c.events))
