"""The pauses in the database, the service's first start, and the freezes that the journal knows of.

Each that begins or ends is an event of the journal, in the same transaction. The configuration alone says which freezes
there are: their rows tell which of them were written down.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, insert, select

from rotator.core.schedule import Standstill, Why
from rotator.history.engine.row_reading import RowReader, columns_of
from rotator.history.engine.tables import EVENT, ROTATION, STANDSTILL
from rotator.history.engine.times import utc_text
from rotator.history.journal import readers
from rotator.history.journal.chain import refuse_secrets, storable
from rotator.history.journal.events import Entry, append
from rotator.history.journal.standstill_rows import EVENTS, FORGOTTEN, follow, key_of, row_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Connection

    from rotator.core.actor import Actor
    from rotator.history.engine.transactions import Transactions
    from rotator.history.records import JSON

_OF_CREDENTIAL: Final = "credential "
_ALL: Final = select(STANDSTILL).order_by(STANDSTILL.c.since, STANDSTILL.c.key)


class Standstills:
    """Every method raises HistoryError or HistoryUnavailable."""

    def __init__(self, database: Transactions) -> None:
        self._database: Final = database

    def all(self) -> list[Standstill]:
        """Those that were not ended: pauses, also those whose time has come, noted freezes, and the first start."""
        with self._database.reading() as connection:
            found = STANDSTILLS.read(connection, _ALL)
            return sorted(found, key=lambda each: each.since)

    def pause(
        self, scope: str, *, until: datetime | None, reason: str, actor: Actor, now: datetime
    ) -> tuple[Standstill, Standstill | None]:
        """Pauses what `scope` names, with an event `pause`; gives the pause, and the one whose place it takes.

        Raises HistoryError for a reason with a key, a token or a password in it, ValueError for a time that has passed.
        """
        if until is not None and until <= now:
            raise ValueError("paused until a time that has passed")
        refuse_secrets(reason)
        new = Standstill(
            why=Why.PAUSE,
            since=now,
            until=until,
            reason=storable(reason),
            by=storable(str(actor)),
            scope=scope,
        )
        with self._database.writing() as connection:
            before = _find(connection, new)
            _take_out(connection, new)
            _put(connection, new, actor, now, "pause")
        return new, before if before and before.covers(now) else None

    def resume(self, scope: str, *, reason: str, actor: Actor, now: datetime) -> Standstill | None:
        """Ends the pause of that scope, with an event `resume`; None where there is none, or its time has come."""
        refuse_secrets(reason)
        with self._database.writing() as connection:
            before = _find(connection, Standstill(why=Why.PAUSE, since=now, scope=scope))
            if before is None or not before.covers(now):
                return None
            _take_out(connection, before)
            ended = replace(before, reason=storable(reason), until=now)
            append(connection, _entry("resume", ended, actor, now))
        return before

    def note_freezes(self, freezes: Mapping[Standstill, Collection[str]], actor: Actor, now: datetime) -> None:
        """Writes down, once, which freezes the configuration has, with their credentials; and which it has no more."""
        known = {key_of(each): each for each in self.all() if each.why is Why.FREEZE}
        configured = {key_of(each): each for each in freezes}
        if known.keys() == configured.keys():
            return
        with self._database.writing() as connection:
            for key in known.keys() - configured.keys():
                if _is_over(known[key], now):
                    _forget(connection, known[key], actor, now)
                else:
                    _take_out(connection, known[key])
                    append(connection, _entry("unfreeze", known[key], actor, now))
            for key in configured.keys() - known.keys():
                names: JSON = sorted(freezes[configured[key]])
                _put(connection, configured[key], actor, now, "freeze", credentials=names)

    def first_start(self, actor: Actor, now: datetime) -> Standstill:
        """When the service first started on this database: noted now, with an event `first_start`, if it never was.

        One that holds nothing up, as the database had rotated before, ends when it begins.
        """
        known = next((each for each in self.all() if each.why is Why.FIRST_START), None)
        if known:
            return known
        with self._database.writing() as connection:
            rotated = select(ROTATION.c.id).where(ROTATION.c.goal == "replace", ROTATION.c.outcome == "rotated")
            has_rotated = connection.execute(rotated.limit(1)).first() is not None
            new = Standstill(why=Why.FIRST_START, since=now, until=now if has_rotated else None)
            _put(connection, new, actor, now, "first_start", has_rotated=has_rotated)
        return new

    def keep_only(self, scopes: Collection[str], actor: Actor, now: datetime) -> None:
        """Forgets the pauses whose time has come, and those of what is not configured any more."""
        pauses = [each for each in self.all() if each.why is Why.PAUSE]
        gone = [each for each in pauses if each.scope not in scopes or _is_over(each, now)]
        if gone:
            with self._database.writing() as connection:
                for each in gone:
                    _forget(connection, each, actor, now)


def _is_over(standstill: Standstill, now: datetime) -> bool:
    return standstill.until is not None and standstill.until <= now


def _put(connection: Connection, new: Standstill, actor: Actor, now: datetime, kind: str, **details: JSON) -> None:
    append(connection, _entry(kind, new, actor, now, **details))
    connection.execute(insert(STANDSTILL), row_of(new))


def _find(connection: Connection, which: Standstill) -> Standstill | None:
    """The one that has the place of this one."""
    return STANDSTILLS.first(connection, select(STANDSTILL).where(STANDSTILL.c.key == key_of(which)))


def _take_out(connection: Connection, which: Standstill) -> None:
    """Deletes the one that has the place of this one."""
    connection.execute(delete(STANDSTILL).where(STANDSTILL.c.key == key_of(which)))


def _forget(connection: Connection, which: Standstill, actor: Actor, now: datetime) -> None:
    """Deletes one that holds nothing up any more. Its row follows from events, and so does that it is gone."""
    _take_out(connection, which)
    details: dict[str, JSON] = {"key": key_of(which), **actor.details()}
    append(connection, Entry(FORGOTTEN, now, None, None, details))


def _entry(kind: str, standstill: Standstill, actor: Actor, now: datetime, **details: JSON) -> Entry:
    scope = standstill.scope
    name = scope.removeprefix(_OF_CREDENTIAL) if scope.startswith(_OF_CREDENTIAL) else None
    told: dict[str, JSON] = {"scope": scope, "reason": standstill.reason}
    if standstill.why is Why.FREEZE:
        told["since"] = utc_text(standstill.since)
    if standstill.until and kind != "resume":
        told["until"] = utc_text(standstill.until)
    known = {key: value for key, value in told.items() if value}
    return Entry(kind, now, name, None, {**known, **details, **actor.details()})


def _standstill(values: dict[str, Any]) -> Standstill:
    return Standstill(**{name: value for name, value in values.items() if name != "key"})


def _by_events(connection: Connection, values: dict[str, Any]) -> Standstill | None:
    """The one whose row cannot be read, as its events say; the configuration tells of freezes.

    A pause of which no event tells either lasts, as what it holds up is not to begin by a fault.
    """
    key, said = str(values.get("key", "")), dict[str, Standstill]()
    kinds = select(EVENT).where(EVENT.c.kind.in_([*EVENTS, FORGOTTEN])).order_by(EVENT.c.sequence)
    for event in readers.EVENTS.read(connection, kinds):
        with suppress(KeyError, TypeError, ValueError):
            follow(said, event)
    pause = f"{Why.PAUSE} "
    if key not in said and key.startswith(pause):
        return Standstill(why=Why.PAUSE, since=_UNKNOWN, scope=key.removeprefix(pause))
    return said.get(key)


_UNKNOWN: Final = datetime(1970, 1, 1, tzinfo=UTC)

STANDSTILLS: Final = RowReader(
    columns_of(STANDSTILL), _standstill, parse={"why": Why}, spare={"reason": "", "by": ""}, instead=_by_events
)
