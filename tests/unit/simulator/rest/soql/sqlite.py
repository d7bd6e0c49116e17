"""The same rows in the simulated org and in SQLite, and the same question to both."""

# ruff: noqa: S608 - the queries are made here

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rotator.simulator.org.org import Org
from rotator.simulator.rest.query_resource import answer_query
from rotator.simulator.rest.soql.database import Database
from rotator.simulator.wire.request import Request
from tests.unit.simulator.helpers import StandingClock, seeded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.simulator.rest.sobjects import SObject

Rows = list[dict[str, Any]]
ORG = Org("any", clock=StandingClock(), random=seeded())


@dataclass(frozen=True)
class Both:
    """The same condition in SOQL and in SQL, where a comparison with nothing is false and not unknown."""

    soql: str
    sql: str


def simulated(query: str, *objects: SObject) -> Any:
    """The org's answer."""
    database = Database(ORG, None, {each.name: each for each in objects})
    return json.loads(answer_query(database, Request("GET", "/services/data/v67.0/query", {"q": query})).body)


def in_sqlite(query: str, **tables: Rows) -> list[tuple[Any, ...]]:
    """SQLite's rows. Columns have no type, so that a value comes back as it went in."""
    with closing(sqlite3.connect(":memory:")) as database:
        for name, rows in tables.items():
            columns = list(rows[0]) if rows else ["Id", "Name", "Size", "Flag", "Made", "ThingId"]
            database.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
            marks = ", ".join(f":{column}" for column in columns)
            database.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
        return database.execute(query).fetchall()


def numbered(rows: Sequence[dict[str, Any]], prefix: str = "a00") -> Rows:
    """The rows with ids."""
    return [{**row, "Id": f"{prefix}{number:012d}AAA"} for number, row in enumerate(rows)]
