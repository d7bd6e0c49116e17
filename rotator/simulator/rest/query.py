"""The little of SOQL that monitoring scripts ask: plain fields of one object, conditions of equality, order, limit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rotator.simulator.wire.answers import Answer, json_answer, rest_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rotator.simulator.org.org import Org

Row = Mapping[str, Any]

_QUERY: Final = re.compile(
    r"\s*SELECT\s+(?P<fields>[\w\s,.]+?)\s+FROM\s+(?P<object>\w+)"
    r"(?:\s+WHERE\s+(?P<where>.+?))?(?:\s+ORDER\s+BY\s+(?P<order>\w+)(?:\s+(?P<direction>ASC|DESC))?)?"
    r"(?:\s+LIMIT\s+(?P<limit>\d+))?\s*",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION: Final = re.compile(r"\s*(\w+)\s*=\s*(?:'([^']*)'|(true|false))\s*", re.IGNORECASE)
_AND: Final = re.compile(r"\s+AND\s+", re.IGNORECASE)


class QueryError(Exception):
    """A query that the org refuses with HTTP 400."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Table:
    """One object: its fields, those that a WHERE may not name, and its rows."""

    rows: Callable[[Org], Iterable[Row]]
    fields: tuple[str, ...]
    not_filterable: tuple[str, ...] = ()


Tables = Mapping[str, Table]
"""Objects by name."""


def query(org: Org, text: str, tables: Tables, path: str) -> Answer:
    """GET /services/data/vXX.X/query?q=..., or tooling/query; `path` is what was asked for."""
    try:
        records = list(_records(org, text, tables))
    except QueryError as error:
        return rest_error(400, error.code, error.message)
    return _page(org, records, 0, path)


def more(org: Org, path: str) -> Answer:
    """GET of a nextRecordsUrl (REST API Developer Guide, Query)."""
    base, _, locator = path.rpartition("/")
    cursor, _, start = locator.partition("-")
    if cursor not in org.cursors:
        return rest_error(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    return _page(org, org.cursors[cursor], int(start), base, cursor)


def _page(org: Org, records: Sequence[Row], start: int, path: str, cursor: str = "") -> Answer:
    end = start + org.settings.query_batch
    page: dict[str, Any] = {
        "totalSize": len(records),
        "done": end >= len(records),
        "records": records[start:end],
    }
    if end < len(records):
        cursor = cursor or org.keep_cursor(records)
        page["nextRecordsUrl"] = f"{path}/{cursor}-{end}"
    return json_answer(200, page)


def _records(org: Org, text: str, tables: Tables) -> Iterator[Row]:
    match = _QUERY.fullmatch(text)
    if match is None:
        raise QueryError("MALFORMED_QUERY", "unexpected token: " + (text.split() or ["<EOF>"])[0])
    shown = [name for name in tables if name not in org.settings.hidden_types]
    name = next((each for each in shown if each.lower() == match["object"].lower()), None)
    if name is None:
        raise QueryError("INVALID_TYPE", f"sObject type '{match['object']}' is not supported.")
    table = _Named(name, tables[name])
    fields = [table.field(each.strip()) for each in match["fields"].split(",")]
    wanted = table.conditions(match["where"])
    found = [row for row in table.table.rows(org) if all(str(row[key]).lower() == wanted[key] for key in wanted)]
    if match["order"]:
        _sort(found, table.field(match["order"]), match["direction"])
    for row in found[: int(match["limit"] or len(found))]:
        yield {"attributes": {"type": name}, **{field: row[field] for field in fields}}


def _sort(rows: list[Row], field: str, direction: str | None) -> None:
    """Rows without a value come first, unless the order is descending (SOQL and SOSL Reference, ORDER BY)."""
    is_descending = (direction or "").upper() == "DESC"
    rows.sort(key=lambda row: (row[field] is not None, row[field] or ""), reverse=is_descending)


@dataclass(frozen=True)
class _Named:
    """A table with its name, for what is said about its fields."""

    name: str
    table: Table

    def field(self, name: str) -> str:
        for field in self.table.fields:
            if field.lower() == name.lower():
                return field
        raise QueryError("INVALID_FIELD", f"No such column '{name}' on entity '{self.name}'.")

    def conditions(self, where: str | None) -> dict[str, str]:
        conditions = {}
        for condition in _AND.split(where) if where else ():
            match = _CONDITION.fullmatch(condition)
            if match is None:
                raise QueryError("MALFORMED_QUERY", f"unexpected token: {condition}")
            field = self.field(match[1])
            if field in self.table.not_filterable:
                raise QueryError("INVALID_FIELD", f"field '{field}' can not be filtered in a query call")
            conditions[field] = (match[2] if match[3] is None else match[3]).lower()
        return conditions
