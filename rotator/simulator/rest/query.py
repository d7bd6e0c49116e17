"""Queries answered: rows chosen, grouped, ordered, and shown as the REST API shows them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from rotator.simulator.rest.conditions import condition_of, folded
from rotator.simulator.rest.sobjects import ABSENT, Row, SField, SObject, SObjects
from rotator.simulator.rest.soql import (
    Aggregate,
    FieldItem,
    Path,
    Query,
    QueryError,
    unsupported,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotator.simulator.org.org import Org
    from rotator.simulator.org.users import User
    from rotator.simulator.rest.conditions import Subquery

_HINT: Final = (
    " If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
_CUSTOM: Final = re.compile(r".*__\w+", re.IGNORECASE)


@dataclass
class Database:
    """The objects of an org as one user sees them; rows are made once for a query."""

    org: Org
    user: User | None
    objects: SObjects
    _rows: dict[str, list[Row]] = field(default_factory=dict)

    def object(self, name: str) -> SObject:
        """An object by its name. Raises QueryError when the user has none of it, or it is not simulated."""
        found = next((each for each in self.objects.values() if each.name.lower() == name.lower()), None)
        is_hidden = found is not None and found.name in self.org.settings.hidden_types
        if (
            found is None
            and not _CUSTOM.fullmatch(name)
            and name not in ABSENT
            and name not in _elsewhere(self.objects)
        ):
            raise unsupported(f"The object {name}")
        if found is None or is_hidden:
            raise QueryError("INVALID_TYPE", f"sObject type '{name}' is not supported.")
        return found

    def rows(self, table: SObject) -> list[Row]:
        """All rows of an object."""
        if table.name not in self._rows:
            usual = {each.name: False if each.type == "boolean" else None for each in table.fields}
            self._rows[table.name] = [{**usual, **row} for row in table.rows(self.org, self.user)]
        return self._rows[table.name]

    def column(self, table: SObject, path: Path) -> Column:
        """A field by its path. Raises QueryError when there is none."""
        *relationships, name = path
        steps: list[tuple[SField, SObject]] = []
        at = table
        if relationships and relationships[0].lower() == table.name.lower():
            relationships = relationships[1:]
        for relationship in relationships:
            followed = at.relationship(relationship)
            if followed is None:
                raise _no_column(at, relationship, f"Didn't understand relationship '{relationship}' in field path.")
            at = self.object(followed.references)
            steps.append((followed, at))
        found = at.field(name)
        if found is None:
            raise _no_column(at, name, f"No such column '{name}' on entity '{at.name}'.{_HINT}")
        return Column(self, tuple(steps), at, found)

    def by_id(self, table: SObject, record_id: Any) -> Row | None:
        """The row with this id, of 15 or 18 characters."""
        return next((row for row in self.rows(table) if str(row["Id"])[:15] == str(record_id)[:15]), None)


def _elsewhere(objects: SObjects) -> set[str]:
    """Objects of the Tooling API are none of the REST API."""
    return {"Certificate"} - set(objects)


def _no_column(table: SObject, name: str, message: str) -> QueryError:
    """Of an object that is simulated in part, an unknown name may be a field that the real one has."""
    if table.complete or _CUSTOM.fullmatch(name):
        return QueryError("INVALID_FIELD", message)
    return unsupported(f"The field {name} of {table.name}")


@dataclass(frozen=True)
class Column:
    """One field, reached from the rows of a query over references."""

    database: Database
    steps: tuple[tuple[SField, SObject], ...]
    table: SObject
    field: SField

    @property
    def names(self) -> tuple[str, ...]:
        """The path in the letters that the objects use."""
        return (*(step.relationship for step, _ in self.steps), self.field.name)

    def owner(self, row: Row) -> Row | None:
        """The row that the references lead to."""
        at: Row | None = row
        for step, table in self.steps:
            at = self.database.by_id(table, at[step.name]) if at and at[step.name] else None
        return at

    def value(self, row: Row) -> Any:
        """The field's value."""
        owner = self.owner(row)
        return owner[self.field.name] if owner else None


def select(database: Database, query: Query) -> tuple[list[dict[str, Any]], int | None]:
    """The records of a query; or none and their number, for a bare COUNT(). Raises QueryError."""
    table = database.object(query.object)
    matches = condition_of(database, table, query.where, _values_of(database)) if query.where else _always
    rows = [row for row in database.rows(table) if matches(row)]
    if query.items == (Aggregate("COUNT"),) and not query.group_by:
        return [], len(rows)
    if query.group_by or any(isinstance(item, Aggregate) for item in query.items):
        records = _grouped(database, table, query, rows)
    else:
        records = _shown(database, table, query, rows)
    start = query.offset
    end = None if query.limit is None else start + query.limit
    return records[start:end][: table.most_rows], None


def _values_of(database: Database) -> Subquery:
    """A query inside a condition finds the values of its one field."""

    def values(query: Query) -> set[Any]:
        if len(query.items) != 1 or not isinstance(query.items[0], FieldItem):
            raise QueryError("MALFORMED_QUERY", "a query inside a condition selects one field")
        table = database.object(query.object)
        column = database.column(table, query.items[0].path)
        matches = condition_of(database, table, query.where, values) if query.where else _always
        found = (folded(column.value(row)) for row in database.rows(table) if matches(row))
        return {value[:15] if isinstance(value, str) and len(value) == 18 else value for value in found}

    return values


def _always(_row: Row) -> bool:
    return True


def _shown(database: Database, table: SObject, query: Query, rows: list[Row]) -> list[dict[str, Any]]:
    columns = [database.column(table, item.path) for item in query.items if isinstance(item, FieldItem)]
    for order in reversed(query.order_by):
        if isinstance(order.by, Aggregate):
            raise QueryError("MALFORMED_QUERY", "unexpected token: '('")
        _sort(rows, database.column(table, order.by).value, order.descending, order.nulls_last)
    return [record(database, table, row, columns) for row in rows]


def record(database: Database, table: SObject, row: Row, columns: Sequence[Column]) -> dict[str, Any]:
    """A row as the REST API shows it; what is reached over a reference is inside a record of its own."""
    shown: dict[str, Any] = {"attributes": _attributes(table, row)}
    for column in columns:
        at, inner = shown, row
        for step, target in column.steps:
            found = database.by_id(target, inner[step.name]) if inner[step.name] else None
            if found is None:
                at[step.relationship] = None
                break
            at = at.setdefault(step.relationship, {"attributes": _attributes(target, found)})
            inner = found
        else:
            at[column.field.name] = _written(inner[column.field.name])
    return shown


def _attributes(table: SObject, row: Row) -> dict[str, Any]:
    return {"type": table.name, "id": row["Id"]}


def _grouped(database: Database, table: SObject, query: Query, rows: list[Row]) -> list[dict[str, Any]]:
    keys = [database.column(table, path) for path in query.group_by]
    for item in query.items:
        if isinstance(item, FieldItem) and database.column(table, item.path).names not in {key.names for key in keys}:
            raise QueryError("MALFORMED_QUERY", f"Field must be grouped or aggregated: {'.'.join(item.path)}")

    def group(row: Row) -> tuple[Any, ...]:
        return tuple(folded(key.value(row)) for key in keys)

    def sort_key(row: Row) -> tuple[Any, ...]:
        return tuple((value is not None, value if value is not None else 0) for value in group(row))

    groups = [list(each) for _, each in groupby(sorted(rows, key=sort_key), key=group)]
    if not keys and not groups:
        groups = [[]]
    for order in reversed(query.order_by):
        value = _group_value(database, table, order.by)
        _sort(groups, value, order.descending, order.nulls_last)
    values = [
        (_label(item, index, query), _group_value(database, table, item)) for index, item in enumerate(query.items)
    ]
    return [
        {"attributes": {"type": "AggregateResult"}, **{name: _written(value(each)) for name, value in values}}
        for each in groups
    ]


def _label(item: FieldItem | Aggregate, index: int, query: Query) -> str:
    """An aggregate without a name is called by its number among those."""
    if item.alias:
        return item.alias
    if isinstance(item, FieldItem):
        return item.path[-1]
    before = [each for each in query.items[:index] if isinstance(each, Aggregate) and not each.alias]
    return f"expr{len(before)}"


def _group_value(database: Database, table: SObject, item: FieldItem | Aggregate | Path) -> Callable[[list[Row]], Any]:
    if isinstance(item, Aggregate):
        if not item.path:
            return len
        column = database.column(table, item.path)
        return lambda rows: _aggregated(item.function, [v for row in rows if (v := column.value(row)) is not None])
    column = database.column(table, item.path if isinstance(item, FieldItem) else item)
    return lambda rows: column.value(rows[0])


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


def _sort(rows: list[Any], value: Callable[[Any], Any], descending: bool, nulls_last: bool) -> None:
    """Rows without a value come first, in either direction (SOQL and SOSL Reference, ORDER BY)."""
    empty = [row for row in rows if value(row) is None]
    others = [row for row in rows if value(row) is not None]
    others.sort(key=lambda row: folded(value(row)), reverse=descending)
    rows[:] = [*others, *empty] if nulls_last else [*empty, *others]


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return rest_time(value)
    return value.isoformat() if isinstance(value, date) else value


def rest_time(time: datetime) -> str:
    """A time as the REST API writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}+0000"
