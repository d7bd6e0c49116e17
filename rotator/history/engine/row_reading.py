"""The one place where rows become records."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from sqlalchemy import Float, Integer, String, select

from rotator.errors import HistoryError
from rotator.history.engine.damage import Damaged, UnreadableRow, met

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy import Column, Connection, FromClause, Row, Select, Table

_T = TypeVar("_T")

_NONE_OF_A_RECORD: Final = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, HistoryError)
"""What is raised over a value, or over values together, of which no record can be made."""


def columns_of(*tables: Table) -> dict[str, Column[Any]]:
    """The columns of tables by the names that they have in rows."""
    return {name: column for table in tables for name, column in table.columns.items()}


@dataclass(frozen=True)
class RowReader(Generic[_T]):
    """Makes records of rows."""

    columns: Mapping[str, Column[Any]]
    """By the names that they have in rows."""
    make: Callable[[dict[str, Any]], _T]
    """Makes a record of the values. May raise whatever no record can be made of."""
    parse: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    """What a stored value means, where it is not the value itself."""
    spare: Mapping[str, Any] = field(default_factory=dict)
    """What stands for a value that nobody needs, where it cannot be read: the rest of the row counts all the same."""
    instead: Callable[[Connection, dict[str, Any]], _T | None] = lambda _connection, _values: None
    """What is known by other rows of one that cannot be read, from those of its values that can."""
    optional: frozenset[str] = frozenset()
    """What may be missing as its row of another table is."""
    source: FromClause | None = None
    """Where the rows are, where that is more than one table."""

    @property
    def rows(self) -> Select[Any]:
        """A query for all rows."""
        query = select(*(column.label(name) for name, column in self.columns.items()))
        return query if self.source is None else query.select_from(self.source)

    def read(self, connection: Connection, query: Select[Any]) -> Iterator[_T]:
        """The records of the rows of a query, without those of which none can be made, which are noted.

        Raises HistoryError and HistoryUnavailable for what fails as a whole.
        """
        for row in connection.execute(query):
            record, unreadable = self.judged(connection, row)
            if unreadable:
                met(connection, unreadable)
            if record is not None:
                yield record

    def first(self, connection: Connection, query: Select[Any]) -> _T | None:
        """The first of those."""
        return next(iter(list(self.read(connection, query.limit(1)))), None)

    def judged(self, connection: Connection, row: Row[Any]) -> tuple[_T | None, list[UnreadableRow]]:
        """The record of a row, None where there is none, and what of it cannot be read."""
        record, values, unreadable = self._made(row)
        return self.instead(connection, values) if record is None else record, unreadable

    def unreadable(self, row: Row[Any]) -> list[UnreadableRow]:
        """What of a row cannot be read."""
        return self._made(row)[2]

    def _made(self, row: Row[Any]) -> tuple[_T | None, dict[str, Any], list[UnreadableRow]]:
        values, damaged = self._values(row)
        unreadable = [self._unreadable(row, name) for name in damaged]
        if any(name not in self.spare for name in damaged):
            return None, values, unreadable
        values |= {name: self.spare[name] for name in damaged}
        try:
            return self.make(values), values, unreadable
        except _NONE_OF_A_RECORD:
            return None, values, unreadable or [self._unreadable(row, "")]

    def _values(self, row: Row[Any]) -> tuple[dict[str, Any], list[str]]:
        values, damaged = row._asdict(), []
        for name, column in self.columns.items():
            value = values[name]
            try:
                if not (self._may_be_missing(name, value) or _fits(column, value)):
                    raise ValueError(name)
                if name in self.parse and value is not None:
                    values[name] = self.parse[name](value)
            except (*_NONE_OF_A_RECORD, RecursionError):
                del values[name]
                damaged.append(name)
        return values, damaged

    def _may_be_missing(self, name: str, value: Any) -> bool:
        return value is None and (self.columns[name].nullable or name in self.optional)

    def _unreadable(self, row: Row[Any], name: str) -> UnreadableRow:
        """Its key is found by the columns of the same table."""
        table = self.columns[name].table if name else next(iter(self.columns.values())).table
        keys = [each for each, column in self.columns.items() if column.table is table and column.primary_key]
        stored = row._asdict()
        key = " ".join(str(_stored(stored[each])) for each in keys)
        return UnreadableRow(table.name, key, self.columns[name].name if name else "")


def _fits(column: Column[Any], value: Any) -> bool:
    """Whether a value is one of its column's type; a database that has no types, or loses them, holds others, too."""
    kind = column.type
    if isinstance(kind, String):
        return isinstance(value, str)
    if isinstance(kind, Integer):
        return isinstance(value, int) and not isinstance(value, bool)
    if isinstance(kind, Float):
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return value is not None and not isinstance(value, Damaged)


def _stored(value: Any) -> Any:
    return value.stored if isinstance(value, Damaged) else value
