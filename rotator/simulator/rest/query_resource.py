"""query, queryAll and the pages that follow (REST API Developer Guide, Query)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.simulator.org.org import Rest
from rotator.simulator.rest.soql.grammar import parse
from rotator.simulator.rest.soql.operands import OfGroups, OfRows
from rotator.simulator.rest.soql.place import shown
from rotator.simulator.rest.soql.selection import select
from rotator.simulator.rest.soql.tree import ChildQuery, Query, QueryError
from rotator.simulator.wire.answers import Answer, json_answer, rest_error
from rotator.simulator.wire.unsupported import CODE, unsupported_resource

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org
    from rotator.simulator.rest.sobjects import SObject
    from rotator.simulator.rest.soql.database import Column, Database
    from rotator.simulator.wire.request import Request


def answer_query(database: Database, request: Request) -> Answer:
    """GET query?q=...; with `columns=true` what the columns are, in the place of the records."""
    if "explain" in request.query:
        return unsupported_resource("The plan of a query (explain)")
    text = request.query.get("q", "")
    try:
        query = parse(text)
        records, count = select(database, query)
        if request.query.get("columns") == "true":
            return json_answer(200, columns(database, query))
    except QueryError as error:
        return refused(error, text)
    path = request.path.rstrip("/")
    base = path.rpartition("/")[0]
    for record in records:
        _address(record, base)
    if count is not None:
        return json_answer(200, {"totalSize": count, "done": True, "records": []})
    batch = database.object(query.object).batch or database.org.settings.query_batch
    return _page(database.org, Rest(records, min(batch, database.org.settings.query_batch)), 0, path)


def refused(error: QueryError, query: str = "") -> Answer:
    """The answer to a query or a resource that the org refuses."""
    return rest_error(501 if error.code == CODE else 400, error.code, shown(query, error))


def more(org: Org, request: Request) -> Answer:
    """GET of a nextRecordsUrl."""
    base, _, locator = request.path.rstrip("/").rpartition("/")
    cursor, _, start = locator.partition("-")
    if cursor not in org.cursors or not start.isdecimal():
        return rest_error(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    return _page(org, org.cursors[cursor], int(start), base, cursor)


def _page(org: Org, rest: Rest, start: int, path: str, cursor: str = "") -> Answer:
    end = start + rest.batch
    page: dict[str, Any] = {
        "totalSize": len(rest.records),
        "done": end >= len(rest.records),
        "records": rest.records[start:end],
    }
    if end < len(rest.records):
        cursor = cursor or org.keep_cursor(rest)
        page["nextRecordsUrl"] = f"{path}/{cursor}-{end}"
    return json_answer(200, page)


def _address(record: dict[str, Any], base: str) -> None:
    """Gives a record, and those inside it, the address at which it can be retrieved; one without an id has none."""
    attributes = record["attributes"]
    if record_id := attributes.pop("id", None):
        attributes["url"] = f"{base}/sobjects/{attributes['type']}/{record_id}"
    for name, value in record.items():
        if name != "attributes" and isinstance(value, dict):
            for inner in value.get("records", [value]):
                _address(inner, base)


def columns(database: Database, query: Query) -> dict[str, Any]:
    """What `columns=true` tells; the command line needs it for its tables."""
    table = database.object(query.object)
    return {
        "columnMetadata": _columns_of(database, table, query),
        "entityName": table.name,
        "groupBy": bool(query.group_by),
        "idSelected": any(
            isinstance(item.operand, tuple) and item.operand[-1].lower() == "id" for item in query.columns
        ),
        "keyPrefix": table.prefix,
    }


def _columns_of(database: Database, table: SObject, query: Query) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    unnamed = 0
    groups_of = OfGroups(OfRows(database, table, query.alias), query)
    for item in query.items:
        if isinstance(item, ChildQuery):
            child = database.child(table, item.query.object)
            inner = _columns_of(database, database.object(child.object), item.query)
            told.append({**_column(child.name, "reference", aggregate=True), "joinColumns": inner})
        elif isinstance(item.operand, tuple):
            _tell(told, database.column(table, item.operand, query.alias), 0)
        else:
            name = item.alias or f"expr{unnamed}"
            unnamed += not item.alias
            told.append(_column(name, groups_of(item.operand).field.type, aggregate=True))
    return told


def _tell(told: list[dict[str, Any]], column: Column, depth: int) -> None:
    """What is reached over a reference is a column inside the column of the reference."""
    names = column.names
    if depth == len(names) - 1:
        told.append(_column(names[depth], column.field.type))
        return
    outer = next((each for each in told if each["columnName"] == names[depth]), None)
    if outer is None:
        outer = _column(names[depth], "reference")
        told.append(outer)
    _tell(outer["joinColumns"], column, depth + 1)


_APEX_TYPES = {"id": "Id", "boolean": "Boolean", "int": "Integer", "datetime": "Datetime", "date": "Date"}


def _column(name: str, kind: str, *, aggregate: bool = False) -> dict[str, Any]:
    return {
        "aggregate": aggregate,
        "apexType": _APEX_TYPES.get(kind, "String"),
        "booleanType": kind == "boolean",
        "columnName": name,
        "custom": False,
        "displayName": name,
        "foreignKeyName": name if kind == "reference" else None,
        "insertable": False,
        "joinColumns": [],
        "numberType": kind == "int",
        "textType": kind in {"string", "email", "picklist"},
        "updatable": False,
    }
