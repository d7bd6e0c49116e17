"""Conditions of a query: which rows it finds."""

from __future__ import annotations

import calendar
import operator
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from rotator.simulator.rest.soql import (
    Comparison,
    Condition,
    DateLiteral,
    Junction,
    Negation,
    Query,
    QueryError,
    escaped,
)

if TYPE_CHECKING:
    from rotator.simulator.rest.query import Column, Database
    from rotator.simulator.rest.sobjects import Row, SField, SObject

Matches = Callable[["Row"], bool]
Subquery = Callable[[Query], set[Any]]
"""The values that a query inside a condition finds, folded."""


def condition_of(database: Database, table: SObject, condition: Condition, subquery: Subquery) -> Matches:
    """What tells whether a row is found. Raises QueryError for fields and values that do not go together."""
    if isinstance(condition, Negation):
        inner = condition_of(database, table, condition.part, subquery)
        return lambda row: not inner(row)
    if isinstance(condition, Junction):
        parts = [condition_of(database, table, part, subquery) for part in condition.parts]
        together = all if condition.operator == "AND" else any
        return lambda row: together(part(row) for part in parts)
    return _comparison(database, table, condition, subquery)


def _comparison(database: Database, table: SObject, comparison: Comparison, subquery: Subquery) -> Matches:
    column = database.column(table, comparison.path)
    if not column.field.filterable:
        raise QueryError("INVALID_FIELD", f"field '{column.field.name}' can not be filtered in a query call")
    wanted = comparison.value
    if isinstance(wanted, Query):
        values = subquery(wanted)
        return lambda row: _short(folded(column.value(row))) in values
    if isinstance(wanted, tuple):
        held = {folded(_checked(column.field, value)) for value in wanted}
        return lambda row: folded(_alike(column.field, column.value(row))) in held
    if isinstance(wanted, DateLiteral):
        return _in_range(column, comparison.operator, wanted, database.org.clock())
    value = folded(_checked(column.field, wanted))
    if comparison.operator == "LIKE":
        if not isinstance(value, str):
            raise QueryError("INVALID_FIELD", f"{column.field.name} LIKE needs a text")
        pattern = re.compile(_pattern(value), re.DOTALL)
        return lambda row: (held := column.value(row)) is not None and bool(pattern.fullmatch(str(held).lower()))
    return lambda row: _compared(folded(_alike(column.field, column.value(row))), comparison.operator, value)


def _pattern(text: str) -> str:
    """The regular expression of a pattern; a sign after a backslash is no wildcard."""
    wild = {"%": ".*", "_": "."}
    parts = re.findall(r"\\.|[^\\]", text, re.DOTALL)
    return "".join(re.escape(escaped(part[1:])) if len(part) > 1 else wild.get(part, re.escape(part)) for part in parts)


_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "datetime": (datetime,),
    "boolean": (bool,),
    "int": (int, float),
    "date": (date,),
}


def _checked(asked: SField, value: Any) -> Any:
    """A value of the field's type, ids cut to 15 characters. Raises QueryError for any other."""
    wanted = _KINDS.get(asked.type, (str,))
    is_another = (isinstance(value, bool) and bool not in wanted) or (isinstance(value, datetime) and date in wanted)
    if value is not None and (is_another or not isinstance(value, wanted)):
        quotes = " and should be enclosed in quotes" if wanted == (str,) else ""
        message = f"value of filter criterion for field '{asked.name}' must be of type {asked.type}{quotes}"
        raise QueryError("INVALID_FIELD", message)
    return _alike(asked, value)


def _alike(asked: SField, value: Any) -> Any:
    """Ids are compared by their first 15 characters."""
    return value[:15] if asked.type in {"id", "reference"} and isinstance(value, str) else value


def _short(value: Any) -> Any:
    """Ids of both lengths are the same."""
    return value[:15] if isinstance(value, str) and len(value) == 18 else value


_OPERATORS: Final = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def _compared(held: Any, sign: str, value: Any) -> bool:
    if sign in {"=", "!="}:
        return bool((held == value) == (sign == "="))
    return held is not None and value is not None and bool(_OPERATORS[sign](held, value))


def _in_range(column: Column, sign: str, literal: DateLiteral, now: datetime) -> Matches:
    """A literal is a range of days: before it, in it, or after it."""
    start, end = days(literal, now.date())

    def matches(row: Row) -> bool:
        held = column.value(row)
        if held is None:
            return sign == "!="
        day = held.astimezone(UTC).date() if isinstance(held, datetime) else held
        return {
            "=": start <= day < end,
            "!=": not start <= day < end,
            "<": day < start,
            "<=": day < end,
            ">": day >= end,
            ">=": day >= start,
        }[sign]

    if column.field.type not in {"date", "datetime"}:
        raise QueryError("INVALID_FIELD", f"field '{column.field.name}' is no date")
    return matches


def days(literal: DateLiteral, today: date) -> tuple[date, date]:
    """The first day of a literal, and the first day after it."""
    one = timedelta(days=1)
    month = today.replace(day=1)
    year = month.replace(month=1)
    ranges = {
        "TODAY": (today, today + one),
        "YESTERDAY": (today - one, today),
        "TOMORROW": (today + one, today + 2 * one),
        "LAST_N_DAYS": (today - literal.days * one, today + one),
        "NEXT_N_DAYS": (today + one, today + (literal.days + 1) * one),
        "THIS_MONTH": (month, month + calendar.monthrange(month.year, month.month)[1] * one),
        "LAST_MONTH": ((month - one).replace(day=1), month),
        "THIS_YEAR": (year, year.replace(year=year.year + 1)),
        "LAST_YEAR": (year.replace(year=year.year - 1), year),
    }
    return ranges[literal.name]


def folded(value: Any) -> Any:
    """Texts are compared without regard to capitals."""
    return value.lower() if isinstance(value, str) else value
