"""A query as a tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from rotator.simulator.wire.unsupported import CODE, sentence

Value = str | int | float | bool | datetime | date | None
Path = tuple[str, ...]
"""A field, after the names of the relationships that lead to its object."""

AGGREGATES: Final = frozenset({"COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "AVG"})


class QueryError(Exception):
    """A query that the org refuses."""

    def __init__(self, code: str, message: str, at: int | None = None) -> None:
        """`at` is where in the query it is, in characters from its beginning."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.at = at


def unsupported(what: str) -> QueryError:
    """The refusal of a part of SOQL that is not simulated."""
    return QueryError(CODE, sentence(what))


@dataclass(frozen=True)
class DateLiteral:
    """A range of days relative to now, such as LAST_N_DAYS:7."""

    name: str
    count: int = 0


@dataclass(frozen=True)
class Aggregate:
    """One function over rows; without a path it is COUNT() of all."""

    function: str
    path: Path = ()


@dataclass(frozen=True)
class DateFunction:
    """A part of a date or time, such as CALENDAR_YEAR(CreatedDate)."""

    function: str
    path: Path


Operand = Path | Aggregate | DateFunction
"""What is compared, grouped by, ordered by or shown."""


@dataclass(frozen=True)
class Item:
    """What a query wants of each row or group."""

    operand: Operand
    alias: str = ""
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class ChildQuery:
    """A query over the rows that lead to each row; its object is the name of the relationship."""

    query: Query


@dataclass(frozen=True)
class Comparison:
    """One condition; `operator` is one of = != < <= > >= LIKE IN."""

    operand: Operand
    operator: str
    value: Value | DateLiteral | tuple[Value, ...] | Query
    at: int = 0


@dataclass(frozen=True)
class Junction:
    """Conditions joined by AND or by OR."""

    operator: str
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Negation:
    """What must not hold."""

    part: Condition


Condition = Comparison | Junction | Negation


@dataclass(frozen=True)
class Order:
    """One key of the order. Rows without a value come first unless the query says otherwise."""

    by: Operand
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True)
class Query:
    """A whole query."""

    items: tuple[Item | ChildQuery, ...]
    object: str
    alias: str = ""
    """What the query calls its object."""
    where: Condition | None = None
    group_by: tuple[Operand, ...] = ()
    having: Condition | None = None
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
    at: int = 0
    """Where its object is named."""

    @property
    def columns(self) -> tuple[Item, ...]:
        """What it wants but for child queries."""
        return tuple(item for item in self.items if isinstance(item, Item))

    @property
    def children(self) -> tuple[Query, ...]:
        return tuple(item.query for item in self.items if isinstance(item, ChildQuery))

    @property
    def is_grouped(self) -> bool:
        """Whether it shows groups of rows, of which all rows may be one."""
        return bool(self.group_by) or any(isinstance(item.operand, Aggregate) for item in self.columns)
