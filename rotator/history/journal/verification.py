"""The proof that the history is what was written: the chain of its events, and the rows that follow from them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import literal_column, select

from rotator.core.decision.options import RotationOptions
from rotator.errors import HistoryError
from rotator.history.engine.tables import ALERT, CREDENTIAL_RECORD, EVENT, HEAD, ROTATION, STANDSTILL
from rotator.history.engine.times import stored_text, utc_time
from rotator.history.journal.chain import GENESIS, event_hash, read_details
from rotator.history.journal.derived_rows import ExpectedRows, Row, as_row
from rotator.history.journal.evidence import CORRECT, RESTORE, Fault, KeptHead, KeptHeads, Signatures
from rotator.history.records import ChainVerification, Event
from rotator.history.signing.heads import Head

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, CursorResult, Select, Table
    from sqlalchemy import Row as FetchedRow

    from rotator.history.engine.database import Database
    from rotator.history.signing.signer import Signer

_BATCH: Final = 500
_HASHED: Final = ("sequence", "time", "kind", "credential", "rotation_id", "details", "previous_hash")
SILENCE: Final = (
    "acknowledged_at",
    "acknowledged_by",
    "acknowledged_why",
    "snoozed_until",
    "snoozed_by",
    "snoozed_why",
)
"""Columns of an alert that follow from events."""


def verify(database: Database, heads: Sequence[KeptHead] = ()) -> ChainVerification:
    """Re-computes the journal's chain of hashes, and from its events the rows of other tables that follow from them.

    It finds any event that was changed, taken out, put in or moved, and an end that was cut off, by anyone who did not
    re-compute all that follows; and every rotation, record of a credential and acknowledgement that is not what its
    events say. Of a database with a signer it finds also what was re-computed without the installation's key. What was
    cut off whole is found by the `heads` that were kept elsewhere, the one that the signer notes among them.

    Events are read in constant memory; of each rotation and credential one record is kept. Raises HistoryError.
    """
    with database.reading() as connection:
        found, expected = verified_chain(connection, database.signer, heads)
        wrong = next(row_faults(connection, expected), None) if found.intact else None
    return replace(found, intact=False, why=wrong.sentence, hint=CORRECT) if wrong else found


def verified_chain(
    connection: Connection, signer: Signer | None, heads: Sequence[KeptHead] = ()
) -> tuple[ChainVerification, ExpectedRows]:
    """What is found of the chain alone, and the rows that follow from its events. Raises HistoryError."""
    kept, signatures = KeptHeads([*heads, *_noted(signer)], signer), Signatures(signer)
    good, head, expected = 0, GENESIS, ExpectedRows()
    fault: Fault | None = None
    written = connection.execute(select(HEAD.c.events, HEAD.c.hash)).first()
    with _raw_events(connection) as rows:
        for row in rows:
            fault = _fault(row, good + 1, head) or _unreadable(expected, row) or _proof_fault(row, kept, signatures)
            if fault:
                break
            good, head = good + 1, row.hash
    first_bad = good + 1 if fault else None
    fault = fault or _end_fault(written, good, head) or kept.missing(good)
    found = ChainVerification(
        events=good,
        intact=fault is None,
        first_bad=first_bad,
        why=fault.sentence if fault else "",
        hint=fault.hint if fault else "",
        signed_from=signatures.first,
        key=signer.public_key() if signer else "",
        taken_over=expected.taken_over,
        head=head,
    )
    return found, expected


def signed_head(database: Database, found: ChainVerification, now: datetime) -> Head | None:
    """The head of a chain that was just verified, to be kept elsewhere; None where there is none, or no key signs it.

    Raises HistoryError where the installation's key cannot be read.
    """
    if not (database.signer and found.intact and found.signed_from and found.key):
        return None
    return Head.signed(found.events, found.head, now, database.signer.key())


def _noted(signer: Signer | None) -> Iterator[KeptHead]:
    noted = signer.last_head() if signer else None
    if signer and noted:
        ours = f"If you put an older backup back yourself, delete {signer.note}. Otherwise: {RESTORE}"
        yield KeptHead.of(noted, f"This installation has noted in {signer.note}", hint=ours)


def _proof_fault(row: FetchedRow[*tuple[Any, ...]], kept: KeptHeads, signatures: Signatures) -> Fault | None:
    time = utc_time(str(stored_text(row.time)))
    of_signature = signatures.fault(row.sequence, row.hash, row.signature, row.signer)
    return kept.fault(row.sequence, row.hash, time) or of_signature


def _raw_events(connection: Connection) -> CursorResult[*tuple[Any, ...]]:
    # Without the columns' types, which would refuse a tampered value before it can be reported.
    columns: list[ColumnElement[Any]] = [literal_column(name) for name in (*_HASHED, "hash", "signature", "signer")]
    raw = select(*columns).select_from(EVENT).order_by(EVENT.c.sequence)
    return _streamed(connection, raw)


def _streamed(connection: Connection, query: Select[*tuple[Any, ...]]) -> CursorResult[*tuple[Any, ...]]:
    """The rows in constant memory. To be closed by who may not read them all: a server would keep the rest."""
    return connection.execute(query, execution_options={"yield_per": _BATCH})


def _fault(row: FetchedRow[*tuple[Any, ...]], sequence: int, previous_hash: str) -> Fault | None:
    if row.sequence != sequence:
        return Fault(f"Event {sequence} is missing.", RESTORE)
    if row.previous_hash != previous_hash:
        return Fault(f"Event {sequence} does not follow the event before it.", RESTORE)
    try:
        computed = event_hash((row.sequence, stored_text(row.time), *row[2:7]))
    except (TypeError, ValueError):
        computed = ""
    return None if row.hash == computed else Fault(f"Event {sequence} is not what was written.", RESTORE)


def _unreadable(expected: ExpectedRows, row: FetchedRow[*tuple[Any, ...]]) -> Fault | None:
    """Adds the event; a sentence where it is none that rotator writes, though its hash is right."""
    try:
        fields: dict[str, Any] = row._asdict()
        time = utc_time(str(stored_text(row.time)))
        expected.add(Event(**fields | {"time": time, "details": read_details(row.details)}))
    except (HistoryError, KeyError, TypeError, ValueError, AttributeError):
        return Fault(f"Event {row.sequence} is none that rotator writes.", RESTORE)
    return None


def _end_fault(written: FetchedRow[*tuple[Any, ...]] | None, events: int, head: str) -> Fault | None:
    if written is None:
        return Fault("The record of the last event is missing.", RESTORE)
    if tuple(written) == (events, head):
        return None
    if isinstance(written.events, int) and written.events > events:
        sentence = f"The last events are missing: {written.events} were written, {events} are there."
        return Fault(sentence, RESTORE)
    sentence = f"The record of the last event is not what was written: {events} events are there."
    return Fault(sentence, RESTORE)


@dataclass(frozen=True)
class RowFault:
    """A row that is not what the events say."""

    sentence: str
    table: Table
    id: str
    """The value of its primary key."""


def row_faults(connection: Connection, expected: ExpectedRows) -> Iterator[RowFault]:
    """What is wrong with the rows that follow from events, the first of each row."""
    rotations = {name: as_row(each) if each else None for name, each in expected.rotations.items()}
    for row in _raw_rows(connection, ROTATION):
        said = rotations.pop(str(row["id"]), None)
        row["options"] = _options(row["options"])
        yield from _difference(ROTATION, f"The rotation {row['id']} of {row['credential']}", row, said)
    for name in rotations:
        yield RowFault(f"The rotation {name} is missing, which events tell of.", ROTATION, name)
    records = {name: as_row(record) for name, record in expected.credentials.items()}
    for row in _raw_rows(connection, CREDENTIAL_RECORD):
        said = records.pop(str(row["credential"]), None)
        what = f"What the history holds of the credential {row['credential']}"
        yield from _difference(CREDENTIAL_RECORD, what, row, said)
    for name in records:
        yield RowFault(f"What the history holds of the credential {name} is missing.", CREDENTIAL_RECORD, name)
    for row in _raw_rows(connection, ALERT, ("id", *SILENCE)):
        said = dict.fromkeys(SILENCE) | expected.silenced.get(str(row["id"]), {})
        yield from _difference(ALERT, f"The alert {row['id']}", row, said)
    standstills = {key: as_row(each) for key, each in expected.standstills.items()}
    for row in _raw_rows(connection, STANDSTILL):
        said = standstills.pop(str(row["key"]), None)
        yield from _difference(STANDSTILL, f"What holds rotations up ({row['key']})", row, said)
    for key in standstills:
        yield RowFault(f"What holds rotations up ({key}) is missing, which events tell of.", STANDSTILL, key)


def _raw_rows(connection: Connection, table: Table, names: Sequence[str] = ()) -> Iterator[Row]:
    columns: list[ColumnElement[Any]] = [literal_column(name) for name in names or table.columns.keys()]
    raw = select(*columns).select_from(table).order_by(*table.primary_key.columns)
    with _streamed(connection, raw) as rows:
        for row in rows:
            yield {name: stored_text(value) for name, value in row._asdict().items()}


def _options(stored: object) -> object:
    try:
        return RotationOptions.from_json(json.loads(str(stored))).as_json()
    except (ValueError, AttributeError):
        return stored


def _difference(table: Table, subject: str, row: Row, said: Row | None) -> Iterator[RowFault]:
    [key] = table.primary_key.columns
    this = str(row[key.name])
    if said is None:
        yield RowFault(f"{subject} was put in: no event tells of it.", table, this)
        return
    for name, value in said.items():
        if row[name] != value:
            yield RowFault(f"{subject} says {name} {row[name]!r}; its events say {value!r}.", table, this)
            return
