"""What an operand of a query is, of each row or of each group of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rotator.simulator.rest.sobjects import SField
from rotator.simulator.rest.soql.dates import FUNCTIONS, OF_TIMES_ALONE, in_utc
from rotator.simulator.rest.soql.tree import Aggregate, DateFunction, Operand, QueryError

if TYPE_CHECKING:
    from rotator.simulator.rest.sobjects import FieldType, SObject
    from rotator.simulator.rest.soql.database import Database
    from rotator.simulator.rest.soql.tree import Query

_SUMMED: Final = frozenset({"SUM", "AVG"})


@dataclass(frozen=True)
class Measure:
    """An operand, as a field that a row or a group has."""

    field: SField
    value: Callable[[Any], Any]


MeasureOf = Callable[[Operand], Measure]


@dataclass(frozen=True)
class OfRows:
    """The operands of a query's rows. Raises QueryError for one that they do not have."""

    database: Database
    table: SObject
    alias: str = ""

    def __call__(self, operand: Operand) -> Measure:
        if isinstance(operand, Aggregate):
            raise QueryError("MALFORMED_QUERY", f"aggregate functions are not allowed here: {operand.function}")
        if isinstance(operand, DateFunction):
            return self._of_date(operand)
        column = self.database.column(self.table, operand, self.alias)
        return Measure(column.field, column.value)

    def _of_date(self, operand: DateFunction) -> Measure:
        column = self.database.column(self.table, operand.path, self.alias)
        wanted = {"datetime"} if operand.function in OF_TIMES_ALONE else {"date", "datetime"}
        if column.field.type not in wanted:
            raise QueryError("INVALID_FIELD", f"{operand.function} needs a date: {column.field.name}")
        part = FUNCTIONS[operand.function]

        def value(row: Any) -> Any:
            held = column.value(row)
            return None if held is None else part(in_utc(held))

        kind: FieldType = "date" if operand.function == "DAY_ONLY" else "int"
        return Measure(SField(operand.function, kind, filterable=column.field.filterable), value)


@dataclass(frozen=True)
class OfGroups:
    """The operands of a query's groups: what they are grouped by, and functions over their rows."""

    rows: OfRows
    query: Query

    def __call__(self, operand: Operand) -> Measure:
        if not isinstance(operand, Aggregate):
            return self._key(operand)
        if not operand.path:
            return Measure(SField(operand.function, "int"), len)
        measure = self.rows(operand.path)
        if not _is_aggregated(measure.field, operand.function):
            raise QueryError(
                "MALFORMED_QUERY", f"field {measure.field.name} does not support aggregate operator {operand.function}"
            )
        kind = measure.field.type if operand.function in {"MIN", "MAX"} else "int"

        def value(group: Any) -> Any:
            held = (measure.value(row) for row in group)
            return _aggregated(operand.function, [each for each in held if each is not None])

        return Measure(SField(operand.function, kind), value)

    def keys(self) -> list[Measure]:
        """What rows are grouped by."""
        keys = [self.rows(operand) for operand in self.query.group_by]
        for key in keys:
            if key.field.type == "datetime":
                raise QueryError("MALFORMED_QUERY", f"field '{key.field.name}' can not be grouped in a query call")
        return keys

    def _key(self, operand: Operand) -> Measure:
        if self._name(operand) not in {self._name(each) for each in self.query.group_by}:
            raise QueryError("MALFORMED_QUERY", f"Field must be grouped or aggregated: {_written(operand)}")
        measure = self.rows(operand)
        return Measure(measure.field, lambda group: measure.value(group[0]))

    def _name(self, operand: Operand) -> tuple[str, ...]:
        """An operand in the letters that the objects use: one may be written in several ways."""
        path = operand.path if isinstance(operand, DateFunction | Aggregate) else operand
        names = self.rows.database.column(self.rows.table, path, self.rows.alias).names
        return (operand.function, *names) if isinstance(operand, DateFunction) else names


def folded(value: Any) -> Any:
    """Texts are compared without regard to capitals."""
    return value.lower() if isinstance(value, str) else value


def _written(operand: Operand) -> str:
    if isinstance(operand, DateFunction | Aggregate):
        return f"{operand.function}({'.'.join(operand.path)})"
    return ".".join(operand)


def _is_aggregated(field: SField, function: str) -> bool:
    if function in _SUMMED:
        return field.type == "int"
    return field.type != "boolean" or function not in {"MIN", "MAX"}


def _aggregated(function: str, values: list[Any]) -> Any:
    match function:
        case "COUNT":
            return len(values)
        case "COUNT_DISTINCT":
            return len({folded(value) for value in values})
        case "MIN":
            return min(values, key=folded, default=None)
        case "MAX":
            return max(values, key=folded, default=None)
        case "SUM":
            return sum(values) if values else None
    return sum(values) / len(values) if values else None
