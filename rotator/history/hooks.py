"""The calls of hooks that are yet to be made.

Hooks are called after events of the journal. A hook that the configuration names for the first time begins with the
events that follow; from then on each event that it wants becomes a row here, once, in the transaction that notes up to
where it was looked. A call that was made is an event of the journal, in the transaction that deletes its row: so a
crash loses no call, and what was noted as made is not made again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, delete, func, insert, select, update

from rotator.core.hook import KINDS, STOPPED, hook_event
from rotator.history.engine.row_reading import RowReader, columns_of
from rotator.history.engine.tables import EVENT, HOOK, HOOK_CALL
from rotator.history.journal.events import Entry, append
from rotator.history.journal.readers import EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from rotator.core.hook import Calls
    from rotator.history.engine.transactions import Transactions
    from rotator.history.records import JSON, Event

_LOOKED_BACK: Final = 500
"""Events of hooks."""

CALLED: Final = "hook"
"""Kind of the event that a hook was called, or given up."""


@dataclass(frozen=True)
class DueCall:
    """A call that is yet to be made."""

    hook: str
    sequence: int
    """Of the event that it is made after."""
    credential: str


def calling(hook: str, credential: str) -> str:
    """Name of the lock of whoever calls a hook after events of a credential; no credential can be called so."""
    return f"#hook {hook} {credential}"


class HookCalls:
    """Every method raises HistoryError or HistoryUnavailable."""

    def __init__(self, database: Transactions) -> None:
        self._database: Final = database

    def newest(self) -> int:
        """Number of the newest event; 0 where there is none."""
        with self._database.reading() as connection:
            return _newest(connection)

    def note(self, wanted: Mapping[str, Callable[[Event], bool]], *, since: datetime) -> None:
        """Adds the calls after what has happened since the last time, by what each of these hooks wants.

        What happened before `since` is no news any more: a hook may have been out of the configuration. Of a rotation
        that stops again and again where it stopped before, the first time counts.
        """
        with self._database.writing() as connection:
            newest = _newest(connection)
            known = dict(HOOKS.read(connection, HOOKS.rows))
            for name in wanted.keys() - known.keys():
                # One that cannot be read has its place taken.
                connection.execute(delete(HOOK).where(HOOK.c.name == name))
                connection.execute(insert(HOOK).values(name=name, seen=newest))
            behind = {name: known[name] for name in wanted if name in known and known[name] < newest}
            if behind:
                self._add(connection, wanted, behind, since)
                connection.execute(update(HOOK).where(HOOK.c.name.in_(behind)).values(seen=newest))

    def keep_only(self, hooks: Collection[str], calls: Collection[Calls]) -> None:
        """Forgets what is noted for other hooks, and the calls that are none of these."""
        with self._database.writing() as connection:
            for name in (HOOK.c.name, HOOK_CALL.c.hook):
                connection.execute(delete(name.table).where(name.not_in([*hooks])))
            for hook in hooks:
                credentials = [each.credential for each in calls if each.hook == hook]
                is_other = and_(HOOK_CALL.c.hook == hook, HOOK_CALL.c.credential.not_in(credentials))
                connection.execute(delete(HOOK_CALL).where(is_other))

    @staticmethod
    def _add(
        connection: Connection,
        wanted: Mapping[str, Callable[[Event], bool]],
        behind: Mapping[str, int],
        since: datetime,
    ) -> None:
        is_new = and_(EVENT.c.sequence > min(behind.values()), EVENT.c.time >= since)
        query = select(EVENT).where(is_new, EVENT.c.kind.in_(KINDS)).order_by(EVENT.c.sequence)
        for event in EVENTS.read(connection, query):
            calls = [
                {"hook": name, "sequence": event.sequence, "credential": event.credential}
                for name, seen in behind.items()
                if event.credential and event.sequence > seen and wanted[name](event)
            ]
            if calls and not _is_repeated(connection, event):
                connection.execute(insert(HOOK_CALL), calls)

    def due(self, credentials: Collection[str] | None = None) -> list[DueCall]:
        """The calls that are yet to be made after events of some credentials, or of all, the oldest first."""
        these = () if credentials is None else (HOOK_CALL.c.credential.in_([*credentials]),)
        query = HOOK_CALLS.rows.where(*these).order_by(HOOK_CALL.c.sequence, HOOK_CALL.c.hook)
        with self._database.reading() as connection:
            return list(HOOK_CALLS.read(connection, query))

    def event(self, call: DueCall) -> Event | None:
        """The event that it is made after, while the call is yet to be made."""
        is_due = and_(HOOK_CALL.c.hook == call.hook, HOOK_CALL.c.sequence == call.sequence)
        query = select(EVENT).join(HOOK_CALL, HOOK_CALL.c.sequence == EVENT.c.sequence).where(is_due)
        with self._database.reading() as connection:
            return EVENTS.first(connection, query)

    def newest_of(self, hooks: Collection[str]) -> dict[str, Event]:
        """The newest event that each of these hooks was called, as far as it is among the last of all hooks."""
        query = select(EVENT).where(EVENT.c.kind == CALLED).order_by(EVENT.c.sequence.desc()).limit(_LOOKED_BACK)
        found: dict[str, Event] = {}
        with self._database.reading() as connection:
            for event in EVENTS.read(connection, query):
                name = event.details.get("hook")
                if isinstance(name, str) and name in hooks:
                    found.setdefault(name, event)
        return found

    def failed(self, call: DueCall, now: datetime, **details: JSON) -> None:
        """Notes that it failed, with an event; it is yet to be made."""
        with self._database.writing() as connection:
            append(connection, _entry(call, now, details))

    def ended(self, call: DueCall, now: datetime, **details: JSON) -> None:
        """Notes that it was made, or given up, with an event.

        Raises HistoryError when the details hold a secret.
        """
        with self._database.writing() as connection:
            this = and_(HOOK_CALL.c.hook == call.hook, HOOK_CALL.c.sequence == call.sequence)
            if connection.execute(delete(HOOK_CALL).where(this)).rowcount:
                append(connection, _entry(call, now, details))


def _is_repeated(connection: Connection, event: Event) -> bool:
    """Whether the same rotation had stopped so before."""
    if event.kind != STOPPED or event.rotation_id is None:
        return False
    same = and_(EVENT.c.rotation_id == event.rotation_id, EVENT.c.kind == STOPPED)
    earlier = EVENTS.read(connection, select(EVENT).where(same, EVENT.c.sequence < event.sequence))
    word = hook_event(event.kind, event.details)
    return any(hook_event(each.kind, each.details) is word for each in earlier)


def _entry(call: DueCall, now: datetime, details: Mapping[str, JSON]) -> Entry:
    return Entry(CALLED, now, call.credential, None, {"hook": call.hook, "after": call.sequence, **details})


def _newest(connection: Connection) -> int:
    return connection.scalar(select(func.max(EVENT.c.sequence))) or 0


HOOKS: Final[RowReader[tuple[str, int]]] = RowReader(columns_of(HOOK), lambda values: (values["name"], values["seen"]))
HOOK_CALLS: Final = RowReader(columns_of(HOOK_CALL), lambda values: DueCall(**values))
