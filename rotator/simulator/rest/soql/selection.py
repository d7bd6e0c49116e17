"""Queries answered: rows chosen, grouped, ordered, and shown as the REST API shows them."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from rotator.simulator.rest.soql.conditions import Conditions, short_id
from rotator.simulator.rest.soql.operands import OfGroups, OfRows, folded
from rotator.simulator.rest.soql.place import placed
from rotator.simulator.rest.soql.tree import Aggregate, Item, Query, QueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotator.simulator.rest.sobjects import Child, Row, SObject
    from rotator.simulator.rest.soql.conditions import Subquery
    from rotator.simulator.rest.soql.database import Column, Database
    from rotator.simulator.rest.soql.operands import MeasureOf

_FURTHEST: Final = 2000
"""SOQL and SOSL Reference, OFFSET."""


def select(database: Database, query: Query) -> tuple[list[dict[str, Any]], int | None]:
    """The records of a query; or none and their number, for a bare COUNT(). Raises QueryError."""
    with placed(query.at):
        table = database.object(query.object)
    # Of what gives so many rows in all an offset is the way to the next ones (Object Reference, OauthToken).
    if query.offset > _FURTHEST and table.most_rows is None:
        raise QueryError("NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {_FURTHEST}")
    rows = _found(database, table, query, database.rows(table))
    if query.items == (Item(Aggregate("COUNT")),) and not query.group_by:
        return [], len(rows)
    return _records(database, table, query, rows), None


def _found(database: Database, table: SObject, query: Query, rows: Sequence[Row]) -> list[Row]:
    matches = _conditions(database, OfRows(database, table, query.alias)).matches(query.where)
    return [row for row in rows if matches(row)]


def _conditions(database: Database, measure_of: MeasureOf) -> Conditions:
    return Conditions(measure_of, _values_of(database), database.org.clock())


def _records(database: Database, table: SObject, query: Query, rows: list[Row]) -> list[dict[str, Any]]:
    if query.is_grouped:
        records = _grouped(database, OfGroups(OfRows(database, table, query.alias), query), rows)
    else:
        records = _shown(database, table, query, rows)
    start = query.offset
    end = None if query.limit is None else start + query.limit
    return records[start:end][: table.most_rows]


def _values_of(database: Database) -> Subquery:
    """A query inside a condition finds the values of its one field."""

    def values(query: Query) -> set[Any]:
        if len(query.items) != 1 or len(query.columns) != 1 or query.is_grouped:
            raise QueryError("MALFORMED_QUERY", "a query inside a condition selects one field")
        table = database.object(query.object)
        value = OfRows(database, table, query.alias)(query.columns[0].operand).value
        return {short_id(folded(value(row))) for row in _found(database, table, query, database.rows(table))}

    return values


def _shown(database: Database, table: SObject, query: Query, rows: list[Row]) -> list[dict[str, Any]]:
    columns = [_column(database, table, query, item) for item in query.columns]
    names = Counter(column.names for column in columns)
    if twice := next((".".join(name) for name, number in names.items() if number > 1), None):
        raise QueryError("INVALID_FIELD", f"duplicate field selected: {twice}")
    children = [(database.child(table, child.object), child) for child in query.children]
    measure_of = OfRows(database, table, query.alias)
    for order in reversed(query.order_by):
        _sort(rows, measure_of(order.by).value, order.descending, order.nulls_last)
    records = [record(database, table, row, columns) for row in rows]
    for child, inner in children:
        within = _children(database, child, inner)
        for row, shown in zip(rows, records, strict=True):
            shown[child.name] = within(row)
    return records


def _column(database: Database, table: SObject, query: Query, item: Item) -> Column:
    if not isinstance(item.operand, tuple):
        raise QueryError("MALFORMED_QUERY", f"Field must be grouped or aggregated: {'.'.join(item.operand.path)}")
    with placed(item.at):
        return database.column(table, item.operand, query.alias)


def _children(database: Database, child: Child, query: Query) -> Callable[[Row], dict[str, Any] | None]:
    """Gives the records that lead to a row; None where there is none, as the REST API shows it."""
    table = database.object(child.object)
    if query.is_grouped or query.children:
        raise QueryError("MALFORMED_QUERY", "a query inside the SELECT of a query selects fields")
    found = _found(database, table, query, database.rows(table))
    # Once with no row at all, so that what cannot be asked for is refused where there is nothing to show, too.
    _shown(database, table, query, [])

    def within(row: Row) -> dict[str, Any] | None:
        records = _records(database, table, query, [each for each in found if each[child.field] == row["Id"]])
        return {"totalSize": len(records), "done": True, "records": records} if records else None

    return within


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


def _grouped(database: Database, groups_of: OfGroups, rows: list[Row]) -> list[dict[str, Any]]:
    query, keys = groups_of.query, groups_of.keys()
    if query.children:
        raise QueryError("MALFORMED_QUERY", "a query inside the SELECT of a query does not go with groups")

    def group(row: Row) -> tuple[Any, ...]:
        return tuple(folded(key.value(row)) for key in keys)

    def sort_key(row: Row) -> tuple[Any, ...]:
        return tuple((value is not None, value if value is not None else 0) for value in group(row))

    values = [(_label(item, index, query), groups_of(item.operand).value) for index, item in enumerate(query.columns)]
    matches = _conditions(database, groups_of).matches(query.having)
    groups = [list(each) for _, each in groupby(sorted(rows, key=sort_key), key=group)]
    if not keys and not groups:
        groups = [[]]
    groups = [each for each in groups if matches(each)]
    for order in reversed(query.order_by):
        _sort(groups, groups_of(order.by).value, order.descending, order.nulls_last)
    return [
        {"attributes": {"type": "AggregateResult"}, **{name: _written(value(each)) for name, value in values}}
        for each in groups
    ]


def _label(item: Item, index: int, query: Query) -> str:
    """A function without a name is called by its number among those."""
    if item.alias:
        return item.alias
    if isinstance(item.operand, tuple):
        return item.operand[-1]
    before = [each for each in query.columns[:index] if not isinstance(each.operand, tuple) and not each.alias]
    return f"expr{len(before)}"


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
