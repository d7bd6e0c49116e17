"""Conditions of a query: which rows, or which groups of rows, it finds."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from rotator.simulator.rest.soql.dates import days, in_utc
from rotator.simulator.rest.soql.operands import Measure, MeasureOf, folded
from rotator.simulator.rest.soql.place import placed
from rotator.simulator.rest.soql.scanner import escaped
from rotator.simulator.rest.soql.tree import (
    Comparison,
    Condition,
    DateLiteral,
    Junction,
    Negation,
    Query,
    QueryError,
)

if TYPE_CHECKING:
    from rotator.simulator.rest.sobjects import SField

Matches = Callable[[Any], bool]
Subquery = Callable[[Query], set[Any]]
"""The values that a query inside a condition finds, folded."""


@dataclass(frozen=True)
class Conditions:
    """Makes of a condition what tells whether a row or a group is found.

    Raises QueryError for fields and values that do not go together.
    """

    measure_of: MeasureOf
    subquery: Subquery
    now: datetime

    def matches(self, condition: Condition | None) -> Matches:
        """Without a condition all are found."""
        match condition:
            case None:
                return lambda _row: True
            case Negation():
                inner = self.matches(condition.part)
                return lambda row: not inner(row)
            case Junction():
                parts = [self.matches(part) for part in condition.parts]
                together = all if condition.operator == "AND" else any
                return lambda row: together(part(row) for part in parts)
        return self._comparison(condition)

    def _comparison(self, comparison: Comparison) -> Matches:
        with placed(comparison.at):
            return self._compares(comparison)

    def _compares(self, comparison: Comparison) -> Matches:
        measure = self.measure_of(comparison.operand)
        field, held = measure.field, measure.value
        if not field.filterable:
            raise QueryError("INVALID_FIELD", f"field '{field.name}' can not be filtered in a query call")
        wanted = comparison.value
        if field.type in _IDS and comparison.operator not in {"=", "!=", "IN"}:
            raise QueryError("INVALID_QUERY_FILTER_OPERATOR", "invalid operator on id field")
        if isinstance(wanted, Query):
            values = self.subquery(wanted)
            return lambda row: short_id(folded(held(row))) in values
        if isinstance(wanted, tuple):
            among = {folded(_checked(field, value)) for value in wanted}
            return lambda row: folded(_alike(field, held(row))) in among
        if isinstance(wanted, DateLiteral):
            return _in_range(measure, comparison.operator, wanted, self.now)
        value = folded(_checked(field, wanted))
        if comparison.operator == "LIKE":
            if not isinstance(value, str):
                raise QueryError("INVALID_FIELD", f"{field.name} LIKE needs a text")
            pattern = re.compile(_pattern(value), re.DOTALL)
            return lambda row: (text := held(row)) is not None and bool(pattern.fullmatch(str(text).lower()))
        return lambda row: _compared(folded(_alike(field, held(row))), comparison.operator, value)


def _pattern(text: str) -> str:
    """The regular expression of a pattern; a sign after a backslash is no wildcard.

    What stands between two `%` is looked for once, from the left: to try every place would never end.
    """
    pieces = [""]
    for part in re.findall(r"\\.|[^\\]", text, re.DOTALL):
        if part == "%":
            pieces.append("")
        elif part == "_":
            pieces[-1] += "."
        else:
            pieces[-1] += re.escape(escaped(part[1:]) if len(part) > 1 else part)
    first, *others = pieces
    between = "".join(f"(?>.*?{piece})" for piece in others[:-1])
    return first + between + (f".*{others[-1]}" if others else "")


_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "datetime": (datetime,),
    "boolean": (bool,),
    "int": (int, float),
    "date": (date,),
}


_IDS: Final = frozenset({"id", "reference"})
_ID: Final = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")


def _checked(asked: SField, value: Any) -> Any:
    """A value of the field's type, ids cut to 15 characters. Raises QueryError for any other."""
    wanted = _KINDS.get(asked.type, (str,))
    is_another = (isinstance(value, bool) and bool not in wanted) or (isinstance(value, datetime) and date in wanted)
    if value is not None and (is_another or not isinstance(value, wanted)):
        quotes = " and should be enclosed in quotes" if wanted == (str,) else ""
        message = f"value of filter criterion for field '{asked.name}' must be of type {asked.type}{quotes}"
        raise QueryError("INVALID_FIELD", message)
    if asked.type in _IDS and isinstance(value, str) and not _ID.fullmatch(value):
        raise QueryError("INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {value}")
    return _alike(asked, value)


def _alike(asked: SField, value: Any) -> Any:
    """Ids are compared by their first 15 characters."""
    return value[:15] if asked.type in _IDS and isinstance(value, str) else value


def short_id(value: Any) -> Any:
    """Ids of both lengths are the same."""
    return value[:15] if isinstance(value, str) and len(value) == 18 else value


_OPERATORS: Final = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def _compared(held: Any, sign: str, value: Any) -> bool:
    if sign in {"=", "!="}:
        return bool((held == value) == (sign == "="))
    return held is not None and value is not None and bool(_OPERATORS[sign](held, value))


def _in_range(measure: Measure, sign: str, literal: DateLiteral, now: datetime) -> Matches:
    """A literal is a range of days: before it, in it, or after it."""
    start, end = days(literal, now.date())

    def matches(row: Any) -> bool:
        held = in_utc(measure.value(row))
        if held is None:
            return sign == "!="
        day = held.date() if isinstance(held, datetime) else held
        return {
            "=": start <= day < end,
            "!=": not start <= day < end,
            "<": day < start,
            "<=": day < end,
            ">": day >= end,
            ">=": day >= start,
        }[sign]

    if measure.field.type not in {"date", "datetime"}:
        raise QueryError("INVALID_FIELD", f"field '{measure.field.name}' is no date")
    return matches
