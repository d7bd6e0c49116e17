"""Rows kept in memory: read once, and again only where the database says that they have changed.

Triggers number each change to a table that is kept (`rotator.history.engine.tables.CHANGE`), whoever makes it: another
thread, a command, another machine, an older release, a person. So one look at what is numbered higher tells what to
read again, and what is returned is as if all of it had just been read. A server that takes the place of another may
lack its last changes, and give their numbers to others: all is read again.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from sqlalchemy import bindparam, select

from rotator.history.engine.row_reading import AT_ONCE, RowReader, columns_of
from rotator.history.engine.tables import CHANGE
from rotator.history.engine.transactions import server_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sqlalchemy import Connection

    from rotator.history.engine.transactions import Transactions

_V = TypeVar("_V")


@dataclass(frozen=True, eq=False)
class Part(Generic[_V]):
    """What is kept of one table."""

    table: str
    load: Callable[[Connection, Collection[str] | None], dict[str, _V]]
    """Reads what there is under some names, or under all; the names are those of `CHANGE`."""


class Rows:
    """Parts as they were at one moment. Nothing in it changes, so that threads may share it."""

    def __init__(self, parts: Mapping[Part[Any], Mapping[str, Any]]) -> None:
        self._parts: Final = parts

    def of(self, part: Part[_V]) -> Mapping[str, _V]:
        """What there is, by its names; the same object as before where nothing has changed."""
        return cast("Mapping[str, _V]", self._parts[part])


@dataclass(frozen=True)
class _Kept:
    number: int
    """Of the newest change that is in it."""
    rows: Mapping[str, Any]


class KeptRows:
    """Keeps the parts that were asked for. Threads may share it."""

    def __init__(self, database: Transactions) -> None:
        self._database: Final = database
        self._lock: Final = Lock()
        self._kept: Final[dict[Part[Any], _Kept]] = {}
        self._server = ""

    def read(self, *parts: Part[Any], within: Transactions | None = None) -> Rows:
        """The parts as they are now, all of the same moment, in a transaction that has read nothing yet, or its own.

        Raises HistoryError or HistoryUnavailable.
        """
        with self._lock, (within or self._database).reading() as connection:
            self._heed_server(server_of(connection))
            known = [self._kept[part].number for part in parts if part in self._kept]
            changes = changes_since(connection, min(known)) if known else newest_change(connection)
            # All or none: what fails half way is read again the next time.
            read = {part: self._up_to_date(connection, part, changes) for part in parts}
            self._kept.update(read)
        return Rows({part: kept.rows for part, kept in read.items()})

    def _heed_server(self, server: str) -> None:
        if server != self._server:
            self._kept.clear()
            self._server = server

    def _up_to_date(self, connection: Connection, part: Part[Any], changes: Changes) -> _Kept:
        kept = self._kept.get(part)
        if kept is None or changes.newest < kept.number:
            return _Kept(changes.newest, part.load(connection, None))
        names = changes.of(part.table, kept.number)
        if not names:
            return _Kept(changes.newest, kept.rows)
        if len(names) > AT_ONCE:
            # More than one statement may carry: all is read again.
            return _Kept(changes.newest, part.load(connection, None))
        rest = {name: row for name, row in kept.rows.items() if name not in names}
        return _Kept(changes.newest, rest | part.load(connection, names))


@dataclass(frozen=True)
class Changes:
    """What was changed since some change."""

    newest: int
    """Number of the newest change; less than what was known in a database that was put back from a backup."""
    numbers: Mapping[tuple[str, str], int]
    """Of the newest change of each table and name."""

    def of(self, table: str, after: int) -> set[str]:
        """The names in one table that were changed after that change."""
        return {name for (part, name), number in self.numbers.items() if part == table and number > after}


_NEWEST: Final = select(CHANGE.c.part, CHANGE.c.name, CHANGE.c.number).order_by(CHANGE.c.number.desc()).limit(1)
_CHANGES_SINCE: Final = select(CHANGE.c.part, CHANGE.c.name, CHANGE.c.number).where(
    CHANGE.c.number >= bindparam("since")
)


def changes_since(connection: Connection, number: int) -> Changes:
    """What was changed since the change of that number."""
    # That one too: where not even it is there, and no newer one, the database is an older one.
    found = list(CHANGES.read(connection, _CHANGES_SINCE, since=number))
    newest = max((number for _, _, number in found if number is not None), default=0)
    return Changes(newest, {(part, name): _ALWAYS if number is None else number for part, name, number in found})


def newest_change(connection: Connection) -> Changes:
    """The newest change alone, for who has read nothing yet: there are as many as there are names."""
    found = CHANGES.first(connection, _NEWEST)
    # A number that is none may stand before all others.
    return Changes(found[2], {}) if found and found[2] is not None else changes_since(connection, 0)


_ALWAYS: Final = 2**62
"""What has changed at a time that cannot be read is read again and again."""

CHANGES: Final = RowReader(
    columns_of(CHANGE), lambda values: (values["part"], values["name"], values["number"]), spare={"number": None}
)
