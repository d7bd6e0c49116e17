"""Somebody who can write the history's database, knows how rotator works, and has none of its files.

Nothing here uses what writes the history: the forger has a program of his own, and triggers do not stop an owner.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, text, update

from rotator.history.engine.tables import ALERT, EVENT, HEAD, ROTATION
from rotator.history.engine.times import utc_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from sqlalchemy import Connection

    from rotator.history.engine.database import Database
    from tests.contract.history.databases import Kind

Event = dict[str, Any]


class Forger:
    """Does to the database what its owner can."""

    def __init__(self, kind: Kind, database: Database) -> None:
        self._database = database
        self._guards = kind.without_guards

    def write_anew(self, change: Callable[[list[Event]], list[Event]], *, signatures: bool = True) -> None:
        """Puts other events in the place of the journal's, with the right hashes, and the old signatures or none."""
        with self._database._transaction(reading=False) as connection:
            for guard in self._guards:
                connection.execute(text(guard.replace("DROP TRIGGER", "DROP TRIGGER IF EXISTS")))
            events = change(
                [dict(row._mapping) for row in connection.execute(select(EVENT).order_by(EVENT.c.sequence))]
            )
            head = "0" * 64
            for sequence, event in enumerate(events, 1):
                event.update(sequence=sequence, previous_hash=head)
                event["hash"] = head = _hash(event)
                if not signatures:
                    event.update(signature=None, signer=None)
            self._replace(connection, events, head)

    def _replace(self, connection: Connection, events: list[Event], head: str) -> None:
        connection.execute(delete(EVENT))
        for event in events:
            connection.execute(insert(EVENT).values(event))
        connection.execute(update(HEAD).values(events=len(events), hash=head))

    def cut_off(self, events: int) -> None:
        """Takes the last events out, as if they had never been written: what is left is as it was."""
        self.write_anew(lambda written: written[:-events])

    def back_date(self, by: timedelta) -> None:
        """Has the last event tell an earlier time."""

        def earlier(written: list[Event]) -> list[Event]:
            written[-1]["time"] -= by
            return written

        self.write_anew(earlier)

    def rename(self, actor: str, *, signatures: bool = True) -> None:
        """Has somebody else begin every rotation, in rows and events alike."""

        def renamed(written: list[Event]) -> list[Event]:
            for event in written:
                details = json.loads(event["details"])
                if "actor" in details:
                    event["details"] = json.dumps(details | {"actor": actor}, sort_keys=True, separators=(",", ":"))
            return written

        self.write_anew(renamed, signatures=signatures)
        self.rename_in_row(actor)

    def rename_in_row(self, actor: str) -> None:
        """Has somebody else begin every rotation, in the rows alone."""
        with self._database.writing() as connection:
            connection.execute(update(ROTATION).values(actor=actor))

    def acknowledge(self) -> None:
        """Has somebody have acknowledged every alert."""
        with self._database.writing() as connection:
            values = {"acknowledged_at": datetime.now(UTC), "acknowledged_by": "ada", "acknowledged_why": "known"}
            connection.execute(update(ALERT).values(values))

    def append(self, kind: str, when: datetime, *, key_id: str | None = None) -> None:
        """Adds an event at the end, signed with a key of his own if one is named."""
        signed = {"signature": "A" * 86, "signer": key_id} if key_id else {"signature": None, "signer": None}
        new = {"time": when, "kind": kind, "credential": None, "rotation_id": None, "details": "{}", **signed}
        self.write_anew(lambda written: [*written, new])


def _hash(event: Event) -> str:
    entry = [
        "rotator event 1",
        event["sequence"],
        utc_text(event["time"]),
        *(event[name] for name in ("kind", "credential", "rotation_id", "details", "previous_hash")),
    ]
    return hashlib.sha256(json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
