"""The records of attempts in the database, so that a restart forgets none."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, delete, insert, select, update

from rotator.core.attempts import AttemptRecord
from rotator.history.engine.row_reading import RowReader, columns_of, of_names
from rotator.history.engine.tables import ATTEMPT
from rotator.history.journal.chain import storable

if TYPE_CHECKING:
    from collections.abc import Collection

    from rotator.history.engine.transactions import Transactions


_KEY: Final = frozenset({"kind", "name"})
_NEVER_TRIED: Final = {name: value for name, value in asdict(AttemptRecord("", "")).items() if name not in _KEY}

_IN_ORDER: Final = itemgetter(*(each.name for each in fields(AttemptRecord)))


def _attempt(values: dict[str, Any]) -> AttemptRecord:
    # Three of each org and credential are read at a start, and to give values by their names takes twice as long.
    return AttemptRecord(*_IN_ORDER(values))


ATTEMPTS: Final = RowReader(columns_of(ATTEMPT), _attempt, spare=_NEVER_TRIED)
"""What of a record cannot be read counts as if it had never been tried: the next attempt writes all of it anew."""

_THIS: Final = and_(ATTEMPT.c.kind == bindparam("its_kind"), ATTEMPT.c.name == bindparam("its_name"))
_GET: Final = select(ATTEMPT).where(_THIS)
_CHANGE: Final = update(ATTEMPT).where(_THIS)
_ADD: Final = insert(ATTEMPT)
_ALL: Final = select(ATTEMPT).order_by(ATTEMPT.c.kind, ATTEMPT.c.name)
_BY_NAME: Final = of_names(_ALL, ATTEMPT.c.name)
_OF_KIND_BY_NAME: Final = of_names(_ALL.where(ATTEMPT.c.kind == bindparam("its_kind")), ATTEMPT.c.name)


class AttemptRecords:
    """Reads and writes them. Every method raises HistoryError or HistoryUnavailable."""

    def __init__(self, database: Transactions) -> None:
        self._database: Final = database

    def get(self, kind: str, name: str) -> AttemptRecord:
        """The record of one; an empty one for what was never tried."""
        with self._database.reading() as connection:
            found = ATTEMPTS.first(connection, _GET, its_kind=kind, its_name=name)
        return found or AttemptRecord(kind, name)

    def is_still(self, attempt: AttemptRecord) -> bool:
        """Whether nobody has written the record since it was read: a process that slept meanwhile has news of old."""
        return self.get(attempt.kind, attempt.name) == attempt

    def put(self, attempt: AttemptRecord) -> None:
        """Puts the record in the place of the one before."""
        kept = replace(attempt, problem=storable(attempt.problem), hint=storable(attempt.hint))
        with self._database.writing() as connection:
            this = {"its_kind": attempt.kind, "its_name": attempt.name}
            if not connection.execute(_CHANGE, asdict(kept) | this).rowcount:
                connection.execute(_ADD, asdict(kept))

    def all(self, kind: str | None = None, *, names: Collection[str] | None = None) -> list[AttemptRecord]:
        """The records of one kind, of some names, or all, by kind and name."""
        query, its = _BY_NAME(names) if kind is None else _OF_KIND_BY_NAME(names)
        with self._database.reading() as connection:
            return list(ATTEMPTS.read(connection, query, its_kind=kind, **its))

    def forget(self, kind: str, name: str) -> None:
        """Deletes a record, as if it had never been tried."""
        with self._database.writing() as connection:
            connection.execute(delete(ATTEMPT).where(_THIS), {"its_kind": kind, "its_name": name})
