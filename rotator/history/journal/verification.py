"""The proof that the history is what was written: the chain of its events, and the rows that follow from them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import literal_column, select

from rotator.core.decision.options import RotationOptions
from rotator.errors import HistoryError
from rotator.history.engine.tables import ALERT, CREDENTIAL_RECORD, EVENT, HEAD, ROTATION
from rotator.history.engine.times import stored_text, utc_time
from rotator.history.journal.chain import GENESIS, event_hash, read_details
from rotator.history.journal.derived_rows import ExpectedRows, Row, as_row
from rotator.history.records import ChainVerification, Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, CursorResult, Select, Table
    from sqlalchemy import Row as FetchedRow

    from rotator.history.engine.transactions import Transactions

RESTORE: Final = "Put the history back from a backup, and find out who writes to its database."
CORRECT: Final = (
    "Believe the events, which `rotator history NAME` shows. Put the rows back from a backup, and find out who writes"
    " to the database."
)

_BATCH: Final = 500
_HASHED: Final = ("sequence", "time", "kind", "credential", "rotation_id", "details", "previous_hash")
_SILENCE: Final = (
    "acknowledged_at",
    "acknowledged_by",
    "acknowledged_why",
    "snoozed_until",
    "snoozed_by",
    "snoozed_why",
)


def verify(database: Transactions) -> ChainVerification:
    """Re-computes the journal's chain of hashes, and from its events the rows of other tables that follow from them.

    It finds any event that was changed, taken out, put in or moved, and an end that was cut off, by anyone who did not
    re-compute all that follows; and every rotation, record of a credential and acknowledgement that is not what its
    events say. Events are read in constant memory; of each rotation and credential one record is kept.
    """
    good, head, expected = 0, GENESIS, ExpectedRows()
    with database.reading() as connection:
        written = connection.execute(select(HEAD.c.events, HEAD.c.hash)).first()
        with _raw_events(connection) as rows:
            for row in rows:
                fault = _fault(row, good + 1, head) or _unreadable(expected, row)
                if fault:
                    return ChainVerification(
                        events=good, intact=False, first_bad=good + 1, why=fault, hint=RESTORE, head=head
                    )
                good, head = good + 1, row.hash
        cut = _end_fault(written, good, head)
        why = cut or next(_row_faults(connection, expected), "")
    return ChainVerification(
        events=good,
        intact=not why,
        first_bad=None,
        why=why,
        hint=RESTORE if cut else CORRECT if why else "",
        head=head,
        taken_over=expected.taken_over,
    )


def _raw_events(connection: Connection) -> CursorResult[*tuple[Any, ...]]:
    # Without the columns' types, which would refuse a tampered value before it can be reported.
    columns: list[ColumnElement[Any]] = [literal_column(name) for name in (*_HASHED, "hash")]
    raw = select(*columns).select_from(EVENT).order_by(EVENT.c.sequence)
    return _streamed(connection, raw)


def _streamed(connection: Connection, query: Select[*tuple[Any, ...]]) -> CursorResult[*tuple[Any, ...]]:
    """The rows in constant memory. To be closed by who may not read them all: a server would keep the rest."""
    return connection.execute(query, execution_options={"yield_per": _BATCH})


def _fault(row: FetchedRow[*tuple[Any, ...]], sequence: int, previous_hash: str) -> str:
    if row.sequence != sequence:
        return f"Event {sequence} is missing."
    if row.previous_hash != previous_hash:
        return f"Event {sequence} does not follow the event before it."
    try:
        computed = event_hash((row.sequence, stored_text(row.time), *row[2:7]))
    except (TypeError, ValueError):
        computed = ""
    return "" if row.hash == computed else f"Event {sequence} is not what was written."


def _unreadable(expected: ExpectedRows, row: FetchedRow[*tuple[Any, ...]]) -> str:
    """Adds the event; a sentence where it is none that rotator writes, though its hash is right."""
    try:
        fields: dict[str, Any] = row._asdict()
        time = utc_time(str(stored_text(row.time)))
        expected.add(Event(**fields | {"time": time, "details": read_details(row.details)}))
    except (HistoryError, KeyError, TypeError, ValueError, AttributeError):
        return f"Event {row.sequence} is none that rotator writes."
    return ""


def _end_fault(written: FetchedRow[*tuple[Any, ...]] | None, events: int, head: str) -> str:
    if written is None:
        return "The record of the last event is missing."
    if tuple(written) == (events, head):
        return ""
    if isinstance(written.events, int) and written.events > events:
        return f"The last events are missing: {written.events} were written, {events} are there."
    return f"The record of the last event is not what was written: {events} events are there."


def _row_faults(connection: Connection, expected: ExpectedRows) -> Iterator[str]:
    """What is wrong with the rows that follow from events, a sentence each."""
    rotations = {name: as_row(each) if each else None for name, each in expected.rotations.items()}
    for row in _raw_rows(connection, ROTATION):
        said = rotations.pop(str(row["id"]), None)
        row["options"] = _options(row["options"])
        yield from _difference(f"The rotation {row['id']} of {row['credential']}", row, said)
    yield from (f"The rotation {name} is missing, which events tell of." for name in rotations)
    records = {name: as_row(record) for name, record in expected.credentials.items()}
    for row in _raw_rows(connection, CREDENTIAL_RECORD):
        said = records.pop(str(row["credential"]), None)
        yield from _difference(f"What the history holds of the credential {row['credential']}", row, said)
    yield from (f"What the history holds of the credential {name} is missing." for name in records)
    for row in _raw_rows(connection, ALERT, ("id", *_SILENCE)):
        said = dict.fromkeys(_SILENCE) | expected.silenced.get(str(row["id"]), {})
        yield from _difference(f"The alert {row['id']}", row, said)


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


def _difference(subject: str, row: Row, said: Row | None) -> Iterator[str]:
    if said is None:
        yield f"{subject} was put in: no event tells of it."
        return
    for name, value in said.items():
        if row[name] != value:
            yield f"{subject} says {name} {row[name]!r}; its events say {value!r}."
            return
