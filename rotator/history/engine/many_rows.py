"""Many new rows, by few statements."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from rotator.history.engine.times import utc_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Table

_MOST_VALUES: Final = 5_000
"""In one statement; SQLite takes 32,766 since 3.32, and 999 before."""


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows that all have values for the same columns, as many by a statement as it may carry.

    SQLAlchemy asks of each value anew what is to become of it: that takes twice as long. And what it sends row by row,
    a trigger of Postgres that is asked once a statement is asked once a row.
    """
    if not rows:
        return
    names, quoted = list(rows[0]), connection.dialect.identifier_preparer
    columns = ", ".join(quoted.format_column(table.c[name]) for name in names)
    into = f"INSERT INTO {quoted.format_table(table)} ({columns})"
    if connection.dialect.name == "postgresql":
        # One value, where thousands would take the driver longer than all the rest.
        told = [{table.c[name].name: row[name] for name in names} for row in rows]
        source = f"json_populate_recordset(NULL::{quoted.format_table(table)}, %s::json)"
        text = json.dumps(told, default=utc_text)
        connection.exec_driver_sql(f"{into} SELECT {columns} FROM {source}", (text,))  # noqa: S608 - names of ours
        return
    at_once = min(_MOST_VALUES, connection.dialect.insertmanyvalues_max_parameters) // len(names)
    values = list(zip(*(_stored(connection, table, name, rows) for name in names), strict=True))
    places = f"({', '.join('?' * len(names))})"
    for start in range(0, len(values), at_once):
        some = values[start : start + at_once]
        connection.exec_driver_sql(f"{into} VALUES {', '.join([places] * len(some))}", tuple(chain(*some)))


def _stored(connection: Connection, table: Table, name: str, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The values of a column as the driver is given them."""
    stored = table.c[name].type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
    values = [row[name] for row in rows]
    if stored is None:
        return values
    if all(value is values[0] for value in values):
        # The time of a look, in all that it has seen.
        return [stored(values[0])] * len(values)
    return [stored(value) for value in values]
