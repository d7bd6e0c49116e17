"""Many new rows, by few statements."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from rotator.history.engine.times import utc_text
from rotator.portions import portions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Column, Connection, Table

_MOST_VALUES: Final = 5_000
"""In one statement; SQLite takes 32,766 since 3.32, and 999 before."""


def insert_rows(connection: Connection, table: Table, columns: Mapping[str, Sequence[Any]]) -> None:
    """Inserts rows, given as the values of each column, as many by a statement as it may carry.

    SQLAlchemy asks of each value anew what is to become of it: that takes twice as long. And what it sends row by row,
    a trigger of Postgres that is asked once a statement is asked once a row.
    """
    if not any(columns.values()):
        return
    quoted = connection.dialect.identifier_preparer
    names = ", ".join(quoted.format_column(table.c[name]) for name in columns)
    into = f"INSERT INTO {quoted.format_table(table)} ({names})"
    if connection.dialect.name == "postgresql":
        # One value, where thousands would take the driver longer than all the rest.
        keys = [table.c[name].name for name in columns]
        told = [dict(zip(keys, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        source = f"json_populate_recordset(NULL::{quoted.format_table(table)}, %s::json)"
        text = json.dumps(told, default=utc_text)
        connection.exec_driver_sql(f"{into} SELECT {names} FROM {source}", (text,))  # noqa: S608 - names of ours
        return
    at_once = min(_MOST_VALUES, connection.dialect.insertmanyvalues_max_parameters) // len(columns)
    stored = (_stored(connection, table.c[name], values) for name, values in columns.items())
    rows = list(zip(*stored, strict=True))
    places = f"({', '.join('?' * len(columns))})"
    for some in portions(rows, at_once):
        connection.exec_driver_sql(f"{into} VALUES {', '.join([places] * len(some))}", tuple(chain(*some)))


def _stored(connection: Connection, column: Column[Any], values: Sequence[Any]) -> Sequence[Any]:
    """The values of a column as the driver is given them."""
    stored = column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
    if stored is None:
        return values
    # Many rows have the same times: of the look that has seen them, and of the day on which a person changed them.
    different = {value: stored(value) for value in {*values}}
    return [different[value] for value in values]
