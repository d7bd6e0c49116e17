"""Dates in queries: literals such as LAST_N_DAYS:7, and functions such as CALENDAR_YEAR (SOQL and SOSL Reference).

Days are those of UTC, and a week begins on Sunday, as in the United States. Fiscal years are not simulated.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from rotator.simulator.rest.soql.tree import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.simulator.rest.soql.tree import DateLiteral

_UNIT: Final = "(?P<unit>DAY|WEEK|MONTH|QUARTER|YEAR)"
_NAMED: Final = {"YESTERDAY": -1, "TODAY": 0, "TOMORROW": 1}
_PLAIN: Final = re.compile(rf"(?P<which>LAST|THIS|NEXT)_{_UNIT}(?<!DAY)|(?P<ninety>LAST|NEXT)_90_DAYS")
_COUNTED: Final = re.compile(rf"(?P<which>LAST|NEXT)_N_{_UNIT}S|N_(?P<ago>DAY|WEEK|MONTH|QUARTER|YEAR)S_AGO")
_FISCAL: Final = re.compile(r"(?:(?:LAST|NEXT|THIS)_(?:N_)?FISCAL_\w+)|N_FISCAL_\w+_AGO")
_MONTHS: Final = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}


def is_literal(word: str) -> bool:
    """Whether a word is a date literal by itself."""
    return word in _NAMED or bool(_PLAIN.fullmatch(word))


def is_counted(word: str) -> bool:
    """Whether a word is a date literal that a number follows."""
    return bool(_COUNTED.fullmatch(word))


def is_fiscal(word: str) -> bool:
    """Whether a word is a date literal that is not simulated."""
    return bool(_FISCAL.fullmatch(word))


def days(literal: DateLiteral, today: date) -> tuple[date, date]:
    """The first day of a literal, and the first day after it. Raises QueryError when the calendar ends before that."""
    try:
        return _days(literal, today)
    except (OverflowError, ValueError):
        raise QueryError(
            "MALFORMED_QUERY", f"the date literal {literal.name}:{literal.count} is too far away"
        ) from None


def _days(literal: DateLiteral, today: date) -> tuple[date, date]:
    if literal.name in _NAMED:
        return _span("DAY", today, _NAMED[literal.name], 1)
    counted = _COUNTED.fullmatch(literal.name)
    if counted is None:
        plain = _PLAIN.fullmatch(literal.name)
        if plain is None:
            raise ValueError(literal.name)
        if plain["ninety"]:
            return _counted_days(plain["ninety"], 90, today)
        return _span(plain["unit"], today, {"LAST": -1, "THIS": 0, "NEXT": 1}[plain["which"]], 1)
    if counted["ago"]:
        return _span(counted["ago"], today, -literal.count, 1)
    if counted["unit"] == "DAY":
        return _counted_days(counted["which"], literal.count, today)
    first = 1 if counted["which"] == "NEXT" else -literal.count
    return _span(counted["unit"], today, first, literal.count)


def _counted_days(which: str, count: int, today: date) -> tuple[date, date]:
    """Days before now end with today, and days to come begin with tomorrow."""
    if which == "NEXT":
        return _span("DAY", today, 1, count)
    return _span("DAY", today, -count, count + 1)


def _span(unit: str, today: date, first: int, count: int) -> tuple[date, date]:
    """So many units, from the one that is `first` after the one of today."""
    begin = _begin(unit, today)
    return _shifted(unit, begin, first), _shifted(unit, begin, first + count)


def _begin(unit: str, day: date) -> date:
    if unit == "DAY":
        return day
    if unit == "WEEK":
        return day - timedelta(days=day.isoweekday() % 7)
    months = _MONTHS[unit]
    return day.replace(day=1, month=(day.month - 1) // months * months + 1)


def _shifted(unit: str, begin: date, count: int) -> date:
    if unit in {"DAY", "WEEK"}:
        return begin + timedelta(days=count * (7 if unit == "WEEK" else 1))
    months = begin.year * 12 + begin.month - 1 + count * _MONTHS[unit]
    return begin.replace(year=months // 12, month=months % 12 + 1)


FUNCTIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "CALENDAR_MONTH": lambda day: day.month,
    "CALENDAR_QUARTER": lambda day: (day.month + 2) // 3,
    "CALENDAR_YEAR": lambda day: day.year,
    "DAY_IN_MONTH": lambda day: day.day,
    "DAY_IN_WEEK": lambda day: day.isoweekday() % 7 + 1,
    "DAY_IN_YEAR": lambda day: day.timetuple().tm_yday,
    "DAY_ONLY": lambda day: day.date() if isinstance(day, datetime) else day,
    "HOUR_IN_DAY": lambda day: day.hour,
    "WEEK_IN_MONTH": lambda day: (day.day - 1) // 7 + 1,
    "WEEK_IN_YEAR": lambda day: (day.timetuple().tm_yday - 1) // 7 + 1,
}
"""Parts of a date or a time, by the function that gives them."""
OF_TIMES_ALONE: Final = frozenset({"DAY_ONLY", "HOUR_IN_DAY"})
"""The functions that a date without a time does not go with."""


def in_utc(value: Any) -> Any:
    """A time as it is in UTC; a date as it is."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value
