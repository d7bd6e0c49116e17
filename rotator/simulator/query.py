"""The little of SOQL that monitoring scripts ask: one object, plain fields, conditions of equality, a limit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rotator.simulator.answers import Answer, json_answer, rest_error
from rotator.simulator.identifiers import record_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from rotator.simulator.org import Org

Row = Mapping[str, Any]

_QUERY: Final = re.compile(
    r"\s*SELECT\s+(?P<fields>[\w\s,.]+?)\s+FROM\s+(?P<object>\w+)"
    r"(?:\s+WHERE\s+(?P<where>.+?))?(?:\s+LIMIT\s+(?P<limit>\d+))?\s*",
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


def query(org: Org, text: str) -> Answer:
    """GET /services/data/vXX.X/query?q=..."""
    try:
        records = list(_records(org, text))
    except QueryError as error:
        return rest_error(400, error.code, error.message)
    return json_answer(200, {"totalSize": len(records), "done": True, "records": records})


def _records(org: Org, text: str) -> Iterator[Row]:
    match = _QUERY.fullmatch(text)
    if match is None:
        raise QueryError("MALFORMED_QUERY", "unexpected token: " + (text.split() or ["<EOF>"])[0])
    name = next((each for each in TABLES if each.lower() == match["object"].lower()), None)
    if name is None:
        raise QueryError("INVALID_TYPE", f"sObject type '{match['object']}' is not supported.")
    fields = [_field(name, each.strip()) for each in match["fields"].split(",")]
    wanted = _conditions(name, match["where"])
    found = [row for row in TABLES[name].rows(org) if all(str(row[key]).lower() == wanted[key] for key in wanted)]
    for row in found[: int(match["limit"] or len(found))]:
        yield {"attributes": {"type": name}, **{field: row[field] for field in fields}}


def _conditions(name: str, where: str | None) -> dict[str, str]:
    conditions = {}
    for condition in _AND.split(where) if where else ():
        match = _CONDITION.fullmatch(condition)
        if match is None:
            raise QueryError("MALFORMED_QUERY", f"unexpected token: {condition}")
        field = _field(name, match[1])
        if field in TABLES[name].not_filterable:
            raise QueryError("INVALID_FIELD", f"field '{field}' can not be filtered in a query call")
        conditions[field] = (match[2] if match[3] is None else match[3]).lower()
    return conditions


def _field(table: str, name: str) -> str:
    for field in TABLES[table].fields:
        if field.lower() == name.lower():
            return field
    raise QueryError("INVALID_FIELD", f"No such column '{name}' on entity '{table}'.")


def _organizations(org: Org) -> Iterator[Row]:
    yield {"Id": org.id, "Name": org.name, "IsSandbox": org.kind == "sandbox", "OrganizationType": "Developer Edition"}


def _users(org: Org) -> Iterator[Row]:
    for user in org.users.values():
        yield {
            "Id": user.id,
            "Username": user.username,
            "Name": user.name,
            "Email": user.username,
            "IsActive": user.active,
        }


def _applications(org: Org) -> Iterator[Row]:
    """ConnectedApplication has the label as its name, and neither certificate nor consumer key."""
    for app in org.apps.values():
        yield {
            "Id": app.id,
            "Name": app.component["label"],
            "CreatedDate": rest_time(app.created_at),
            "LastModifiedDate": rest_time(app.modified_at),
            "OptionsAllowAdminApprovedUsersOnly": app.has_flag("isAdminApproved"),
        }


def _logins(org: Org) -> Iterator[Row]:
    """Which row a refused JWT login leaves, if any, is not documented."""
    for number, login in enumerate(org.logins):
        is_unsigned = login.outcome.endswith("invalid assertion")
        status = org.settings.signature_failure_status if is_unsigned else login.outcome
        if status is None:
            continue
        user = org.users.get(login.username)
        yield {
            "Id": record_id("0Ya", number),
            "UserId": user.id if user else None,
            "LoginTime": rest_time(login.time),
            "LoginType": "Remote Access 2.0",
            "Application": login.app.replace("_", " "),
            "Status": status,
        }


def rest_time(time: datetime) -> str:
    """A time as the REST API writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


TABLES: Final = {
    "Organization": Table(_organizations, ("Id", "Name", "IsSandbox", "OrganizationType")),
    "User": Table(_users, ("Id", "Username", "Name", "Email", "IsActive")),
    "ConnectedApplication": Table(
        _applications, ("Id", "Name", "CreatedDate", "LastModifiedDate", "OptionsAllowAdminApprovedUsersOnly")
    ),
    "LoginHistory": Table(
        _logins,
        ("Id", "UserId", "LoginTime", "LoginType", "Application", "Status"),
        not_filterable=("Application",),
    ),
}
"""The objects that can be asked for (Object Reference; LoginHistory's Application has no Filter property)."""
