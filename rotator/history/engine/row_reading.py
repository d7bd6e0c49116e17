"""The one place where rows become records."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

from sqlalchemy import Float, Integer, String, bindparam, select

from rotator.errors import HistoryError
from rotator.history.engine.damage import Damaged, UnreadableRow, met
from rotator.history.engine.times import UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Column, Connection, FromClause, Row, Select, Table
    from sqlalchemy.types import TypeEngine

_T = TypeVar("_T")

_Query: TypeAlias = "tuple[Select[Any], dict[str, list[str]]]"

AT_ONCE: Final = 500
"""Values for an IN: databases limit how many a statement may carry."""

_TOGETHER: Final = 500
"""Rows that are in memory at once."""

_NONE_OF_A_RECORD: Final = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, HistoryError)
"""What is raised over a value, or over values together, of which no record can be made."""


def columns_of(*tables: Table) -> dict[str, Column[Any]]:
    """The columns of tables by the names that they have in rows."""
    return {name: column for table in tables for name, column in table.columns.items()}


def of_names(every: Select[Any], name: Column[str]) -> Callable[[Collection[str] | None], _Query]:
    """Gives the query for all rows, or that for the rows of some names, with its parameters: either is built once."""
    some = every.where(name.in_(bindparam("names", expanding=True)))
    return lambda names: (every, {}) if names is None else (some, {"names": [*names]})


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

    @cached_property
    def rows(self) -> Select[Any]:
        """A query for all rows."""
        query = select(*(column.label(name) for name, column in self.columns.items()))
        return query if self.source is None else query.select_from(self.source)

    def read(self, connection: Connection, query: Select[Any], **parameters: Any) -> Iterator[_T]:
        """The records of the rows of a query, without those of which none can be made, which are noted.

        `parameters` are the values of those that a query has which was built once: to build one takes longer than to
        execute it. Raises HistoryError and HistoryUnavailable for what fails as a whole.
        """
        result = connection.execute(query, parameters)
        names = tuple(result.keys())
        for rows in result.partitions(_TOGETHER):
            parsed: Iterable[dict[str, Any] | None] = self._parsed(names, rows) or [None] * len(rows)
            for row, values in zip(rows, parsed, strict=True):
                record = None if values is None else self._made_of(values)
                if record is None:
                    record, unreadable = self._judged(connection, row, dict(zip(names, row, strict=True)))
                    if unreadable:
                        met(connection, unreadable)
                if record is not None:
                    yield record

    def first(self, connection: Connection, query: Select[Any], **parameters: Any) -> _T | None:
        """The first of those; a query that may find many has a limit."""
        return next(iter(list(self.read(connection, query, **parameters))), None)

    def judged(self, connection: Connection, row: Row[Any]) -> tuple[_T | None, list[UnreadableRow]]:
        """The record of a row, None where there is none, and what of it cannot be read."""
        return self._judged(connection, row, row._asdict())

    def unreadable(self, row: Row[Any]) -> list[UnreadableRow]:
        """What of a row cannot be read."""
        return self._made(row, row._asdict())[1]

    def _judged(
        self, connection: Connection, row: Row[Any], values: dict[str, Any]
    ) -> tuple[_T | None, list[UnreadableRow]]:
        record, unreadable = self._made(row, values)
        return self.instead(connection, values) if record is None else record, unreadable

    def _made(self, row: Row[Any], values: dict[str, Any]) -> tuple[_T | None, list[UnreadableRow]]:
        """What is damaged is taken out of the `values`, or what stands for it put in."""
        damaged = self._take_damaged(values)
        unreadable = [self._unreadable(row, name) for name in damaged]
        if damaged:
            if any(name not in self.spare for name in damaged):
                return None, unreadable
            values |= {name: self.spare[name] for name in damaged}
        try:
            return self.make(values), unreadable
        except _NONE_OF_A_RECORD:
            return None, unreadable or [self._unreadable(row, "")]

    @cached_property
    def _checks(self) -> list[_Check]:
        """What is asked of each value, found once: many rows are read."""
        return [
            (name, *_fits(column), column.nullable or name in self.optional, self.parse.get(name))
            for name, column in self.columns.items()
        ]

    def _take_damaged(self, values: dict[str, Any]) -> list[str]:
        """The names of the values that cannot be read, which are taken out; the others are parsed."""
        damaged = []
        for name, usual, fits, may_be_missing, parse in self._checks:
            value = values[name]
            if type(value) is usual and parse is None:
                continue
            if value is None:
                is_sound = may_be_missing
            elif not fits(value):
                is_sound = False
            elif parse is None:
                continue
            else:
                try:
                    values[name], is_sound = parse(value), True
                except (*_NONE_OF_A_RECORD, RecursionError):
                    is_sound = False
            if not is_sound:
                del values[name]
                damaged.append(name)
        return damaged

    def _parsed(self, names: Sequence[str], rows: Sequence[Row[Any]]) -> Iterator[dict[str, Any]] | None:
        """The values of rows that can all be read, as nearly all can: column by column, which takes a third as long.

        None where one may be none, and each row is to be judged.
        """
        columns: dict[str, Sequence[Any]] = dict(zip(names, zip(*rows, strict=True), strict=True))
        for name, usual, fits, may_be_missing, parse in self._checks:
            column = columns[name]
            kinds = {*map(type, column)}
            if NoneType in kinds and not may_be_missing:
                return None
            if not (kinds <= {usual, NoneType} or all(value is None or fits(value) for value in column)):
                return None
            if parse:
                try:
                    columns[name] = [None if value is None else parse(value) for value in column]
                except (*_NONE_OF_A_RECORD, RecursionError):
                    return None
        return (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))

    def _made_of(self, values: dict[str, Any]) -> _T | None:
        try:
            return self.make(values)
        except _NONE_OF_A_RECORD:
            return None

    def _unreadable(self, row: Row[Any], name: str) -> UnreadableRow:
        """Its key is found by the columns of the same table."""
        table = self.columns[name].table if name else next(iter(self.columns.values())).table
        keys = [each for each, column in self.columns.items() if column.table is table and column.primary_key]
        stored = row._asdict()
        key = " ".join(str(_stored(stored[each])) for each in keys)
        return UnreadableRow(table.name, key, self.columns[name].name if name else "")


def _fits(column: Column[Any]) -> tuple[type | None, Callable[[Any], bool]]:
    """The type of nearly all values of a column, all of which are sound, and what tells whether another is.

    A database that has no types, or loses them, holds others.
    """
    return next((_FITTING[kind] for kind in _FITTING if isinstance(column.type, kind)), (None, _is_sound))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_sound(value: Any) -> bool:
    return not isinstance(value, Damaged)


_FITTING: Final[dict[type[TypeEngine[Any]], tuple[type | None, Callable[[Any], bool]]]] = {
    String: (str, _is_text),
    Integer: (int, _is_whole),
    Float: (None, _is_number),
    UtcDateTime: (datetime, _is_sound),
}

_Check: TypeAlias = "tuple[str, type | None, Callable[[Any], bool], bool, Callable[[Any], Any] | None]"


def _stored(value: Any) -> Any:
    return value.stored if isinstance(value, Damaged) else value
